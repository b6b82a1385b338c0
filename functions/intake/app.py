"""Tasks that come as events of the bus or as messages of a queue, instead of by HTTP."""

from typing import Any

from darkroom.api.intake import announce_rejection, submit_event
from darkroom.aws.batch_processing import QUEUE, process_batch
from darkroom.container import Container
from darkroom.observability import observed
from darkroom.settings import Settings
from darkroom.submission.intake_queue import origin

container = Container(Settings.from_environment())


def submit(record: Any) -> None:
    """Submit the task of one message."""
    reference, times = origin(record.raw_event.get("messageAttributes"), record.message_id)
    submit_event(container, record.body, reference, times)


def give_up(record: Any) -> None:
    """Say on the bus that a task was not taken."""
    announce_rejection(container, record.body, record.message_id)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Submit tasks; only the messages that failed come back."""
    return process_batch(event, context, kind=QUEUE, handle=submit, give_up=give_up)
