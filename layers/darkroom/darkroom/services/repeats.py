"""One picture for one wish: a client whose synchronous call broke off and that asks again joins its own task.

A client's SDK repeats a call that took too long for it. Two calls with the same body are the same wish where the
client says so, or where the first one was told to come back because its time was up. Two calls side by side are not.
"""

from dataclasses import replace

from darkroom.domain.task import Task
from darkroom.domain.update import Status
from darkroom.services.clock import Clock
from darkroom.stores.awaited_answers import LIFE, AwaitedAnswer, AwaitedAnswers
from darkroom.stores.tasks import TaskStore

_FRUITLESS = {Status.FAILED, Status.CANCELLED}


class Repeats:
    """Knows the synchronous calls of late, and which of them was never answered."""

    def __init__(self, *, answers: AwaitedAnswers, tasks: TaskStore, clock: Clock) -> None:
        self._answers = answers
        self._tasks = tasks
        self._clock = clock

    def joined(self, key: str, *, patience: float, repeated: bool) -> Task | None:
        """The task of an earlier call that this one repeats, now waited for by this one; None where it is a new wish.

        `repeated` says that the client itself calls it a repetition; `patience` is in seconds.
        """
        now = self._clock()
        earlier = self._answers.find(key)
        if earlier is None or now - earlier.asked_at > LIFE * 1000:
            return None
        unanswered = not earlier.given and earlier.until <= now
        if not (repeated or unanswered):
            return None
        task = self._tasks.get(earlier.task_id)
        if task is None or task.status in _FRUITLESS:
            return None
        mine = replace(earlier, until=now + int(patience * 1000), given=False)
        return task if self._answers.replace(earlier, mine) or repeated else None

    def awaited(self, key: str, task: Task, *, patience: float) -> None:
        """Somebody waits for a new task."""
        now = self._clock()
        self._answers.put(AwaitedAnswer(key, task.task_id, now, now + int(patience * 1000)))

    def answered(self, key: str, task: Task) -> None:
        """The answer about a task was handed out."""
        current = self._answers.find(key)
        if current and current.task_id == task.task_id:
            self._answers.replace(current, replace(current, given=True))
