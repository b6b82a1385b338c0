"""One signed delivery attempt of one webhook. SQS, one message an attempt."""

from typing import Any

from darkroom.observation import follow, observed
from darkroom.records import QUEUE, work_through
from darkroom.services.assembly import Assembly
from darkroom.services.clock import now
from darkroom.settings import Settings
from darkroom.stores.queues import Delivery, read_message

assembly = Assembly(Settings.from_environment())


def deliver(record: Any) -> None:
    """Make the attempt that one message asks for."""
    message = read_message(Delivery, record.body)
    follow(message.task_id)
    assembly.deliverer().deliver(message)


def give_up(record: Any) -> None:
    """Mark the delivery of a message that failed for the last time."""
    from darkroom.services.giving_up import give_up_delivery

    give_up_delivery(assembly.tasks(), assembly.deliveries(), read_message(Delivery, record.body), now())


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Deliver webhooks; only the messages that failed come back."""
    return work_through(event, context, kind=QUEUE, handle=deliver, give_up=give_up)
