"""A task as an event or a queued message: the same body as `POST /v1/tasks`, in an envelope that names its owner.

Whoever may put events on the bus, or messages into the queue, is trusted by IAM to speak for any owner.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from darkroom.accounts.key_admin import NoSuchKey
from darkroom.accounts.keys import ApiKey
from darkroom.api.errors import ApiError, bad_request, internal, invalid_field
from darkroom.api.http import json_object
from darkroom.api.submitting import submit_task
from darkroom.clock import now
from darkroom.json_nesting import deeper_than
from darkroom.observability import follow, logger
from darkroom.submission.intake_queue import intake_wait

if TYPE_CHECKING:
    from darkroom.api.parts import IntakeParts

DETAIL_TYPE = "Task Requested"


@dataclass(frozen=True, slots=True)
class Wish:
    """A task that somebody wants: whose, by which key's rules, and under which id it is known."""

    reference: str
    owner: str
    key_id: str | None
    task: Mapping[str, Any]


def submit_event(parts: "IntakeParts", body: str, message_id: str, times: int = 0) -> None:
    """Take the task of one message, once for each event. One that can't be taken is answered by an event.

    It is recorded here and submitted by `generate`: no provider is waited for in the middle of a batch. A limit that
    stands against it lets it wait by a message of its own, for a day at most. `message_id` is that of the message when
    it first came, `times` how often it has waited since.
    """
    reference = message_id
    try:
        wish = _read(body, message_id)
        reference = wish.reference
        submitted = submit_task(
            parts,
            _caller(parts, wish),
            wish.task,
            key=f"event/{wish.reference}",
            correlation_id=message_id,
            inline=False,
        )
        follow(submitted.task.task_id, submitted.task.correlation_id)
        logger.info("task taken from an event", extra={"replayed": submitted.replayed})
    except ApiError as error:
        wait = intake_wait(times) if error.status == 429 else None
        if wait is None:
            _reject(parts, reference, body, error)
        else:
            logger.info("a limit lets an event wait", extra={"times": times + 1})
            parts.intake_queue().put_back(body, message_id, times=times + 1, wait=wait)


def announce_rejection(parts: "IntakeParts", body: str, message_id: str) -> None:
    """Say that a message was given up on."""
    _reject(parts, message_id, body, internal())


def _read(body: str, message_id: str) -> Wish:
    message = json_object(body.encode())
    event = "detail-type" in message
    wanted = message.get("detail") if event else message
    if event and message["detail-type"] != DETAIL_TYPE:
        raise bad_request(f"the event's detail-type must be {DETAIL_TYPE}", "detail-type")
    if not isinstance(wanted, dict):
        raise bad_request("the event has no detail", "detail")
    reference = (message.get("id") if event else wanted.get("id")) or message_id
    owner, key_id, task = wanted.get("owner"), wanted.get("key_id"), wanted.get("task")
    if not isinstance(owner, str) or not owner:
        raise invalid_field("owner is required: the owner of the task", "owner")
    if key_id is not None and not isinstance(key_id, str):
        raise invalid_field("key_id must be the id of one of the owner's keys", "key_id")
    if not isinstance(task, dict):
        raise invalid_field("task is required: what POST /v1/tasks takes", "task")
    if not isinstance(reference, str) or not 0 < len(reference) <= 200:
        raise invalid_field("id must be a text of 1 to 200 characters", "id")
    return Wish(reference, owner, key_id, task)


def _caller(parts: "IntakeParts", wish: Wish) -> ApiKey:
    """By whose rules the task is taken: the key's that was named, else the account's alone."""
    if wish.key_id is None:
        if not parts.key_admin().knows(wish.owner):
            raise invalid_field(f"there is no owner {wish.owner[:80]!r}", "owner")
        return ApiKey(wish.owner)
    try:
        key = parts.key_admin().find(wish.key_id)
    except NoSuchKey as error:
        raise invalid_field("there is no such key", "key_id") from error
    if key.owner != wish.owner or not key.valid(now()):
        raise invalid_field("this key is not the owner's, or is disabled", "key_id")
    return key


def _reject(parts: "IntakeParts", reference: str, body: str, error: ApiError) -> None:
    detail = {
        "id": reference,
        "owner": _owner_of(body),
        "error": {"code": error.code, "message": error.message, "param": error.param},
    }
    logger.warning("an event was refused", extra={"code": error.code, "param": error.param})
    parts.task_events().reject(detail)


def _owner_of(body: str) -> str | None:
    if deeper_than(body.encode(), 100):
        return None
    try:
        message = json.loads(body)
        wanted = message.get("detail", message)
        owner = wanted.get("owner")
    except (ValueError, AttributeError):
        return None
    return owner if isinstance(owner, str) else None
