"""Tasks that come as events of the bus or as messages of a queue, instead of by HTTP."""

from typing import Any

from darkroom.api.intake import announce_rejection, submit_event
from darkroom.observation import observed
from darkroom.records import QUEUE, work_through
from darkroom.services.assembly import Assembly
from darkroom.settings import Settings
from darkroom.stores.intake_queue import origin

assembly = Assembly(Settings.from_environment())


def submit(record: Any) -> None:
    """Submit the task of one message."""
    reference, times = origin(record.raw_event.get("messageAttributes"), record.message_id)
    submit_event(assembly, record.body, reference, times)


def give_up(record: Any) -> None:
    """Say on the bus that a task was not taken."""
    announce_rejection(assembly, record.body, record.message_id)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Submit tasks; only the messages that failed come back."""
    return work_through(event, context, kind=QUEUE, handle=submit, give_up=give_up)
