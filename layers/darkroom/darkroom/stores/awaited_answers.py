"""Who waits for which task: so that a client that lost its answer and asks again gets the pictures it paid for."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.stores.conditions import raise_unless_condition_failed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LIFE = 900
"""Seconds for which a repeated request may still be the same request."""


@dataclass(frozen=True, slots=True)
class AwaitedAnswer:
    """The latest synchronous call with one body. Times are Unix milliseconds.

    `until` is when its wait ends; `given` says that its answer was handed out.
    """

    key: str
    task_id: str
    asked_at: int
    until: int
    given: bool = False


class AwaitedAnswers:
    """Reads and conditional writes of awaited answers, in the tasks table under `answer#<digest>`."""

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

    def find(self, key: str) -> AwaitedAnswer | None:
        """The latest call with this key, if there was one lately."""
        found = self._client.get_item(TableName=self._table, Key=item_key(key), ConsistentRead=True).get("Item")
        if found is None or int(found["expires_at"]["N"]) * 1000 <= self._clock():
            return None
        return AwaitedAnswer(
            key=key,
            task_id=found["awaited"]["S"],
            asked_at=int(found["asked_at"]["N"]),
            until=int(found["until"]["N"]),
            given=found["given"]["BOOL"],
        )

    def put(self, answer: AwaitedAnswer) -> None:
        """Record that somebody waits."""
        self._client.put_item(TableName=self._table, Item=_item(answer))

    def replace(self, earlier: AwaitedAnswer, answer: AwaitedAnswer) -> bool:
        """Record it over what was found, unless somebody else did so first. Returns whether it was recorded."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_item(answer),
                ConditionExpression="awaited = :task AND #until = :until",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":task": {"S": earlier.task_id}, ":until": {"N": str(earlier.until)}},
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            return False
        return True


def answer_key(owner: str, dialect: str, fingerprint: str) -> str:
    """What the calls of one owner with the same body in the same dialect have in common."""
    return hashlib.sha256(f"{owner}\n{dialect}\n{fingerprint}".encode()).hexdigest()


def item_key(key: str) -> dict[str, Any]:
    """Where the note under a key is."""
    return {"task_id": {"S": f"answer#{key}"}}


def _item(answer: AwaitedAnswer) -> dict[str, Any]:
    return {
        **item_key(answer.key),
        "awaited": {"S": answer.task_id},
        "asked_at": {"N": str(answer.asked_at)},
        "until": {"N": str(answer.until)},
        "given": {"BOOL": answer.given},
        "expires_at": {"N": str(answer.asked_at // 1000 + LIFE)},
    }
