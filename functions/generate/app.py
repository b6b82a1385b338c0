"""Runs a synchronous provider call to its end, or a submission that was put off. SQS, one message a batch."""

from typing import Any

from darkroom.observation import follow, observed
from darkroom.records import QUEUE, work_through
from darkroom.services.assembly import Assembly
from darkroom.settings import Settings
from darkroom.stores.queues import Submission, read_message

assembly = Assembly(Settings.from_environment())


def submit(record: Any) -> None:
    """Submit the task that one message names."""
    message = read_message(Submission, record.body)
    follow(message.task_id)
    assembly.dispatcher().submit_due(message)


def give_up(record: Any) -> None:
    """Mark the task of a message that failed for the last time."""
    assembly.last_resort().submission(read_message(Submission, record.body))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Submit tasks; only the messages that failed come back."""
    return work_through(event, context, kind=QUEUE, handle=submit, give_up=give_up)
