"""Telling the world that a task has ended: out of the table's stream, so that no effect runs before its record."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from darkroom.domain.task import Task
from darkroom.domain.update import Status
from darkroom.observation import count, follow, logger
from darkroom.stores.queues import Delivery, Look, Queues
from darkroom.stores.tasks import read_item


class EventBus(Protocol):
    """Where the events go."""

    def announce(self, task: Task) -> None:
        """Put the event of an ended task on the bus."""
        ...


class ScoreBook(Protocol):
    """Where it is counted how providers did."""

    def record(self, task: Task) -> None:
        """Count an ended task."""
        ...


class Notifier:
    """Turns a change of status into an event, and where asked for into a webhook message.

    The stream may hand out a change twice: the webhook's attempts are claimed one by one, so only an event can then
    be doubled, and it says of which task it speaks.
    """

    def __init__(self, *, queues: Queues, bus: EventBus, scores: ScoreBook, clock: Callable[[], int]) -> None:
        self._queues = queues
        self._bus = bus
        self._scores = scores
        self._clock = clock

    def changed(self, record: Mapping[str, Any]) -> None:
        """Take one record of the stream. The event comes last: what fails before it is repeated without harm."""
        images = record.get("dynamodb", {})
        new, old = images.get("NewImage", {}), images.get("OldImage", {})
        if not _ended(new) or _ended(old):
            return
        task = read_item(new)
        follow(task.task_id, task.correlation_id)
        count("TaskEnded", status=task.status.value, provider=task.provider)
        self._score(task)
        if task.request.callback_url:
            self._queues.send(Delivery(task.task_id))
        if task.status is Status.CANCELLED and task.attempt and task.attempt.upstream_id:
            self._queues.send(Look(task.task_id, cancel=True, sent_at=self._clock()))
        self._bus.announce(task)

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
