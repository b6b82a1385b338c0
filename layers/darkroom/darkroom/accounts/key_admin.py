"""The upkeep of API keys: made, listed, changed and replaced. Only their SHA-256 is kept."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from darkroom.accounts.keys import ApiKey, key_digest, key_id_of, read_key
from darkroom.aws.queries import every_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX = "dk_"


class NoSuchKey(LookupError):
    """No key has this id."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: the only time that it can be read."""

    secret: str
    key: ApiKey


class KeyAdmin:
    """Reads and writes keys. A key's own item is found by its digest; others point there by its id and its owner."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def create(self, key: ApiKey, now: int) -> NewKey:
        """Make a key with these settings. `now` is in Unix milliseconds."""
        return self.record(key, PREFIX + secrets.token_urlsafe(32), now)

    def record(self, key: ApiKey, secret: str, now: int) -> NewKey:
        """Record a key whose secret was made elsewhere."""
        digest = key_digest(secret)
        key = replace(key, key_id=key_id_of(digest))
        pointer = {"digest": {"S": digest}, "owner": {"S": key.owner}}
        created = {"created_at": {"N": str(now)}}
        items: list[Any] = [
            {**_key_at(digest), **_settings(key), **created},
            {"pk": {"S": f"keyid#{key.key_id}"}, "sk": {"S": "key"}, **pointer},
            {"pk": {"S": f"owner#{key.owner}"}, "sk": {"S": f"key#{key.key_id}"}, **pointer},
            {"pk": {"S": "owners"}, "sk": {"S": key.owner}},
        ]
        self._client.transact_write_items(
            TransactItems=[{"Put": {"TableName": self._table, "Item": item}} for item in items]
        )
        return NewKey(secret, key)

    def find(self, key_id: str) -> ApiKey:
        """A key by its id. Raises `NoSuchKey`."""
        return self._read(self._digest(key_id))

    def of_owner(self, owner: str) -> list[ApiKey]:
        """All keys of an owner."""
        rows = self._query(f"owner#{owner}", "key#")
        return [self._read(row["digest"]["S"]) for row in rows]

    def owners(self) -> list[str]:
        """Everybody who has (or had) a key."""
        return [row["sk"]["S"] for row in self._query("owners", "")]

    def page(self, owner: str | None, after: tuple[str, str], limit: int) -> list[ApiKey]:
        """Up to `limit` keys of one owner or of all, by owner and id, behind the key with this owner and id."""
        last_owner, last_id = after
        owners = [owner] if owner else self._owners_from(last_owner)
        found: list[ApiKey] = []
        for each in owners:
            behind = last_id if each == last_owner else ""
            rows = self._query(f"owner#{each}", "key#", behind=f"key#{behind}" if behind else "")
            found += [self._read(row["digest"]["S"]) for row in islice(rows, limit - len(found))]
            if len(found) == limit:
                break
        return found

    def _owners_from(self, first: str) -> Iterator[str]:
        if first:
            yield first
        for row in self._query("owners", "", behind=first):
            yield row["sk"]["S"]

    def knows(self, owner: str) -> bool:
        """Whether this owner has (or had) a key, and is not being erased."""
        key: Any = {"pk": {"S": "owners"}, "sk": {"S": owner}}
        found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return found is not None and not found.get("closed", {}).get("BOOL", False)

    def change(self, key_id: str, changes: Mapping[str, Any]) -> ApiKey:
        """Change some settings of a key: fields of `ApiKey`, None for 'no longer set'. Raises `NoSuchKey`."""
        digest = self._digest(key_id)
        given = {name: value for name, value in _values(changes).items() if value is not None}
        gone = [name for name in changes if name not in given]
        names = {f"#{name}": name for name in changes}
        parts = []
        if given:
            parts.append("SET " + ", ".join(f"#{name} = :{name}" for name in given))
        if gone:
            parts.append("REMOVE " + ", ".join(f"#{name}" for name in gone))
        if parts:
            update: Any = {
                "TableName": self._table,
                "Key": _key_at(digest),
                "UpdateExpression": " ".join(parts),
                "ConditionExpression": "attribute_exists(pk)",
                "ExpressionAttributeNames": names,
            }
            if given:
                update["ExpressionAttributeValues"] = {f":{name}": value for name, value in given.items()}
            self._client.update_item(**update)
        return self._read(digest)

    def rotate(self, key_id: str, *, overlap: int, now: int) -> NewKey:
        """Make a new key with the settings of this one, which ends after `overlap` seconds. Raises `NoSuchKey`."""
        old = self.find(key_id)
        new = self.create(replace(old, expires_at=None, disabled=False), now)
        ends_at = now // 1000 + overlap
        self.change(key_id, {"expires_at": min(ends_at, old.expires_at or ends_at)})
        return new

    def _digest(self, key_id: str) -> str:
        where: Any = {"pk": {"S": f"keyid#{key_id}"}, "sk": {"S": "key"}}
        found = self._client.get_item(TableName=self._table, Key=where, ConsistentRead=True).get("Item")
        if found is None:
            raise NoSuchKey(key_id)
        return found["digest"]["S"]

    def _read(self, digest: str) -> ApiKey:
        found = self._client.get_item(TableName=self._table, Key=_key_at(digest), ConsistentRead=True).get("Item")
        if found is None:
            raise NoSuchKey(key_id_of(digest))
        return read_key(found, digest)

    def _query(self, partition: str, prefix: str, *, behind: str = "") -> Iterator[dict[str, Any]]:
        start: Any = {"ExclusiveStartKey": {"pk": {"S": partition}, "sk": {"S": behind}}} if behind else {}
        condition = "pk = :pk AND begins_with(sk, :sk)" if prefix else "pk = :pk"
        values: Any = {":pk": {"S": partition}} | ({":sk": {"S": prefix}} if prefix else {})
        return every_item(
            self._client,
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
            **start,
        )


def _key_at(digest: str) -> Any:
    return {"pk": {"S": f"key#{digest}"}, "sk": {"S": "key"}}


def _settings(key: ApiKey) -> dict[str, Any]:
    fields = ("name", "admin", "disabled", "providers", "requests_per_second", "open_tasks", "expires_at")
    values = _values({name: getattr(key, name) for name in fields})
    return {"owner": {"S": key.owner}, **{name: value for name, value in values.items() if value is not None}}


def _values(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in fields.items()}


def _value(value: Any) -> Any:
    match value:
        case None:
            return None
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": f"{value:g}" if isinstance(value, float) else str(value)}
        case str():
            return {"S": value}
        case _:
            return {"L": [{"S": each} for each in value]} if value else None
