"""The accounts table: API keys, known only by their SHA-256, and the monthly usage of their owners."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from darkroom.accounts.usage import usage_query
from darkroom.aws.queries import every_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What a key allows: to act for one owner, and for an admin the upkeep calls besides.

    `providers` are those that its tasks go to, in this order, where a task does not say it itself. `expires_at` (Unix
    seconds) ends a key that was rotated. Whether its owner has an account of credits is not the key's to say.
    """

    owner: str
    name: str = ""
    admin: bool = False
    disabled: bool = False
    providers: tuple[str, ...] = ()
    key_id: str = ""
    requests_per_second: float | None = None
    open_tasks: int | None = None
    expires_at: int | None = None

    def valid(self, now: int) -> bool:
        """Whether the key may be used now (Unix milliseconds)."""
        return not self.disabled and (self.expires_at is None or now < self.expires_at * 1000)


@dataclass(frozen=True, slots=True)
class UsageLine:
    """What one model at one provider did for an owner in a month.

    `credits` and `cost` are exact decimals as texts: what the owner paid, and what the provider took from us, as far as
    that is known.
    """

    model: str
    provider: str
    completed: int
    failed: int
    cancelled: int
    images: int
    credits: str
    cost: str = "0"


def key_digest(api_key: str) -> str:
    """The form in which a key is recorded: its SHA-256 in hexadecimal."""
    return hashlib.sha256(api_key.encode("utf-8", "replace")).hexdigest()


class AccountStore:
    """Reads of the accounts table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find_key(self, api_key: str) -> ApiKey | None:
        """What a presented key allows, or None where it is unknown."""
        return self.find_digest(key_digest(api_key))

    def find_digest(self, digest: str) -> ApiKey | None:
        """What the key with this digest allows, or None where it is unknown."""
        key: Any = {"pk": {"S": f"key#{digest}"}, "sk": {"S": "key"}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return None
        return read_key(item, digest)

    def usage(self, owner: str, month: str) -> list[UsageLine]:
        """An owner's usage in a month such as `2026-11`, a line a model and provider."""
        counted: dict[tuple[str, str], dict[str, Decimal]] = {}
        for item in every_item(self._client, **usage_query(self._table, owner, month)):
            for name, value in item.items():
                model, _, rest = name.partition("|")
                provider, _, what = rest.partition("|")
                if what and "N" in value:
                    counters = counted.setdefault((model, provider), {})
                    counters[what] = counters.get(what, Decimal(0)) + Decimal(value["N"])
        return [_usage_line(*pair, counters) for pair, counters in sorted(counted.items())]


def read_key(item: Mapping[str, Any], digest: str) -> ApiKey:
    """The key of an item."""
    numbers = {name: item[name]["N"] for name in ("requests_per_second", "open_tasks", "expires_at") if name in item}
    return ApiKey(
        owner=item["owner"]["S"],
        name=item.get("name", {}).get("S", ""),
        admin=item.get("admin", {}).get("BOOL", False),
        disabled=item.get("disabled", {}).get("BOOL", False),
        providers=tuple(entry["S"] for entry in item.get("providers", {}).get("L", [])),
        key_id=key_id_of(digest),
        requests_per_second=float(numbers["requests_per_second"]) if "requests_per_second" in numbers else None,
        open_tasks=int(numbers["open_tasks"]) if "open_tasks" in numbers else None,
        expires_at=int(numbers["expires_at"]) if "expires_at" in numbers else None,
    )


def too_fast(key: ApiKey) -> str:
    """What is said to who asks too often."""
    return f"this key may make {key.requests_per_second:g} requests a second: wait, and then ask again"


def key_id_of(digest: str) -> str:
    """The name of a key that may be shown: it opens nothing."""
    return digest[:16]


def _usage_line(model: str, provider: str, counters: Mapping[str, Decimal]) -> UsageLine:
    return UsageLine(
        model=model,
        provider=provider,
        completed=int(counters.get("completed", 0)),
        failed=int(counters.get("failed", 0)),
        cancelled=int(counters.get("cancelled", 0)),
        images=int(counters.get("images", 0)),
        credits=str(counters.get("credits", "0")),
        cost=str(counters.get("cost", "0")),
    )
