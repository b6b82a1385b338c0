"""What else is written in the transactions that begin and end a task, as whoever keeps the accounts wants it."""

from collections.abc import Sequence
from typing import Any, Protocol

from darkroom.tasks.task import Task

Part = dict[str, Any]
"""One entry of DynamoDB's `TransactItems`."""


class Accounting(Protocol):
    """Reserves, charges and counters that move with a task's record, and never without it."""

    def opening(self, task: Task, *, open_limit: int) -> list[Part]:
        """What is written with a new task; nothing where neither an account nor a limit is concerned."""
        ...

    def refuse(self, task: Task, reasons: Sequence[Part], *, open_limit: int) -> bool:
        """Raise what stands against a new task, by the reasons for which `opening` was not written (one a part).

        Whether it is worth another try with what was learned: not where none of the conditions failed.
        """
        ...

    def ending(self, task: Task) -> list[Part]:
        """What is written with the end of a task."""
        ...

    def settling(self, before: Task, after: Task) -> list[Part]:
        """What is written once it is known what a cancelled task costs after all."""
        ...
