"""One signed delivery attempt of one webhook. SQS, one message an attempt."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from darkroom.observation import follow, observed
from darkroom.services.assembly import Assembly
from darkroom.settings import Settings
from darkroom.stores.queues import Delivery, read_message

assembly = Assembly(Settings.from_environment())
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def deliver(record: Any) -> None:
    """Make the attempt that one message asks for."""
    message = read_message(Delivery, record.body)
    follow(message.task_id)
    assembly.deliverer().deliver(message)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Deliver webhooks; only the messages that failed come back."""
    return process_partial_response(event=event, record_handler=deliver, processor=processor, context=context)
