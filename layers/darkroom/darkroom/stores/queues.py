"""The queues, and the one message form of each."""

import json
import random
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from darkroom.domain.parts import parts
from darkroom.domain.schedule import jittered, queue_delay
from darkroom.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10
"""Messages that one SendMessageBatch takes (AWS: SQS quotas)."""


@dataclass(frozen=True, slots=True)
class Look:
    """Look at a task. `looks` counts those before; `cancel` asks only to tell the provider that it was cancelled;
    `once` is a look beside the others, which no other follows.

    `sent_at` (Unix milliseconds) tells a look that outran its record from one whose task is gone.
    """

    task_id: str
    looks: int = 0
    cancel: bool = False
    once: bool = False
    sent_at: int = 0


@dataclass(frozen=True, slots=True)
class Submission:
    """Submit a task to the offer in line."""

    task_id: str


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy one image into the bucket; `attempt` counts from 1."""

    task_id: str
    index: int
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Delivery:
    """Deliver a task's webhook. `attempt` counts from 1 within `round`, which is 0 but for what was sent again."""

    task_id: str
    attempt: int = 1
    round: int = 0
    due_at: int = 0


Message = Look | Submission | Copy | Delivery
M = TypeVar("M", Look, Submission, Copy, Delivery)
_QUEUES: dict[type[Message], str] = {
    Look: "look",
    Submission: "generate",
    Copy: "ingest",
    Delivery: "webhook",
}


class Queues:
    """Sends our messages. Waits are in seconds, divided by the deployment's time scale."""

    def __init__(self, client: "SQSClient", settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def send(self, message: Message, *, wait: float = 0) -> None:
        """Queue one message, to arrive after `wait` seconds (clamped to what SQS takes, jittered by a tenth)."""
        self._client.send_message(
            QueueUrl=self._url(type(message)),
            MessageBody=_body(message),
            DelaySeconds=queue_delay(jittered(wait, random.random()) / self._settings.time_scale),
        )

    def send_at(self, message: Message, due_at: int, *, now: int) -> None:
        """Queue one message for a moment (both in Unix milliseconds), which no time scale moves.

        A moment further off than SQS can wait gives an early message: whoever reads it sends it on.
        """
        self._client.send_message(
            QueueUrl=self._url(type(message)),
            MessageBody=_body(message),
            DelaySeconds=queue_delay((due_at - now) / 1000),
        )

    def send_all(self, messages: Iterable[Message]) -> None:
        """Queue any number of messages of one kind at once, without delay. Raises `NotQueued` if any was refused."""
        for part in parts(list(messages), BATCH):
            answer = self._client.send_message_batch(
                QueueUrl=self._url(type(part[0])),
                Entries=[{"Id": str(place), "MessageBody": _body(message)} for place, message in enumerate(part)],
            )
            if answer.get("Failed"):
                raise NotQueued(answer["Failed"][0].get("Message", "SQS gave no reason"))

    def _url(self, kind: type[Message]) -> str:
        return self._settings.queue_url(_QUEUES[kind])


class NotQueued(Exception):
    """SQS took a batch, but not every message in it."""


def read_message(kind: type[M], body: str) -> M:
    """The message in an SQS body. Raises `ValueError` where it is not one of this kind."""
    try:
        values: Any = json.loads(body)
        return kind(**values)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"not a {kind.__name__} message: {error}") from error


def readable(kind: type[M], bodies: Iterable[str]) -> list[M]:
    """The messages among some SQS bodies; one that can't be read is left for its own handling to fail on."""
    messages = []
    for body in bodies:
        with suppress(ValueError):
            messages.append(read_message(kind, body))
    return messages


def _body(message: Message) -> str:
    return json.dumps(asdict(message), separators=(",", ":"))
