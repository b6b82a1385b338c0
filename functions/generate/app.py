"""Runs a synchronous provider call to its end, or a submission that was deferred. SQS, one message a batch."""

from typing import Any

from darkroom.aws.batch_processing import QUEUE, process_batch
from darkroom.aws.queues import read_message
from darkroom.container import Container
from darkroom.observability import follow, observed
from darkroom.settings import Settings
from darkroom.tasks.messages import Submission

container = Container(Settings.from_environment())


def submit(record: Any) -> None:
    """Submit the task that one message names."""
    message = read_message(Submission, record.body)
    follow(message.task_id)
    container.dispatcher().submit_due(message)


def give_up(record: Any) -> None:
    """Mark the task of a message that failed for the last time."""
    container.dead_letter_handler().submission(read_message(Submission, record.body))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Submit tasks; only the messages that failed come back."""
    return process_batch(event, context, kind=QUEUE, handle=submit, give_up=give_up)
