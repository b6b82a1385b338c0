"""Cancelling a task: here at once; the provider is told from the record's change, where it has a call for it."""

from darkroom.clock import Clock
from darkroom.tasks import transitions
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import Task


class AlreadyEnded(Exception):
    """The task has ended, and an end never changes."""


def cancel(tasks: TaskStore, task: Task, clock: Clock, *, charge_made: bool) -> Task:
    """End an open task as cancelled. Raises `AlreadyEnded`.

    `charge_made` says whether pictures that are made all the same are paid for.
    """
    changed = tasks.change(
        task, lambda current: transitions.cancel(current, now=clock(), charge_made=charge_made), cause="owner"
    )
    if not changed.happened:
        raise AlreadyEnded(task.task_id)
    return changed.after
