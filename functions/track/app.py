"""Polls open tasks: poller, watchdog and keeper of deadlines. SQS, delayed messages, many a batch."""

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
MOST_POLLS = 100
"""A poll outlasts ten hours of failing (`maxReceiveCount` of its queue in template.yaml)."""


def poll(problems: Mapping[str, Exception | None], record: Any) -> None:
    """What came of the poll that one message asks for."""
    follow(read_message(Poll, record.body).task_id)
    if problem := problems[record.message_id]:
        raise problem


def give_up(record: Any) -> None:
    """Mark the task of a poll that failed for the last time."""
    container.dead_letter_handler().poll(read_message(Poll, record.body))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Poll tasks, all of a batch together; failed messages come back."""
    polls = dict(readable(Poll, ((record["messageId"], record["body"]) for record in event["Records"])))
    problems = dict(zip(polls, container.poller().poll_all(list(polls.values())), strict=True))
    handle = partial(poll, problems)
    return process_batch(event, context, kind=QUEUE, handle=handle, give_up=give_up, most_receives=MOST_POLLS)
