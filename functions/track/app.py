"""Looks at open tasks: poller, watchdog and keeper of deadlines. SQS, delayed messages, many a batch."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from darkroom.aws.batch_processing import QUEUE, process_batch
from darkroom.aws.queues import read_message, readable
from darkroom.container import Container
from darkroom.observability import follow, observed
from darkroom.settings import Settings
from darkroom.tasks.messages import Poll

container = Container(Settings.from_environment())
MOST_LOOKS = 100
"""A look outlasts ten hours of failing (`maxReceiveCount` of its queue in template.yaml)."""


def look(problems: Mapping[str, Exception | None], record: Any) -> None:
    """What came of the look that one message asks for."""
    follow(read_message(Poll, record.body).task_id)
    if problem := problems[record.message_id]:
        raise problem


def give_up(record: Any) -> None:
    """Mark the task of a look that failed for the last time."""
    container.dead_letter_handler().look(read_message(Poll, record.body))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Look at tasks, all of a batch together; failed messages come back."""
    looks = dict(readable(Poll, ((record["messageId"], record["body"]) for record in event["Records"])))
    problems = dict(zip(looks, container.poller().look_at_all(list(looks.values())), strict=True))
    handle = partial(look, problems)
    return process_batch(event, context, kind=QUEUE, handle=handle, give_up=give_up, most_receives=MOST_LOOKS)
