"""Working through a batch of records, from a queue or a stream: those that failed come back, each for itself."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from darkroom.observability import count, logger

QUEUE, STREAM = EventType.SQS, EventType.DynamoDBStreams


MOST_RECEIVES = 5
"""How often a queue hands out a message before it is given up on (`maxReceiveCount` in template.yaml)."""


def process_batch(
    event: dict[str, Any],
    context: Any,
    *,
    kind: EventType,
    handle: Callable[[Any], None],
    give_up: Callable[[Any], None] | None = None,
    most_receives: int = MOST_RECEIVES,
) -> Any:
    """Hand every record of a batch to `handle`; the answer names those for which it raised, and the log says why.

    A record that was handed out for the last time and fails is handed to `give_up` as well.
    """

    def handle_and_tell(record: Any) -> None:
        try:
            handle(record)
        except Exception:
            logger.exception("record failed")
            count("RecordFailed")
            if give_up and int(record.attributes.approximate_receive_count) >= most_receives:
                _try_to_give_up(give_up, record)
            raise

    processor = BatchProcessor(event_type=kind, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=handle_and_tell, processor=processor, context=context)


def _try_to_give_up(give_up: Callable[[Any], None], record: Any) -> None:
    try:
        give_up(record)
    except ValueError:
        logger.warning("a message that can't be read was given up on")
    except Exception:
        logger.exception("giving up failed")
