"""Requests per second of an API key, counted over all functions at once by conditional writes of one small item.

The generic cell rate algorithm (ITU-T I.371): the item holds the moment at which the key's bucket will be empty.
"""

import math
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.conditions import raise_unless_condition_failed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class RequestRates:
    """Takes requests out of the keys' allowances."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def take(self, key_id: str, per_second: float, now: int) -> int:
        """Take one request; the whole seconds to wait where there is none left, else 0. `now` is Unix milliseconds.

        A second's worth of requests may come at once.
        """
        interval = 1000 / per_second
        burst = interval * max(1, math.ceil(per_second))
        if self._fill(key_id, now, interval):
            return 0
        empty_at = self._add(key_id, now, interval, burst)
        return 0 if empty_at is None else max(1, math.ceil((empty_at + interval - burst - now) / 1000))

    def _fill(self, key_id: str, now: int, interval: float) -> bool:
        """Start anew, where nothing is left of earlier requests."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(key_id),
                UpdateExpression="SET empty_at = :next",
                ConditionExpression="attribute_not_exists(empty_at) OR empty_at <= :now",
                ExpressionAttributeValues={":next": {"N": _number(now + interval)}, ":now": {"N": str(now)}},
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            return False
        return True

    def _add(self, key_id: str, now: int, interval: float, burst: float) -> float | None:
        """One request more, while the bucket is not full; else when it will be empty."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(key_id),
                UpdateExpression="SET empty_at = empty_at + :interval",
                ConditionExpression="empty_at <= :latest",
                ExpressionAttributeValues={
                    ":interval": {"N": _number(interval)},
                    ":latest": {"N": _number(now + burst - interval)},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            found: Any = error.response.get("Item", {})
            return float(found["empty_at"]["N"]) if "empty_at" in found else now + burst
        return None


def _key(key_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"limits#{key_id}"}, "sk": {"S": "rate"}}


def _number(value: float) -> str:
    return f"{value:.3f}"
