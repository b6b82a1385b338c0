"""Waiting for a task's end, for as long as a caller asked to."""

import time
from collections.abc import Callable

from darkroom.deadline import ANSWERING, invocation
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import Task

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 1.0


def wait_for_end(
    tasks: TaskStore,
    task: Task,
    seconds: float,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Task:
    """The task as soon as it has ended, or as it stands after `seconds`, or once the invocation has to answer."""
    ends_at = monotonic() + min(seconds, invocation.left(reserve=ANSWERING))
    pause = FIRST_PAUSE
    while not task.status.terminal and (left := ends_at - monotonic()) > 0:
        sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE)
        task = tasks.get(task.task_id) or task
    return task
