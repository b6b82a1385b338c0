"""Copies one image into the bucket. SQS, one message an image."""

from typing import Any

from darkroom.aws.batch_processing import QUEUE, process_batch
from darkroom.aws.queues import read_message
from darkroom.container import Container
from darkroom.observability import follow, observed
from darkroom.settings import Settings
from darkroom.tasks.messages import Copy

container = Container(Settings.from_environment())


def copy(record: Any) -> None:
    """Copy the image that one message names."""
    message = read_message(Copy, record.body)
    follow(message.task_id)
    redelivered = int(record.attributes.approximate_receive_count) > 1
    container.image_copier().copy(message, redelivered=redelivered)


def give_up(record: Any) -> None:
    """Mark the task of a message that failed for the last time."""
    container.dead_letter_handler().copy(read_message(Copy, record.body))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Copy images; only the messages that failed come back."""
    return process_batch(event, context, kind=QUEUE, handle=copy, give_up=give_up)
