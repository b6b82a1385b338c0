"""The queue of tasks that come as events or messages: putting one back that a limit stands against for now."""

import random
from typing import TYPE_CHECKING, Any

from darkroom.aws.delays import MAX_QUEUE_DELAY, jittered, queue_delay
from darkroom.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

REFERENCE, TIMES = "reference", "times"
"""Attributes of a message that was put back: the id of the first, and how often it was."""

MAX_INTAKE_WAITS = 100
"""How often a task that came as an event waits for a limit to let it in: a day in all."""


class IntakeQueue:
    """Puts messages back. Their bodies stay as they came; what is known of them rides in attributes."""

    def __init__(self, client: "SQSClient", settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def put_back(self, body: str, reference: str, *, times: int, wait: float) -> None:
        """Queue a message again, to come after `wait` seconds, for the `times`th time."""
        attributes: Any = {
            REFERENCE: {"DataType": "String", "StringValue": reference},
            TIMES: {"DataType": "Number", "StringValue": str(times)},
        }
        self._client.send_message(
            QueueUrl=self._settings.queue_url("intake"),
            MessageBody=body,
            MessageAttributes=attributes,
            DelaySeconds=queue_delay(jittered(wait, random.random()) / self._settings.time_scale),
        )


def origin(attributes: Any, message_id: str) -> tuple[str, int]:
    """The id of a message when it first came, and how often it was put back, from its record's attributes.

    Whoever writes into the queue may write attributes too: what can't be read is as if it were not there.
    """
    reference = _value(attributes, REFERENCE)
    times = _value(attributes, TIMES)
    if not 0 < len(reference) <= 200 or not (times.isascii() and times.isdecimal() and len(times) < 5):
        return message_id, 0
    return reference, int(times)


def _value(attributes: Any, name: str) -> str:
    found = attributes.get(name) if isinstance(attributes, dict) else None
    value = found.get("stringValue") if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def intake_wait(times: int) -> float | None:
    """Seconds until a task that a limit stands against is tried once more, after `times` such waits; None after a day.

    30 s, then twice as long each time, up to what SQS takes.
    """
    if times >= MAX_INTAKE_WAITS:
        return None
    return min(30.0 * 2.0 ** min(times, 10), float(MAX_QUEUE_DELAY))
