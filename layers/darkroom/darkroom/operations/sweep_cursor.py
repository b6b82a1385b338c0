"""How far a sweep over something large has come, so that the next run goes on from there."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class SweepCursor:
    """Where the last run stopped (an empty text at the beginning of a round), when its round began, and the moment
    since which things have to be new to be looked at in it. Times are Unix milliseconds."""

    position: str = ""
    begun_at: int = 0
    since: int = 0


class SweepCursors:
    """Reads and writes sweeps, in the accounts table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, name: str) -> SweepCursor:
        """How far a sweep has come."""
        found = self._client.get_item(TableName=self._table, Key=_key(name)).get("Item", {})
        begun_at, since = (int(found.get(what, {}).get("N", "0")) for what in ("begun_at", "since"))
        return SweepCursor(found.get("position", {}).get("S", ""), begun_at, since)

    def move(self, name: str, sweep: SweepCursor) -> None:
        """Remember how far it has come now."""
        self._client.put_item(
            TableName=self._table,
            Item={
                **_key(name),
                "position": {"S": sweep.position},
                "begun_at": {"N": str(sweep.begun_at)},
                "since": {"N": str(sweep.since)},
            },
        )


def _key(name: str) -> dict[str, Any]:
    return {"pk": {"S": "sweeps"}, "sk": {"S": name}}
