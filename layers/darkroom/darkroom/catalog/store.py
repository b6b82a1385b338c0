"""A deployment's own rows of the catalog, and who changed what: a few items of the accounts table.

All rows together are one item, packed: they are read as a whole, and a whole is in force or none. Beside it a small
item holds the version alone, which is all that a process reads again and again.
"""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from darkroom.catalog.loading import KINDS, Row, Rows

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOTHING: Rows = {kind: {} for kind in KINDS}
_PARTITION = "catalog"
MAX_PACKED = 300_000
"""Bytes of all rows together, packed: an item has at most 400 KB (DynamoDB, Service quotas)."""


class TooManyRows(ValueError):
    """There is no room for so many rows."""


class ChangedMeanwhile(Exception):
    """Somebody else changed the catalog since it was read."""


@dataclass(frozen=True, slots=True)
class OwnRows:
    """A deployment's own rows, and how often they were changed."""

    version: int
    rows: Rows


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """One change: what was in force before and after it, None for nothing. `at` is in Unix milliseconds."""

    version: int
    at: int
    by: str
    kind: str
    name: str
    before: Row | None
    after: Row | None


class CatalogStore:
    """Reads and writes a deployment's own rows."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def version(self) -> int:
        """How often the rows were changed: 0 where they never were."""
        item = self._get("version")
        return int(item["version"]["N"]) if item else 0

    def rows(self) -> OwnRows:
        """All rows."""
        item = self._get("rows")
        if item is None:
            return OwnRows(0, NOTHING)
        return OwnRows(int(item["version"]["N"]), json.loads(gzip.decompress(item["packed"]["B"])))

    def change(self, own: OwnRows, rows: Rows, changes: list[CatalogChange]) -> None:
        """Put `rows` in the place of those that were read, and note the changes. Raises `ChangedMeanwhile`, and
        `TooManyRows`."""
        packed = gzip.compress(json.dumps(rows, separators=(",", ":"), sort_keys=True).encode(), mtime=0)
        if len(packed) > MAX_PACKED:
            raise TooManyRows(f"all rows together have {len(packed)} bytes packed, and there is room for {MAX_PACKED}")
        version = {"version": {"N": str(own.version + 1)}}
        guard = "attribute_not_exists(pk)" if own.version == 0 else "version = :read"
        guarded: dict[str, Any] = {"ConditionExpression": guard}
        if own.version:
            guarded["ExpressionAttributeValues"] = {":read": {"N": str(own.version)}}
        items = [
            self._put({"sk": {"S": "rows"}, **version, "packed": {"B": packed}}, guarded),
            self._put({"sk": {"S": "version"}, **version}, {}),
            *(self._put(_line(change, place), {}) for place, change in enumerate(changes)),
        ]
        try:
            self._client.transact_write_items(TransactItems=items)
        except self._client.exceptions.TransactionCanceledException as error:
            reasons: Any = error.response.get("CancellationReasons", [])
            if any(reason.get("Code") in {"ConditionalCheckFailed", "TransactionConflict"} for reason in reasons):
                raise ChangedMeanwhile from error
            raise

    def history(self, limit: int, before: str = "") -> list[tuple[str, CatalogChange]]:
        """Up to so many changes, newest first, behind the one with this key; each with its key."""
        start: Any = {"ExclusiveStartKey": {"pk": {"S": _PARTITION}, "sk": {"S": before}}} if before else {}
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": _PARTITION}, ":sk": {"S": "change#"}},
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        return [(item["sk"]["S"], _read_line(item)) for item in page["Items"]]

    def _get(self, name: str) -> Mapping[str, Any] | None:
        key: Any = {"pk": {"S": _PARTITION}, "sk": {"S": name}}
        return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")

    def _put(self, item: dict[str, Any], guarded: dict[str, Any]) -> Any:
        return {"Put": {"TableName": self._table, "Item": {"pk": {"S": _PARTITION}, **item}, **guarded}}


def _line(change: CatalogChange, place: int) -> dict[str, Any]:
    told = {
        "at": {"N": str(change.at)},
        "version": {"N": str(change.version)},
        **{name: {"S": getattr(change, name)} for name in ("by", "kind", "name")},
        **{name: {"S": json.dumps(row)} for name in ("before", "after") if (row := getattr(change, name)) is not None},
    }
    return {"sk": {"S": f"change#{change.version:09d}#{place:04d}"}, **told}


def _read_line(item: Mapping[str, Any]) -> CatalogChange:
    def row(name: str) -> Row | None:
        return json.loads(item[name]["S"]) if name in item else None

    words = {name: item[name]["S"] for name in ("by", "kind", "name")}
    return CatalogChange(
        int(item["version"]["N"]), int(item["at"]["N"]), **words, before=row("before"), after=row("after")
    )
