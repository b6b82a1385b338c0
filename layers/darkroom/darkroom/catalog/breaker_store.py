"""The providers' circuit breakers, shared by all functions through one small item each."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.conditions import raise_unless_condition_failed
from darkroom.catalog.breaker import WINDOW, Breaker, BreakerState, mark_of, rest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FRESH = 5_000
"""Milliseconds for which a process goes by what it read."""


class Breakers:
    """Reads and moves breakers. `scale` divides their waits, as it does all others."""

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Callable[[], int], scale: float) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._scale = scale
        self._read_at: int | None = None
        self._known: dict[str, Breaker] = {}

    def all(self) -> dict[str, Breaker]:
        """Every breaker that ever moved, at most some seconds old."""
        now = self._clock()
        if self._read_at is None or now - self._read_at > FRESH / self._scale:
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": "breaker"}},
            )
            self._known = {item["sk"]["S"]: _breaker(item) for item in page["Items"]}
            self._read_at = now
        return dict(self._known)

    def of(self, provider: str) -> Breaker:
        """One provider's breaker."""
        return self.all().get(provider, Breaker(provider))

    def failed(self, provider: str, owner: str) -> None:
        """The provider is out, as an owner has met it: count it.

        The breaker opens after several in a row, or when a probe failed; for that owner alone if nobody else has.
        """
        now = self._clock()
        breaker = self._counted(provider, mark_of(owner), now)
        if not breaker.opens(now):
            self._known[provider] = breaker
            return
        opened = breaker.opened + 1
        retry_at = now + int(1000 * rest(opened) / self._scale)
        self._open(provider, breaker, opened, retry_at)
        self._read_at = None

    def succeeded(self, provider: str) -> None:
        """The provider took a task: close its breaker, if there is anything to close."""
        breaker = self.of(provider)
        if not breaker.failures and breaker.retry_at is None:
            return
        self._client.update_item(
            TableName=self._table,
            Key=_key(provider),
            UpdateExpression="SET failures = :none, opened = :none REMOVE retry_at, probing, owners",
            ExpressionAttributeValues={":none": {"N": "0"}},
        )
        self._read_at = None

    def may_probe(self, breaker: Breaker) -> bool:
        """Whether the caller is the one that tries a half-open provider: nobody else does so meanwhile."""
        now = self._clock()
        if breaker.state(now) is not BreakerState.HALF_OPEN:
            return False
        next_probe = now + int(1000 * rest(1) / self._scale)
        won = self._move(
            breaker.provider,
            "SET retry_at = :next, probing = :yes",
            "retry_at = :seen",
            {":next": {"N": str(next_probe)}, ":seen": {"N": str(breaker.retry_at)}, ":yes": {"BOOL": True}},
        )
        self._read_at = None
        return won

    def _counted(self, provider: str, mark: str, now: int) -> Breaker:
        since = now - int(1000 * WINDOW / self._scale)
        fresh: Any = {":now": {"N": str(now)}, ":one": {"N": "1"}, ":owner": {"SS": [mark]}}
        update: Any = {"TableName": self._table, "Key": _key(provider), "ReturnValues": "ALL_NEW"}
        try:
            answer = self._client.update_item(
                **update,
                UpdateExpression="SET failures = :one, last_failure_at = :now, owners = :owner",
                ConditionExpression="attribute_not_exists(last_failure_at) OR last_failure_at < :since",
                ExpressionAttributeValues={**fresh, ":since": {"N": str(since)}},
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            answer = self._client.update_item(
                **update,
                UpdateExpression="SET last_failure_at = :now ADD failures :one, owners :owner",
                ExpressionAttributeValues=fresh,
            )
        return _breaker({**answer["Attributes"], **_key(provider)})

    def _open(self, provider: str, breaker: Breaker, opened: int, retry_at: int) -> None:
        values: Any = {":opened": {"N": str(opened)}, ":retry": {"N": str(retry_at)}, ":none": {"N": "0"}}
        condition = "attribute_not_exists(retry_at)"
        if breaker.retry_at is not None:
            condition = "retry_at = :seen"
            values[":seen"] = {"N": str(breaker.retry_at)}
        expression = "SET opened = :opened, retry_at = :retry, failures = :none REMOVE probing"
        self._move(provider, expression, condition, values)

    def _move(self, provider: str, expression: str, condition: str, values: Any) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(provider),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            return False  # somebody else moved it first
        return True


def _key(provider: str) -> dict[str, Any]:
    return {"pk": {"S": "breaker"}, "sk": {"S": provider}}


def _breaker(item: Any) -> Breaker:
    return Breaker(
        provider=item["sk"]["S"],
        failures=int(item.get("failures", {}).get("N", "0")),
        last_failure_at=int(item.get("last_failure_at", {}).get("N", "0")),
        opened=int(item.get("opened", {}).get("N", "0")),
        retry_at=int(item["retry_at"]["N"]) if "retry_at" in item else None,
        probing=item.get("probing", {}).get("BOOL", False),
        owners=frozenset(item.get("owners", {}).get("SS", ())),
    )
