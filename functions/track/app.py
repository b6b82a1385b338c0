"""Looks at open tasks: poller, watchdog and keeper of deadlines. SQS, delayed messages, many a batch."""

from functools import partial
from typing import Any

from darkroom.observation import follow, observed
from darkroom.records import QUEUE, work_through
from darkroom.services.assembly import Assembly
from darkroom.services.tracking import Survey
from darkroom.settings import Settings
from darkroom.stores.queues import Look, read_message, readable

assembly = Assembly(Settings.from_environment())
MOST_LOOKS = 100
"""A look outlasts ten hours of failing (`maxReceiveCount` of its queue in template.yaml)."""


def look(survey: Survey, record: Any) -> None:
    """Bring forward the task that one message names."""
    message = read_message(Look, record.body)
    follow(message.task_id)
    assembly.tracker().look(message, survey)


def give_up(record: Any) -> None:
    """Mark the task of a look that failed for the last time."""
    assembly.last_resort().look(read_message(Look, record.body))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Look at tasks, with one query for as many of them as a provider takes; failed messages come back."""
    survey = assembly.tracker().survey(readable(Look, (record["body"] for record in event["Records"])))
    handle = partial(look, survey)
    return work_through(event, context, kind=QUEUE, handle=handle, give_up=give_up, most_receives=MOST_LOOKS)
