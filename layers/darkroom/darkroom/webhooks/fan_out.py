"""Telling the world that a task has ended: out of the table's stream, so that no effect runs before its record."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from darkroom.aws.queues import Queues
from darkroom.observability import count, follow, logger
from darkroom.tasks.item import read_item
from darkroom.tasks.messages import Poll
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import Task
from darkroom.tasks.update import Status
from darkroom.webhooks.messages import Delivery
from darkroom.webhooks.retry_schedule import ANNOUNCEMENT_GRACE


class EventBus(Protocol):
    """Where the events go."""

    def announce(self, task: Task) -> None:
        """Put the event of an ended task on the bus."""
        ...


class ScoreRecorder(Protocol):
    """Where it is counted how providers did."""

    def record(self, task: Task) -> None:
        """Count an ended task."""
        ...


class Notifier:
    """Turns a change of status into an event, and where asked for into a webhook message.

    The stream may hand out a change twice: the webhook's attempts are claimed one by one, so only an event can then
    be doubled, and it says of which task it speaks. What is out is marked on the task, last of all: what was never
    marked is found by the reconciler.
    """

    def __init__(
        self,
        *,
        tasks: TaskStore,
        queues: Queues,
        bus: EventBus,
        scores: ScoreRecorder,
        clock: Callable[[], int],
        scale: float,
    ) -> None:
        self._tasks = tasks
        self._queues = queues
        self._bus = bus
        self._scores = scores
        self._clock = clock
        self._scale = scale

    def changed(self, record: Mapping[str, Any]) -> None:
        """Take one record of the stream. Raises what AWS raises: the record is then to come again."""
        images = record.get("dynamodb", {})
        new, old = images.get("NewImage", {}), images.get("OldImage", {})
        if not _ended(new) or _ended(old):
            return
        task = read_item(new)
        if task.announced and not old:
            return  # put back from a backup: no task of ours comes into the table ended
        follow(task.task_id, task.correlation_id)
        if self._late(images.get("ApproximateCreationDateTime")) and not self._unannounced(task):
            logger.info("announced meanwhile, or gone")
            return
        self.announce(task)

    def announce(self, task: Task) -> None:
        """Tell of an ended task. The event comes behind the messages: what fails before it is repeated without harm."""
        if task.request.callback_url:
            self._queues.send(Delivery(task.task_id))
        if task.status is Status.CANCELLED and task.attempt and task.attempt.upstream_id:
            self._queues.send(Poll(task.task_id, cancel=True, sent_at=self._clock()))
        self._bus.announce(task)
        if self._tasks.mark_announced(task):
            # Only one of those that tell of a task marks it, so that it is counted once.
            count("TaskEnded", status=task.status.value)
            self._score(task)

    def _late(self, created: float | None) -> bool:
        """Whether a record (of that time, in Unix seconds) is so old that the reconciler may have been faster."""
        return created is not None and self._clock() / 1000 - created > ANNOUNCEMENT_GRACE / 2 / self._scale

    def _unannounced(self, task: Task) -> bool:
        """Whether it is still to be told, as its record says now. One that was deleted is told of no more."""
        current = self._tasks.get(task.task_id)
        return current is not None and current.created_at == task.created_at and not current.announced

    def _score(self, task: Task) -> None:
        # A figure that is missing is better than an event that comes late or twice.
        try:
            self._scores.record(task)
        except Exception:
            logger.exception("task not scored")


def _ended(item: Mapping[str, Any]) -> bool:
    """Whether an item is a task that has ended; one with a status of a later release, if it is not among the open."""
    if "document" not in item:
        return False
    try:
        return Status(item["status"]["S"]).terminal
    except ValueError:
        return "open_in" not in item
