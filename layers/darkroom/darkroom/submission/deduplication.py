"""One picture for one wish: a client whose synchronous call broke off and that asks again joins its own task.

Who repeats whom is decided by `submission/repetition.py`; here it is recorded, so that of several repetitions at once
each has a task of its own.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from darkroom.clock import Clock
from darkroom.submission import repetition
from darkroom.submission.in_flight_calls import InFlightCalls, InFlightCallStore
from darkroom.submission.repetition import Caller, Wait
from darkroom.tasks.ids import new_nonce
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import Task
from darkroom.tasks.update import Status

_FRUITLESS = {Status.FAILED, Status.CANCELLED}
ROUNDS = 40
"""How often a record that others write too is read again: more than calls that wait at once for one body."""
LONGEST_PAUSE = 0.02
CHECK_SECONDS = 0.2
"""Seconds between two checks whether another call has made the task that this one waits for."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call waits, and in which turn; with its task, where that is there already."""

    name: str
    turn: int = 0
    task: Task | None = None


class Deduplication:
    """Knows the synchronous calls of late, and which of them were never answered."""

    def __init__(
        self,
        *,
        answers: InFlightCallStore,
        tasks: TaskStore,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._answers = answers
        self._tasks = tasks
        self._clock = clock
        self._sleep = sleep

    def joined(self, key: str, caller: Caller) -> Place | None:
        """The place of an earlier call that this one repeats, and takes; None where it is a new wish.

        It is without a task where the earlier call is still making it when this one's time is up.
        """
        for _ in range(ROUNDS):
            known = self._answers.find(key)
            wait = repetition.claimed(known.waits, caller)
            if wait is None:
                return None
            if wait.task_id and self._fruitless(wait.task_id):
                self._answers.replace(known, repetition.without(known.waits, wait.place))
                continue
            mine = repetition.taken_over(wait, caller)
            if self._answers.replace(known, repetition.with_wait(known.waits, mine)):
                return self._with_task(key, mine)
            self._pause()
        return None

    def begun(self, key: str, caller: Caller) -> Place:
        """A place for a new wish, whose task is about to be made."""
        wait = Wait(new_nonce(), asked_at=caller.now, since=caller.now, until=caller.until, tries=caller.tries)
        self._change(key, lambda known: repetition.with_wait(known.waits, wait))
        return Place(wait.place)

    def made(self, key: str, place: Place, task: Task) -> None:
        """The task of a place is there."""
        self._change(key, lambda known: repetition.made(known.waits, place.name, task.task_id))

    def refused(self, key: str, place: Place) -> None:
        """There will be no task for this place."""
        self._change(key, lambda known: repetition.without(known.waits, place.name))

    def answered(self, key: str, place: Place) -> None:
        """The answer was handed out to who waited here in this turn."""
        self._change(key, lambda known: repetition.answered(known.waits, place.name, place.turn, self._clock()))

    def _fruitless(self, task_id: str) -> bool:
        task = self._tasks.get(task_id)
        return task is None or task.status in _FRUITLESS

    def _with_task(self, key: str, mine: Wait) -> Place | None:
        """The place with its task, once the call that makes it has one; None where that was refused."""
        wait: Wait | None = mine
        while wait is not None and not wait.task_id:
            if self._clock() >= mine.until:
                return Place(mine.place, mine.turn)
            self._sleep(CHECK_SECONDS)
            wait = next((each for each in self._answers.find(key).waits if each.place == mine.place), None)
        return Place(mine.place, mine.turn, self._tasks.get(wait.task_id)) if wait else None

    def _change(self, key: str, change: Callable[[InFlightCalls], tuple[Wait, ...] | None]) -> None:
        for _ in range(ROUNDS):
            known = self._answers.find(key)
            waits = change(known)
            if waits is None or self._answers.replace(known, waits):
                return
            self._pause()

    def _pause(self) -> None:
        self._sleep(random.random() * LONGEST_PAUSE)
