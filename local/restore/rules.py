"""What of a backup may be put back: a rule for each kind of item, without AWS.

A backup knows nothing of what came after it. What has been erased, has expired or is a matter of the moment stays out;
and so does a task that may have been submitted since, or it would be bought twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from darkroom.operations.erasure_store import owner_digest
from darkroom.tasks.item import read_item, write_item
from darkroom.tasks.rates import ZERO
from darkroom.tasks.task import AttemptState, ImageState, Task

Item = Mapping[str, Any]


class Left(StrEnum):
    """Why an item stays out."""

    ERASED = "of an owner who was erased"
    EXPIRED = "its time is over"
    DELETED = "tasks whose pictures are gone: their owners deleted them"
    OPEN = "open tasks: put back with OPEN=yes, where both tables are restored to the same moment"
    UNSUBMITTED = "open tasks that may have been submitted since: their owners have to post them anew"
    SETTLED = "accounts that were settled on since they were lost: put their terms and credits right by hand"
    PASSING = "of the moment: limits, breakers, sweeps, calls that wait"


@dataclass(frozen=True, slots=True)
class Rules:
    """`now` is in Unix milliseconds; `erased` are the SHA-256 of the names of owners who were erased."""

    now: int
    erased: Collection[str]
    open_too: bool = False

    def of_task(self, item: Item) -> Left | None:
        """Why an item of the tasks table stays out, or None."""
        if item["task_id"]["S"].startswith(("answer#", "answers#")):
            return Left.PASSING
        if "owner" in item and owner_digest(item["owner"]["S"]) in self.erased:
            return Left.ERASED
        if "expires_at" in item and int(item["expires_at"]["N"]) * 1000 <= self.now:
            return Left.EXPIRED
        if "document" not in item or "open_in" not in item:
            return None
        task = read_item(item)
        if task.status.terminal:
            return None
        if not _is_made_elsewhere(task):
            return Left.UNSUBMITTED
        return None if self.open_too else Left.OPEN

    def of_account(self, item: Item) -> Left | None:
        """Why an item of the accounts table stays out, or None. The receipts of erasures come back themselves."""
        kind, _, owner = item["pk"]["S"].partition("#")
        if kind in {"limits", "breaker", "sweeps"}:
            return Left.PASSING
        if kind == "erasures":
            return None
        if kind == "owners":
            owner = item["sk"]["S"]
        elif "owner" in item:
            owner = item["owner"]["S"]
        return Left.ERASED if owner_digest(owner) in self.erased else None


def as_put_back(item: Item) -> dict[str, Any]:
    """An item as it is put back: an open task is asked about where it is, and never submitted anywhere again."""
    if "document" not in item:
        return dict(item)
    task = read_item(item)
    if task.withheld:  # whether it was settled since is not known: nothing is given back twice
        return write_item(replace(task, usage=replace(task.usage, withheld=ZERO)))
    if task.status.terminal:
        return dict(item)
    return write_item(replace(task, plan=tuple(replace(offer, closed=True) for offer in task.plan)))


def has_pictures(item: Item) -> bool:
    """Whether a task has stored pictures, which lie in the bucket unless it was deleted."""
    return any(image.state is ImageState.STORED for image in read_item(item).images)


def is_record(item: Item) -> bool:
    """Whether an item is a task itself."""
    return "document" in item and "#" not in item["task_id"]["S"]


def is_beside(item: Item) -> bool:
    """Whether an item is kept beside a task: it is put back only with its task, or where that is."""
    return "#" in item.get("task_id", {}).get("S", "")


def _is_made_elsewhere(task: Task) -> bool:
    """Whether its provider has it, so that nothing has to be submitted."""
    return bool(task.images) or (task.attempt is not None and task.attempt.state is AttemptState.ACCEPTED)
