"""How far a sweep over something large has come, so that the next run goes on from there."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Sweeps:
    """Reads and writes positions, in the accounts table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def position(self, name: str) -> str:
        """Where the last run stopped; an empty text at the beginning."""
        found = self._client.get_item(TableName=self._table, Key=_key(name)).get("Item", {})
        return found.get("position", {}).get("S", "")

    def move(self, name: str, position: str) -> None:
        """Remember where this run stopped; an empty text begins anew."""
        self._client.put_item(TableName=self._table, Item={**_key(name), "position": {"S": position}})


def _key(name: str) -> dict[str, Any]:
    return {"pk": {"S": "sweeps"}, "sk": {"S": name}}
