"""Working through a batch of records, from a queue or a stream: those that failed come back, each for itself."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from darkroom.observation import logger

QUEUE, STREAM = EventType.SQS, EventType.DynamoDBStreams


def work_through(event: dict[str, Any], context: Any, *, kind: EventType, handle: Callable[[Any], None]) -> Any:
    """Hand every record of a batch to `handle`; the answer names those for which it raised, and the log says why."""

    def handle_and_tell(record: Any) -> None:
        try:
            handle(record)
        except Exception:
            logger.exception("record failed")
            raise

    processor = BatchProcessor(event_type=kind, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=handle_and_tell, processor=processor, context=context)
