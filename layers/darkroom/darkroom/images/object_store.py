"""The bucket: images, references that were sent as data, kept callbacks and results that came as data."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.forward_compatibility import known
from darkroom.tasks.task import StoredImage, Task

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AREAS = ("tasks", "callbacks", "results")
"""Where a task's objects lie: under `<area>/<owner>/<task id>/`."""
STORED = "stored:"
"""What a link to an object of ours begins with inside a task, where a provider's link would begin with http."""


def image_key(task: Task, index: int, extension: str) -> str:
    """Where an image lies. The record's nonce is in it: the same id may have had another record before."""
    return f"{_image_prefix(task, index)}{extension}"


def _image_prefix(task: Task, index: int) -> str:
    return f"tasks/{task.owner}/{task.task_id}/{index}.{task.nonce}."


def reference_key(task: Task, index: int) -> str:
    """Where a reference image lies that came as a data URI."""
    return f"tasks/{task.owner}/{task.task_id}/references/{task.nonce}-{index}"


def is_of(task: Task, key: str) -> bool:
    """Whether an image or a reference is this record's. One of an earlier release has no nonce in its key."""
    marked = _MARKED.search(key)
    return marked is None or task.nonce in marked.groups()


def result_key(task: Task, attempt: int, index: int) -> str:
    """Where a picture lies that a provider sent as base64, until it is checked and copied."""
    return f"results/{task.owner}/{task.task_id}/{task.nonce}-{attempt}-{index}"


def callbacks_prefix(owner: str, task_id: str) -> str:
    """Where a task's callbacks are kept."""
    return f"callbacks/{owner}/{task_id}/"


_MARKED = re.compile(r"/[0-9]+\.([0-9a-f]+)\.[a-z]+$|/references/([0-9a-f]+)-[0-9]+$")


class NotDeleted(Exception):
    """S3 did not delete some objects; the message says how many, and S3's code for the first of them."""


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
        put: Any = {
            "Bucket": self._bucket,
            "Key": image.key,
            "Body": body,
            "ContentLength": image.bytes,
            "ContentType": image.content_type,
            "ChecksumSHA256": base64.b64encode(bytes.fromhex(image.sha256)).decode(),
            "Metadata": {"sha256": image.sha256, "width": str(image.width), "height": str(image.height)},
            "IfNoneMatch": "*",
        }
        try:
            self._client.put_object(**put)
        except ClientError as error:
            _raise_unless_there(error)
            return self._describe(image.key)
        return image

    def find_image(self, task: Task, index: int) -> StoredImage | None:
        """The image that an earlier try for this very record stored before it could say so, whatever its type was."""
        prefix = _image_prefix(task, index)
        for entry in self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix).get("Contents", []):
            return self._describe(entry["Key"])
        return None

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
            kept.append(KeptCallback(**{**known(KeptCallback, record), "body": base64.b64decode(record["body"])}))
        yield from sorted(kept, key=lambda callback: callback.received_at)

    def remove(self, keys: Sequence[str]) -> None:
        """Remove some objects, up to a thousand. Raises `NotDeleted`."""
        self._delete(keys)

    def delete_task(self, owner: str, task_id: str) -> None:
        """Remove everything that lies under a task: images, references, kept callbacks and results.

        Raises `NotDeleted` where anything of it is still there.
        """
        for area in AREAS:
            for page in self._pages(f"{area}/{owner}/{task_id}/"):
                self._delete(page)

    def delete_of_owner(self, owner: str) -> Iterator[int]:
        """Remove everything of an owner, up to a thousand objects at each step; the number that a step removed.

        Raises `NotDeleted`.
        """
        for area in AREAS:
            for page in self._pages(f"{area}/{owner}/"):
                self._delete(page)
                yield len(page)

    def _delete(self, keys: Sequence[str]) -> None:
        """Delete up to a thousand objects, those that S3 could not delete once more.

        The call as a whole succeeds where single keys fail; only `Errors` tells of them (AWS: S3 API, DeleteObjects,
        docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html).
        """
        errors: Any = []
        for _ in range(2):
            objects: Any = [{"Key": key} for key in keys]
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
            errors = answer.get("Errors", [])
            if not errors:
                return
            keys = [error["Key"] for error in errors]
        raise NotDeleted(f"S3 did not delete {len(errors)} objects: {errors[0].get('Code', 'it gave no reason')}")

    def _keys(self, prefix: str) -> Iterator[str]:
        return chain.from_iterable(self._pages(prefix))

    def _pages(self, prefix: str) -> Iterator[list[str]]:
        """The keys under a prefix, a thousand at a time: as many as DeleteObjects takes."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            if found := [entry["Key"] for entry in page.get("Contents", [])]:
                yield found

    def _describe(self, key: str) -> StoredImage:
        """An image that lies there."""
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


def _raise_unless_there(error: ClientError) -> None:
    """Return where S3 did not write an object because of the one that lies there; raise anything else that it says."""
    if error.response["Error"]["Code"] not in {"PreconditionFailed", "ConditionalRequestConflict"}:
        raise error
