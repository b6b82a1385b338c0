"""Verifying webhooks: Standard Webhooks' signatures over Darkroom's bodies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from darkroom_client.models import Task, read_task


class BadSignature(Exception):
    """The body was not signed with this secret, or too long ago."""


@dataclass(frozen=True)
class WebhookEvent:
    """What a webhook tells: `type` is `task.completed`, `task.failed` or `task.cancelled`.

    `event_id` is the same for every repetition.
    """

    event_id: str
    type: str
    timestamp: str
    task: Task


def verify_webhook(secret: str | Sequence[str], headers: Mapping[str, str], body: bytes | str) -> WebhookEvent:
    """The event in a webhook that was signed with (one of) the secret(s). Raises `BadSignature`."""
    secrets = [secret] if isinstance(secret, str) else list(secret)
    lower = {name.lower(): value for name, value in headers.items()}
    for each in secrets:
        try:
            content: Any = Webhook(each).verify(body, lower)
        except WebhookVerificationError:
            continue
        return WebhookEvent(lower["webhook-id"], content["type"], content["timestamp"], read_task(content["data"]))
    raise BadSignature("the webhook's signature is not by this secret, or is too old")
