"""How far the erasure of an owner has come: one small item each, which outlives a call, a function and a release."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.conditions import raise_unless_condition_failed
from darkroom.aws.queries import every_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Phase(StrEnum):
    """What is being done, in this order."""

    CLOSING = "closing"
    """Keys are found and disabled."""
    CLEARING = "clearing"
    """Objects go, open tasks are cancelled, ended ones go."""
    RECORDS = "records"
    """Every task goes."""
    REST = "rest"
    """What came meanwhile goes, and then keys and account."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure. Times are Unix milliseconds; the phase may begin at `due_at`.

    `removed` counts by kind. `digests` are those of the owner's keys; `scanned` is where the search for them stopped.
    A finished one has no name any more: it is found by who knows the name.
    """

    owner: str
    phase: Phase
    begun_at: int
    due_at: int = 0
    finished_at: int | None = None
    removed: Mapping[str, int] = field(default_factory=dict)
    digests: tuple[str, ...] = ()
    scanned: Any = None


class Erasures:
    """Reads and writes erasures, in the accounts table under the digest of the owner's name."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, owner: str) -> Erasure | None:
        """The erasure of an owner, under way or done."""
        found = self._client.get_item(TableName=self._table, Key=_key(owner), ConsistentRead=True).get("Item")
        return _read(found, owner) if found else None

    def under_way(self) -> list[str]:
        """The owners who are being erased."""
        return [item["owner"]["S"] for item in self._all() if "owner" in item]

    def is_under_way(self, owner: str) -> bool:
        """Whether this owner is being erased."""
        found = self.find(owner)
        return found is not None and found.phase is not Phase.DONE

    def begin(self, owner: str, now: int) -> None:
        """Begin an erasure, unless one is under way."""
        item: Any = {
            **_key(owner),
            "owner": {"S": owner},
            "phase": {"S": Phase.CLOSING.value},
            "begun_at": {"N": str(now)},
            "removed": {"M": {}},
        }
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(#owner)",
                ExpressionAttributeNames={"#owner": "owner"},
            )
        except ClientError as error:
            raise_unless_condition_failed(error)

    def lease(self, owner: str, now: int, until: int) -> bool:
        """Be the one who works at it until some moment (both Unix milliseconds). Whether nobody else is."""
        try:
            self._update(
                owner,
                "SET leased_until = :until",
                {":until": {"N": str(until)}, ":now": {"N": str(now)}},
                condition="attribute_exists(#owner) AND (attribute_not_exists(leased_until) OR leased_until <= :now)",
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            return False
        return True

    def release(self, owner: str) -> None:
        """Let somebody else go on."""
        try:
            self._update(owner, "REMOVE leased_until", {}, condition="attribute_exists(#owner)")
        except ClientError as error:
            raise_unless_condition_failed(error)  # it is done, or was forgotten

    def advance(self, owner: str, phase: Phase, due_at: int) -> None:
        """Go over to a phase, which may begin at `due_at` (Unix milliseconds)."""
        values = {":phase": {"S": phase.value}, ":due": {"N": str(due_at)}}
        self._update(owner, "SET phase = :phase, due_at = :due", values)

    def count(self, owner: str, kind: str, number: int) -> None:
        """Note what was removed."""
        if number:
            values = {":number": {"N": str(number)}, ":none": {"N": "0"}}
            expression = "SET removed.#kind = if_not_exists(removed.#kind, :none) + :number"
            self._update(owner, expression, values, {"#kind": kind})

    def note_keys(self, owner: str, digests: Iterable[str]) -> None:
        """Remember keys that were found."""
        if found := sorted(set(digests)):
            self._update(owner, "ADD digests :digests", {":digests": {"SS": found}})

    def note_scanned(self, owner: str, position: Any) -> None:
        """Remember how far the accounts table was searched (a key of DynamoDB's, or None)."""
        self._update(owner, "SET scanned = :position", {":position": {"S": json.dumps(position)}})

    def finish(self, owner: str, now: int, forget_at: int) -> None:
        """Keep nothing but times and counts, until `forget_at` (both Unix milliseconds)."""
        values = {":phase": {"S": Phase.DONE.value}, ":now": {"N": str(now)}, ":forget": {"N": str(forget_at)}}
        expression = "SET phase = :phase, finished_at = :now, forget_at = :forget"
        names = {"#owner": "owner"}
        self._update(owner, f"{expression} REMOVE #owner, digests, scanned, due_at, leased_until", values, names)

    def forget(self, now: int) -> int:
        """Remove what is left of erasures whose time is over; how many there were."""
        old = [item for item in self._all() if int(item.get("forget_at", {}).get("N", now + 1)) <= now]
        for item in old:
            self._client.delete_item(TableName=self._table, Key={"pk": item["pk"], "sk": item["sk"]})
        return len(old)

    def _all(self) -> Iterable[Any]:
        values: Any = {":pk": {"S": "erasures"}}
        query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": values, "ConsistentRead": True}
        return every_item(self._client, TableName=self._table, **query)

    def _update(
        self, owner: str, expression: str, values: Any, names: dict[str, str] | None = None, *, condition: str = ""
    ) -> None:
        update: Any = {"TableName": self._table, "Key": _key(owner), "UpdateExpression": expression}
        if values:
            update["ExpressionAttributeValues"] = values
        if condition:
            update["ConditionExpression"] = condition
        named = ({"#owner": "owner"} if "#owner" in condition else {}) | (names or {})
        if named:
            update["ExpressionAttributeNames"] = named
        self._client.update_item(**update)


def owner_digest(owner: str) -> str:
    """What an owner's erasure is filed under."""
    return hashlib.sha256(owner.encode()).hexdigest()


def _key(owner: str) -> Any:
    return {"pk": {"S": "erasures"}, "sk": {"S": owner_digest(owner)}}


def _read(item: Any, owner: str) -> Erasure:
    return Erasure(
        owner=owner,
        phase=Phase(item["phase"]["S"]),
        begun_at=int(item["begun_at"]["N"]),
        due_at=int(item.get("due_at", {}).get("N", "0")),
        finished_at=int(item["finished_at"]["N"]) if "finished_at" in item else None,
        removed={kind: int(number["N"]) for kind, number in item.get("removed", {}).get("M", {}).items()},
        digests=tuple(item.get("digests", {}).get("SS", [])),
        scanned=json.loads(item["scanned"]["S"]) if "scanned" in item else None,
    )
