"""One picture for one wish: a client whose synchronous call broke off and that asks again joins its own task.

Who repeats whom is decided by `domain/repetition.py`; here it is recorded, so that of several repetitions at once each
has a task of its own.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from darkroom.domain import repetition
from darkroom.domain.repetition import Caller, Wait
from darkroom.domain.task import Task
from darkroom.domain.update import Status
from darkroom.stores.awaited_answers import AwaitedAnswers, AwaitedAnswerStore
from darkroom.stores.tasks import TaskStore

_FRUITLESS = {Status.FAILED, Status.CANCELLED}
ROUNDS = 40
"""How often a record that others write too is read again: more than calls that wait at once for one body."""
LONGEST_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Joined:
    """A task that is waited for, and in which turn."""

    task: Task
    turn: int


class Repeats:
    """Knows the synchronous calls of late, and which of them were never answered."""

    def __init__(
        self, *, answers: AwaitedAnswerStore, tasks: TaskStore, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._answers = answers
        self._tasks = tasks
        self._sleep = sleep

    def joined(self, key: str, caller: Caller) -> Joined | None:
        """The task of an earlier call that this one repeats and now waits for; None where it is a new wish."""
        for _ in range(ROUNDS):
            known = self._answers.find(key)
            wait = repetition.claimed(known.waits, caller)
            if wait is None:
                return None
            task = self._tasks.get(wait.task_id)
            if task is None or task.status in _FRUITLESS:
                self._answers.replace(known, repetition.without(known.waits, wait.task_id))
                continue
            mine = repetition.taken_over(wait, caller)
            if self._answers.replace(known, repetition.with_wait(known.waits, mine)):
                return Joined(task, mine.turn)
            self._pause()
        return None

    def awaited(self, key: str, task: Task, caller: Caller) -> Joined:
        """Somebody waits for a new task."""
        wait = Wait(task.task_id, asked_at=caller.now, since=caller.now, until=caller.until, tries=caller.tries)
        self._change(key, lambda known: repetition.with_wait(known.waits, wait))
        return Joined(task, wait.turn)

    def answered(self, key: str, joined: Joined) -> None:
        """The answer about a task was handed out to who waited in this turn."""
        self._change(key, lambda known: repetition.answered(known.waits, joined.task.task_id, joined.turn))

    def _change(self, key: str, change: Callable[[AwaitedAnswers], tuple[Wait, ...] | None]) -> None:
        for _ in range(ROUNDS):
            known = self._answers.find(key)
            waits = change(known)
            if waits is None or self._answers.replace(known, waits):
                return
            self._pause()

    def _pause(self) -> None:
        self._sleep(random.random() * LONGEST_PAUSE)
