"""Copies one image into the bucket. SQS, one message an image."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from darkroom.observation import follow, observed
from darkroom.services.assembly import Assembly
from darkroom.settings import Settings
from darkroom.stores.queues import Copy, read_message

assembly = Assembly(Settings.from_environment())
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def copy(record: Any) -> None:
    """Copy the image that one message names."""
    message = read_message(Copy, record.body)
    follow(message.task_id)
    redelivered = int(record.attributes.approximate_receive_count) > 1
    assembly.ingestor().copy(message, redelivered=redelivered)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Copy images; only the messages that failed come back."""
    return process_partial_response(event=event, record_handler=copy, processor=processor, context=context)
