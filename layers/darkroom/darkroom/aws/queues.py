"""The queues: each kind of message is a dataclass that names its queue, sent and read as JSON.

A message leaves out what is at its default and ignores what it does not know, so that a release reads what the one
before or after it sent.
"""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from darkroom.aws.delays import MAX_QUEUE_DELAY, jittered, queue_delay
from darkroom.aws.forward_compatibility import known
from darkroom.batched import batched
from darkroom.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from darkroom.aws.schedules import Schedules

BATCH = 10
"""Messages that one SendMessageBatch takes (AWS: SQS quotas)."""


class Message(Protocol):
    """A message: a dataclass of plain values. `queue` is the kind of queue that it goes to."""

    queue: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


M = TypeVar("M", bound=Message)


class Queues:
    """Sends our messages. Waits are in seconds, divided by the deployment's time scale.

    `schedules` books waits that are longer than SQS's; where there is none, they are walked in hops.
    """

    def __init__(
        self,
        client: "SQSClient",
        settings: Settings,
        schedules: "Callable[[], Schedules | None]" = lambda: None,
    ) -> None:
        self._client = client
        self._settings = settings
        self._schedules = schedules

    def send(self, message: Message, *, wait: float = 0) -> None:
        """Queue one message, to arrive after `wait` seconds (clamped to what SQS takes, jittered by a tenth)."""
        self._client.send_message(
            QueueUrl=self._url(type(message)),
            MessageBody=message_body(message),
            DelaySeconds=queue_delay(jittered(wait, random.random()) / self._settings.time_scale),
        )

    def send_at(self, message: Message, due_at: int, *, now: int) -> None:
        """Queue one message for a moment (both in Unix milliseconds), which no time scale moves.

        A moment further off than SQS can wait is booked as a schedule. Where that can't be done, the message comes as
        late as SQS allows, and so too early: whoever reads it sends it on.
        """
        seconds = (due_at - now) / 1000
        if seconds > MAX_QUEUE_DELAY and self._booked(message, due_at):
            return
        self._client.send_message(
            QueueUrl=self._url(type(message)), MessageBody=message_body(message), DelaySeconds=queue_delay(seconds)
        )

    def _booked(self, message: Message, due_at: int) -> bool:
        schedules = self._schedules()
        kind = type(message)
        return schedules is not None and schedules.book(kind.queue, self._url(kind), message_body(message), due_at)

    def send_all(self, messages: Iterable[Message]) -> None:
        """Queue any number of messages of one kind at once, without delay. Raises `NotQueued` if any was refused."""
        for part in batched(list(messages), BATCH):
            answer = self._client.send_message_batch(
                QueueUrl=self._url(type(part[0])),
                Entries=[
                    {"Id": str(place), "MessageBody": message_body(message)} for place, message in enumerate(part)
                ],
            )
            if answer.get("Failed"):
                raise NotQueued(answer["Failed"][0].get("Message", "SQS gave no reason"))

    def _url(self, kind: type[Message]) -> str:
        return self._settings.queue_url(kind.queue)


class NotQueued(Exception):
    """SQS took a batch, but not every message in it."""


def read_message(kind: type[M], body: str) -> M:
    """The message in an SQS body; fields of a later release are ignored.

    Raises `ValueError` where it is not one of this kind.
    """
    try:
        values: Any = json.loads(body)
        return kind(**known(kind, values))
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a {kind.__name__} message: {error}") from error


def readable(kind: type[M], bodies: Iterable[tuple[str, str]]) -> Iterator[tuple[str, M]]:
    """The messages among some SQS bodies, each under its id; one that can't be read is left for its own handling."""
    for name, body in bodies:
        with suppress(ValueError):
            yield name, read_message(kind, body)


def message_body(message: Message) -> str:
    """A message as JSON. What is at its default is left out, so that a release without a field reads what it can."""
    given = {
        field.name: value
        for field in fields(message)
        if (value := getattr(message, field.name)) != field.default or field.default is MISSING
    }
    return json.dumps(given, separators=(",", ":"))
