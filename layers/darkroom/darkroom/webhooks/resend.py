"""Asking for an ended task's webhook to be sent again."""

from typing import TYPE_CHECKING

from darkroom.aws.queues import Queues
from darkroom.tasks.task import StillOpen, Task
from darkroom.webhooks.messages import Delivery

if TYPE_CHECKING:
    from darkroom.webhooks.delivery_log import DeliveryStore


MOST_ROUNDS = 20
"""How often a webhook is sent again by request."""


class NothingToSend(Exception):
    """The task was posted without a `callback_url`."""


class SentOften(Exception):
    """The webhook was asked for again and again."""


def send_again(queues: Queues, deliveries: "DeliveryStore", task: Task) -> None:
    """Begin a new round of delivery attempts. Raises `NothingToSend`, `StillOpen`, `SentOften`."""
    if not task.request.callback_url:
        raise NothingToSend(task.task_id)
    if not task.status.terminal:
        raise StillOpen(task.task_id)
    log = deliveries.get(task.task_id)
    rounds = max((attempt.round for attempt in log.attempts), default=0) if log else 0
    if rounds >= MOST_ROUNDS:
        raise SentOften(task.task_id)
    queues.send(Delivery(task.task_id, round=rounds + 1))
