"""Removing an ended task with everything that lies under it."""

from typing import TYPE_CHECKING

from darkroom.tasks.task import StillOpen, Task

if TYPE_CHECKING:
    from darkroom.images.object_store import ObjectStore
    from darkroom.tasks.store import TaskStore


class StillSettled(Exception):
    """The task was cancelled, and what its provider makes of that is not known yet."""


class Deletion:
    """Removes tasks: the objects first and the record last, so that a deletion that broke off can be repeated."""

    def __init__(self, *, tasks: "TaskStore", objects: "ObjectStore") -> None:
        self._tasks = tasks
        self._objects = objects

    def delete(self, task: Task) -> None:
        """Remove an ended task.

        Raises `StillOpen`, `StillSettled`; `NotDeleted` where an object of it stays, and so the record.
        """
        if not task.status.terminal:
            raise StillOpen(task.task_id)
        if task.withheld:
            raise StillSettled(task.task_id)
        self._objects.delete_task(task.owner, task.task_id)
        self._tasks.delete(task)
