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


def look(survey: Survey, record: Any) -> None:
    """Bring forward the task that one message names."""
    message = read_message(Look, record.body)
    follow(message.task_id)
    assembly.tracker().look(message, survey)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Look at tasks, with one query for as many of them as a provider takes; failed messages come back."""
    survey = assembly.tracker().survey(readable(Look, (record["body"] for record in event["Records"])))
    return work_through(event, context, kind=QUEUE, handle=partial(look, survey))
