"""Stores in memory, for what goes round thousands of times."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from darkroom.tasks.store import Changed, NoSuchTask
from darkroom.tasks.task import Task
from darkroom.webhooks.delivery_log import DeliveryConflict, DeliveryLog


class TaskMemory:
    """The tasks table, as `TaskStore` shows it."""

    def __init__(self, *tasks: Task) -> None:
        self.tasks = {task.task_id: task for task in tasks}

    def get(self, task_id: str) -> Task | None:
        return self.tasks.get(task_id)

    def get_many(self, task_ids: Iterable[str]) -> dict[str, Task]:
        return {task_id: self.tasks[task_id] for task_id in task_ids if task_id in self.tasks}

    def change(self, task: Task | str, transition: Callable[[Task], Task], *, cause: str = "") -> Changed:
        task_id = task if isinstance(task, str) else task.task_id
        if task_id not in self.tasks:
            raise NoSuchTask(task_id)
        before = self.tasks[task_id]
        after = transition(before)
        if after is before:
            return Changed(before, before)
        self.tasks[task_id] = replace(after, version=before.version + 1)
        return Changed(before, self.tasks[task_id])


class DeliveryMemory:
    """The delivery logs, as `DeliveryStore` shows them."""

    def __init__(self) -> None:
        self.logs: dict[str, DeliveryLog] = {}

    def get(self, task_id: str) -> DeliveryLog | None:
        return self.logs.get(task_id)

    def save(self, log: DeliveryLog) -> DeliveryLog:
        known = self.logs.get(log.task_id)
        if known and known.version != log.version:
            raise DeliveryConflict(log.task_id)
        self.logs[log.task_id] = replace(log, version=log.version + 1)
        return self.logs[log.task_id]
