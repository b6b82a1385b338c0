"""Who waits for which task: so that a client that lost its answer and asks again gets the pictures it paid for."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.conditions import raise_unless_condition_failed
from darkroom.aws.forward_compatibility import known
from darkroom.submission.repetition import LIFE, Wait

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class InFlightCalls:
    """The waits of the calls with one body. `version` is of their record; 0 where there is none."""

    key: str
    waits: tuple[Wait, ...] = ()
    version: int = 0


class InFlightCallStore:
    """Reads and conditional writes of awaited answers, in the tasks table under `answers#<digest>`."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def find(self, key: str) -> InFlightCalls:
        """The waits under this key that are not too old."""
        found = self._client.get_item(TableName=self._table, Key=item_key(key), ConsistentRead=True).get("Item")
        if found is None:
            return InFlightCalls(key)
        read = [Wait(**known(Wait, entry)) for entry in json.loads(found["waits"]["S"])]
        recent = tuple(wait for wait in read if self._clock() - wait.asked_at < LIFE)
        return InFlightCalls(key, recent, int(found["version"]["N"]))

    def replace(self, earlier: InFlightCalls, waits: tuple[Wait, ...]) -> bool:
        """Record other waits over what was found, unless somebody else wrote since. Returns whether it was recorded."""
        newest = max((wait.asked_at for wait in waits), default=self._clock())
        item: dict[str, Any] = {
            **item_key(earlier.key),
            "waits": {"S": json.dumps([asdict(wait) for wait in waits])},
            "version": {"N": str(earlier.version + 1)},
            "expires_at": {"N": str((newest + LIFE) // 1000)},
        }
        put: Any = {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(task_id)"}
        if earlier.version:
            put["ConditionExpression"] = "version = :version"
            put["ExpressionAttributeValues"] = {":version": {"N": str(earlier.version)}}
        try:
            self._client.put_item(**put)
        except ClientError as error:
            raise_unless_condition_failed(error)
            return False
        return True


def answer_key(owner: str, dialect: str, fingerprint: str) -> str:
    """What the calls of one owner with the same body in the same dialect have in common."""
    return hashlib.sha256(f"{owner}\n{dialect}\n{fingerprint}".encode()).hexdigest()


def item_key(key: str) -> dict[str, Any]:
    """Where the waits under a key are."""
    return {"task_id": {"S": f"answers#{key}"}}
