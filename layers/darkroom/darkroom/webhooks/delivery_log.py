"""The record of a webhook: every attempt to deliver it, in one item beside its task."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.conditions import raise_unless_condition_failed
from darkroom.aws.forward_compatibility import known, member, unknown
from darkroom.tasks.keys import only_while_recorded, webhook_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DeliveryState(StrEnum):
    """Where a webhook is on its way."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One attempt. Times are Unix milliseconds; `status` is the HTTP status, if there was an answer.

    `number` counts over all rounds, `turn` is its place (from 1) in its round. `done` is false while it is out.
    `claim` marks the invocation that began it: that one alone makes it.
    """

    number: int
    round: int
    turn: int
    at: int
    done: bool = False
    status: int | None = None
    latency_ms: int | None = None
    error: str | None = None
    next_at: int | None = None
    claim: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryLog:
    """Everything that was tried to deliver one task's webhook. `version` counts the writes."""

    task_id: str
    owner: str
    url: str
    expires_at: int
    state: DeliveryState = DeliveryState.PENDING
    attempts: tuple[DeliveryAttempt, ...] = ()
    version: int = 0
    unread: Mapping[int, Mapping[str, Any]] = field(default_factory=dict, compare=False, repr=False)
    """What a later release recorded and this one can't read, by the attempt's number; 0 is the log itself."""

    def attempt(self, round_number: int, turn: int) -> DeliveryAttempt | None:
        """The attempt with this place in this round, if it was ever begun."""
        return next((a for a in self.attempts if (a.round, a.turn) == (round_number, turn)), None)

    def with_attempt(self, attempt: DeliveryAttempt) -> "DeliveryLog":
        """The log with this attempt added, or put in the place of its earlier form."""
        others = tuple(a for a in self.attempts if a.number != attempt.number)
        return replace(self, attempts=(*others, attempt))


class DeliveryConflict(Exception):
    """Somebody else wrote the log meanwhile, or its task was deleted."""


class DeliveryStore:
    """Reads and conditional writes of delivery logs, in the tasks table under `webhook#<task id>`."""

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

    def get(self, task_id: str) -> DeliveryLog | None:
        """The log as it stands now, or None where nothing was tried yet or its time is over."""
        found = self._client.get_item(TableName=self._table, Key=webhook_key(task_id), ConsistentRead=True).get("Item")
        if found is None or int(found["expires_at"]["N"]) * 1000 <= self._clock():
            return None
        return read_delivery(found)

    def save(self, log: DeliveryLog) -> DeliveryLog:
        """Write the log over the version that it was read at. Raises `DeliveryConflict`."""
        saved = replace(log, version=log.version + 1)
        put: Any = {
            "TableName": self._table,
            "Item": {
                **webhook_key(log.task_id),
                "version": {"N": str(saved.version)},
                "expires_at": {"N": str(log.expires_at)},
                "log": {"S": json.dumps(_record(saved), separators=(",", ":"))},
            },
        }
        try:
            if log.version:
                version = {":version": {"N": str(log.version)}}
                self._client.put_item(
                    **put, ConditionExpression="version = :version", ExpressionAttributeValues=version
                )
            else:
                self._begin(log.task_id, put)
        except ClientError as error:
            raise_unless_condition_failed(error)
            if self.get(log.task_id) != saved:  # else it is our own write, repeated by the SDK after a lost answer
                raise DeliveryConflict(log.task_id) from error
        return saved

    def _begin(self, task_id: str, put: Any) -> None:
        """Write the first version, where none is (or one whose time is over), and only beside its task."""
        put = put | {
            "ConditionExpression": "attribute_not_exists(task_id) OR expires_at <= :now",
            "ExpressionAttributeValues": {":now": {"N": str(self._clock() // 1000)}},
        }
        parts: Any = [{"Put": put}, only_while_recorded(self._table, task_id)]
        self._client.transact_write_items(TransactItems=parts)


def _record(log: DeliveryLog) -> dict[str, Any]:
    record = asdict(log)
    del record["unread"]
    record["attempts"] = [{**log.unread.get(each["number"], {}), **each} for each in record["attempts"]]
    return {**log.unread.get(0, {}), **record}


def read_delivery(item: Mapping[str, Any]) -> DeliveryLog:
    """The log of an item, whichever release wrote it: a state that is not known here counts as under way."""
    record = json.loads(item["log"]["S"])
    unread = {0: unknown(DeliveryLog, record)}
    unread |= {each["number"]: unknown(DeliveryAttempt, each) for each in record["attempts"]}
    return DeliveryLog(
        **{
            **known(DeliveryLog, record),
            "state": member(DeliveryState, record["state"], DeliveryState.PENDING),
            "attempts": tuple(DeliveryAttempt(**known(DeliveryAttempt, each)) for each in record["attempts"]),
            "unread": {place: fields for place, fields in unread.items() if fields},
        }
    )
