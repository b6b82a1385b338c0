"""Removing an ended task with everything that lies under it."""

from darkroom.domain.task import Task
from darkroom.stores.objects import ObjectStore
from darkroom.stores.tasks import TaskStore


class StillOpen(Exception):
    """The task has not ended."""


def delete(tasks: TaskStore, objects: ObjectStore, task: Task) -> None:
    """Remove the objects first and the record last: a deletion that broke off can be repeated. Raises `StillOpen`."""
    if not task.status.terminal:
        raise StillOpen(task.task_id)
    objects.delete_task(task.owner, task.task_id)
    tasks.delete(task)
