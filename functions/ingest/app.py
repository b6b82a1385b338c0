"""Copies one image into the bucket. SQS, one message an image."""

from typing import Any

from darkroom.observation import follow, observed
from darkroom.records import QUEUE, work_through
from darkroom.services.assembly import Assembly
from darkroom.settings import Settings
from darkroom.stores.queues import Copy, read_message

assembly = Assembly(Settings.from_environment())


def copy(record: Any) -> None:
    """Copy the image that one message names."""
    message = read_message(Copy, record.body)
    follow(message.task_id)
    redelivered = int(record.attributes.approximate_receive_count) > 1
    assembly.ingestor().copy(message, redelivered=redelivered)


def give_up(record: Any) -> None:
    """Mark the task of a message that failed for the last time."""
    assembly.last_resort().copy(read_message(Copy, record.body))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Copy images; only the messages that failed come back."""
    return work_through(event, context, kind=QUEUE, handle=copy, give_up=give_up)
