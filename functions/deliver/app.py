"""One signed delivery attempt of one webhook. SQS, one message an attempt."""

from typing import Any

from darkroom.aws.batch_processing import QUEUE, process_batch
from darkroom.aws.queues import read_message
from darkroom.clock import now
from darkroom.container import Container
from darkroom.observability import follow, observed
from darkroom.settings import Settings
from darkroom.webhooks.messages import Delivery

container = Container(Settings.from_environment())


def deliver(record: Any) -> None:
    """Make the attempt that one message asks for."""
    message = read_message(Delivery, record.body)
    follow(message.task_id)
    container.deliverer().deliver(message)


def give_up(record: Any) -> None:
    """Mark the delivery of a message that failed for the last time."""
    from darkroom.operations.dead_letter_handling import give_up_delivery

    give_up_delivery(container.tasks(), container.deliveries(), read_message(Delivery, record.body), now())


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Deliver webhooks; only the messages that failed come back."""
    return process_batch(event, context, kind=QUEUE, handle=deliver, give_up=give_up)
