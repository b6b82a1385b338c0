"""Looks at open tasks: poller, watchdog and keeper of deadlines. SQS, delayed messages, many a batch."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from darkroom.observation import follow, observed
from darkroom.records import QUEUE, work_through
from darkroom.services.assembly import Assembly
from darkroom.settings import Settings
from darkroom.stores.queues import Look, read_message, readable

assembly = Assembly(Settings.from_environment())
MOST_LOOKS = 100
"""A look outlasts ten hours of failing (`maxReceiveCount` of its queue in template.yaml)."""


def look(problems: Mapping[str, Exception | None], record: Any) -> None:
    """What came of the look that one message asks for."""
    follow(read_message(Look, record.body).task_id)
    if problem := problems[record.message_id]:
        raise problem


def give_up(record: Any) -> None:
    """Mark the task of a look that failed for the last time."""
    assembly.last_resort().look(read_message(Look, record.body))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Look at tasks, all of a batch together; failed messages come back."""
    looks = dict(readable(Look, ((record["messageId"], record["body"]) for record in event["Records"])))
    problems = dict(zip(looks, assembly.tracker().look_at_all(list(looks.values())), strict=True))
    handle = partial(look, problems)
    return work_through(event, context, kind=QUEUE, handle=handle, give_up=give_up, most_receives=MOST_LOOKS)
