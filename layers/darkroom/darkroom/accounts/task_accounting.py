"""The accounts' part in a task's life: its reserve, its charge and its place among the open ones."""

from collections.abc import Sequence
from decimal import Decimal

from darkroom.accounts import reservations
from darkroom.accounts.reservations import Part
from darkroom.accounts.usage import late_usage_update, usage_update
from darkroom.tasks.task import Task

_FAILED = "ConditionalCheckFailed"


class TaskAccounting:
    """What is written into the accounts table with a task. It remembers each owner's budget as it last was."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._budgets: dict[str, Decimal | None] = {}

    def opening(self, task: Task, *, open_limit: int) -> list[Part]:
        """Hold back what a new task may cost, and count it among its key's open ones."""
        reserve = reservations.reserve_parts(self._table, task, budget=self._budgets.get(task.owner))
        return [*reserve, *reservations.count_parts(self._table, task, limit=open_limit)]

    def refuse(self, task: Task, reasons: Sequence[Part], *, open_limit: int) -> bool:
        """Raise `NotAdmitted` where the account or the key does not allow a task; else whether a condition failed."""
        codes = [reason.get("Code") for reason in reasons]
        if task.terms.counted and codes and codes[-1] == _FAILED:
            raise reservations.refused_count(open_limit)
        if not (task.terms.metered and codes and codes[0] == _FAILED):
            return False
        account = reasons[0].get("Item") or {}
        refused = reservations.refused_reserve(account, task, self._budgets.get(task.owner))
        if refused:
            raise refused
        self._budgets[task.owner] = Decimal(account["budget"]["N"]) if "budget" in account else None
        return True

    def ending(self, task: Task) -> list[Part]:
        """Charge an ended task, give back what it did not cost, and count it. The charge is part of the very write
        that ends the task: never without it, never twice."""
        return [{"Update": usage_update(self._table, task)}, *reservations.settle_parts(self._table, task)]

    def settling(self, before: Task, after: Task) -> list[Part]:
        """Charge what a cancelled task cost after all, and give back the rest of what it withheld."""
        late: Part = {"Update": late_usage_update(self._table, after)}
        return [late, *reservations.settle_cancelled_parts(self._table, before, after)]
