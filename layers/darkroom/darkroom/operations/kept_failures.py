"""The records of the stream that `notify` gave up on: Lambda keeps each batch of them, whole, as an object.

The object's key and form are AWS's (docs.aws.amazon.com, Lambda: Retain discarded records for a DynamoDB event source):
`aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<UUID>`, a JSON object that describes the last invocation,
with the invocation's event under `payload`.
"""

import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "aws/lambda/"
"""Where Lambda puts them: a destination is a bucket, and the rest of the key is not ours to choose."""


class UnreadableFailure(ValueError):
    """An object under the prefix is not a batch that was given up on."""


class KeptFailures:
    """Lists, reads and deletes the kept batches. Raises botocore's `ClientError` where S3 does."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def count(self) -> int:
        """How many batches are kept."""
        return sum(1 for _ in self._keys())

    def keys(self, limit: int) -> list[str]:
        """The keys of up to `limit` of them."""
        return list(islice(self._keys(), limit))

    def records(self, key: str) -> list[dict[str, Any]]:
        """The stream's records in a batch, as `notify` was given them. Raises `UnreadableFailure`."""
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        try:
            payload = json.loads(body)["payload"]
            # AWS shows the event as text in its example; as an object it says the same.
            event = json.loads(payload) if isinstance(payload, str) else payload
            records: list[dict[str, Any]] = event["Records"]
            if not all(isinstance(record["dynamodb"], dict) for record in records):
                raise TypeError("a record has no `dynamodb` object")
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise UnreadableFailure(f"{key} is not a batch that Lambda kept: {error!r}") from error
        return records

    def delete(self, key: str) -> None:
        """Remove a batch that was worked through."""
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def _keys(self) -> Iterator[str]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=PREFIX):
            for found in page.get("Contents", []):
                yield found["Key"]
