"""Turns a change of status into an event and, where asked for, a webhook message. DynamoDB stream."""

from typing import Any

from darkroom.observation import observed
from darkroom.records import STREAM, work_through
from darkroom.services.assembly import Assembly
from darkroom.settings import Settings

assembly = Assembly(Settings.from_environment())


def announce(record: Any) -> None:
    """Announce what one record of the stream says has ended."""
    assembly.notifier().changed(record.raw_event)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Announce ended tasks; the stream repeats from the first record that failed."""
    return work_through(event, context, kind=STREAM, handle=announce)
