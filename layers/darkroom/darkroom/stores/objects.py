"""The bucket: images, references that were sent as data, kept callbacks and results that came as data."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.domain.parts import parts
from darkroom.domain.task import StoredImage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STORED = "stored:"
"""What a link to an object of ours begins with inside a task, where a provider's link would begin with http."""


def image_key(owner: str, task_id: str, index: int, extension: str) -> str:
    """Where an image lies."""
    return f"tasks/{owner}/{task_id}/{index}.{extension}"


def reference_key(owner: str, task_id: str, index: int) -> str:
    """Where a reference image lies that came as a data URI."""
    return f"tasks/{owner}/{task_id}/references/{index}"


def result_key(owner: str, task_id: str, attempt: int, index: int) -> str:
    """Where a picture lies that a provider sent as base64, until it is checked and copied."""
    return f"results/{owner}/{task_id}/{attempt}-{index}"


def callbacks_prefix(owner: str, task_id: str) -> str:
    """Where a task's callbacks are kept."""
    return f"callbacks/{owner}/{task_id}/"


@dataclass(frozen=True, slots=True)
class KeptCallback:
    """One callback as it came in. `received_at` is in Unix milliseconds."""

    provider: str
    received_at: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class ListedObject:
    """What a list says of an object. `modified_at` is in Unix milliseconds."""

    key: str
    modified_at: int


class ObjectStore:
    """Reads and writes of the bucket. Raises botocore's `ClientError` where S3 does."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        """Write an object whole, checked by its SHA-256 on arrival."""
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=body,
            ContentType=content_type,
            ChecksumSHA256=base64.b64encode(hashlib.sha256(body).digest()).decode(),
        )

    def put_image(self, image: StoredImage, body: IO[bytes]) -> StoredImage:
        """Write an image that was checked, once: where one lies already, that one is kept and described."""
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=image.key,
                Body=body,
                ContentLength=image.bytes,
                ContentType=image.content_type,
                ChecksumSHA256=base64.b64encode(bytes.fromhex(image.sha256)).decode(),
                IfNoneMatch="*",
                Metadata={
                    "sha256": image.sha256,
                    "width": str(image.width),
                    "height": str(image.height),
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"PreconditionFailed", "ConditionalRequestConflict"}:
                raise
            return self._describe(image.key)
        return image

    def find_image(self, owner: str, task_id: str, index: int) -> StoredImage | None:
        """The image that an earlier try stored before it could say so, whatever its type was."""
        prefix = f"tasks/{owner}/{task_id}/{index}."
        found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1).get("Contents")
        return self._describe(found[0]["Key"]) if found else None

    def open(self, key: str) -> IO[bytes]:
        """An object's body as a stream, to be read once and closed."""
        body: IO[bytes] = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]  # type: ignore[assignment]
        return body

    def read(self, key: str) -> bytes:
        """An object's whole body."""
        with self.open(key) as body:
            return body.read()

    def images_after(self, position: str, *, limit: int) -> tuple[list[ListedObject], str]:
        """Up to `limit` images after the key `position`, in order, and where to go on from (empty at the end)."""
        images: list[ListedObject] = []
        while len(images) < limit:
            page = self._client.list_objects_v2(
                Bucket=self._bucket, Prefix="tasks/", StartAfter=position, MaxKeys=min(1000, limit - len(images))
            )
            found = page.get("Contents", [])
            images += [ListedObject(entry["Key"], int(entry["LastModified"].timestamp() * 1000)) for entry in found]
            if not page.get("IsTruncated"):
                return images, ""
            position = found[-1]["Key"]
        return images, position

    def keep_callback(self, owner: str, task_id: str, kept: KeptCallback) -> str:
        """Keep a callback under the digest of its body: the same one again takes no more room. Returns the key."""
        digest = hashlib.sha256(kept.body).hexdigest()[:32]
        key = f"{callbacks_prefix(owner, task_id)}{kept.provider}-{digest}.json"
        record = {
            "provider": kept.provider,
            "received_at": kept.received_at,
            "headers": kept.headers,
            "body": base64.b64encode(kept.body).decode(),
        }
        self.put(key, json.dumps(record).encode(), "application/json")
        return key

    def kept_callbacks(self, owner: str, task_id: str) -> Iterator[KeptCallback]:
        """The callbacks that a task got, in the order in which they came."""
        kept = []
        for key in self._keys(callbacks_prefix(owner, task_id)):
            record: dict[str, Any] = json.loads(self.read(key))
            kept.append(KeptCallback(**{**record, "body": base64.b64decode(record["body"])}))
        yield from sorted(kept, key=lambda callback: callback.received_at)

    def delete_task(self, owner: str, task_id: str) -> None:
        """Remove everything that lies under a task: images, references, kept callbacks and results."""
        for area in ("tasks", "callbacks", "results"):
            for part in parts(list(self._keys(f"{area}/{owner}/{task_id}/")), 1000):
                self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in part], "Quiet": True}
                )

    def _keys(self, prefix: str) -> Iterator[str]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield found["Key"]

    def _describe(self, key: str) -> StoredImage:
        head = self._client.head_object(Bucket=self._bucket, Key=key)
        facts = head["Metadata"]
        return StoredImage(
            key=key,
            content_type=head["ContentType"],
            bytes=head["ContentLength"],
            width=int(facts["width"]),
            height=int(facts["height"]),
            sha256=facts["sha256"],
        )
