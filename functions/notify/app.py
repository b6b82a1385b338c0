"""Turns a change of status into an event and, where asked for, a webhook message. DynamoDB stream."""

from typing import Any

from darkroom.aws.batch_processing import STREAM, process_batch
from darkroom.container import Container
from darkroom.observability import observed
from darkroom.settings import Settings

container = Container(Settings.from_environment())


def announce(record: Any) -> None:
    """Announce what one record of the stream says has ended."""
    container.notifier().changed(record.raw_event)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Announce ended tasks; the stream repeats from the first record that failed."""
    return process_batch(event, context, kind=STREAM, handle=announce)
