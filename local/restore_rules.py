"""What of a backup may be put back: a rule for each kind of item, without AWS.

A backup knows nothing of what came after it. What has been erased, has expired or is a matter of the moment stays out;
and so does a task that may have been submitted since, or it would be bought twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from darkroom.stores.erasures import owner_digest
from darkroom.stores.task_item import read_item

Item = Mapping[str, Any]


class Left(StrEnum):
    """Why an item stays out."""

    ERASED = "of an owner who was erased"
    EXPIRED = "its time is over"
    OPEN = "open tasks: put back with OPEN=yes, where both tables are restored to the same moment"
    UNSUBMITTED = "open tasks that may have been submitted since: their owners have to post them anew"
    PASSING = "of the moment: limits, breakers, sweeps, calls that wait"


@dataclass(frozen=True, slots=True)
class Rules:
    """`now` is in Unix milliseconds; `erased` are the SHA-256 of the names of owners who were erased."""

    now: int
    erased: Collection[str]
    open_too: bool = False

    def of_task(self, item: Item) -> Left | None:
        """Why an item of the tasks table stays out, or None."""
        if item["task_id"]["S"].startswith("answer#"):
            return Left.PASSING
        if "owner" in item and owner_digest(item["owner"]["S"]) in self.erased:
            return Left.ERASED
        if int(item.get("expires_at", {}).get("N", "0") or 0) * 1000 <= self.now and "expires_at" in item:
            return Left.EXPIRED
        if "document" not in item or "open_in" not in item:
            return None
        task = read_item(item)
        if task.status.terminal:
            return None
        if task.attempt is None or not task.attempt.upstream_id:
            return Left.UNSUBMITTED
        return None if self.open_too else Left.OPEN

    def of_account(self, item: Item) -> Left | None:
        """Why an item of the accounts table stays out, or None."""
        kind, _, owner = item["pk"]["S"].partition("#")
        if kind in {"limits", "breaker", "sweeps", "erasures"}:
            return Left.PASSING
        if kind == "owners":
            owner = item["sk"]["S"]
        elif "owner" in item:
            owner = item["owner"]["S"]
        return Left.ERASED if owner_digest(owner) in self.erased else None


def is_beside(item: Item) -> bool:
    """Whether an item is kept beside a task: it is put back only with its task."""
    return "#" in item.get("task_id", {}).get("S", "")
