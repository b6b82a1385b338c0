"""Turns a change of status into an event and, where asked for, a webhook message. DynamoDB stream."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from darkroom.observation import observed
from darkroom.services.assembly import Assembly
from darkroom.settings import Settings

assembly = Assembly(Settings.from_environment())
processor = BatchProcessor(event_type=EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)


def announce(record: Any) -> None:
    """Announce what one record of the stream says has ended."""
    assembly.notifier().changed(record.raw_event)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Announce ended tasks; the stream repeats from the first record that failed."""
    return process_partial_response(
        event=event, record_handler=announce, processor=processor, context=context
    )
