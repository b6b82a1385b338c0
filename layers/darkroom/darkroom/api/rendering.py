"""How a task is shown: the same in a look-up, a list, a webhook and an event."""

from typing import TYPE_CHECKING, Any

from darkroom.accounts.money import format_credits
from darkroom.tasks.failure import Failure
from darkroom.tasks.task import Attempt, Image, ImageState, Task

if TYPE_CHECKING:
    from darkroom.images.links import LinkSigner
    from darkroom.webhooks.delivery_log import DeliveryAttempt, DeliveryLog

Json = dict[str, Any]


def render_task(task: Task, links: "LinkSigner", now: int) -> Json:
    """A task as the API documents it, with links signed as of `now` (Unix milliseconds)."""
    return {
        "task_id": task.task_id,
        "object": "image.task",
        "model": task.request.model,
        "action": task.request.action.value,
        "status": task.status.value,
        "progress": task.progress,
        "provider": task.provider,
        "created_at": task.created_at,
        "started_at": task.started_at,
        "completed_at": task.completed_at,
        "expires_at": task.expires_at,
        "images": [_image(image, links, now) for image in task.images],
        "usage": _usage(task),
        "attempts": [_attempt(attempt) for attempt in task.attempts],
        "metadata": dict(task.metadata),
        "error": _failure(task.error),
    }


def render_delivery(log: "DeliveryLog") -> Json:
    """A webhook's delivery attempts."""
    return {
        "object": "webhook.delivery",
        "task_id": log.task_id,
        "callback_url": log.url,
        "state": log.state.value,
        "attempts": [
            {"attempt": attempt.number, "at": attempt.at, **render_outcome(attempt)} for attempt in log.attempts
        ],
    }


def render_outcome(attempt: "DeliveryAttempt") -> Json:
    """What came of one attempt to deliver a webhook."""
    return {
        "status": attempt.status,
        "latency_ms": attempt.latency_ms,
        "error": attempt.error,
        "next_at": attempt.next_at,
    }


def _usage(task: Task) -> Json:
    shown: Json = {
        "images": sum(image.state is ImageState.STORED for image in task.images),
        "credits_reserved": format_credits(task.usage.reserved),
        "credits_charged": format_credits(task.usage.charged),
    }
    return shown | ({"credits_withheld": format_credits(task.usage.withheld)} if task.withheld else {})


def _image(image: Image, links: "LinkSigner", now: int) -> Json:
    shown: Json = {"index": image.index, "status": image.state.value}
    if image.stored:
        link = links.sign(image.stored.key, now)
        shown |= {
            "url": link.url,
            "url_expires_at": link.expires_at,
            "content_type": image.stored.content_type,
            "bytes": image.stored.bytes,
            "width": image.stored.width,
            "height": image.stored.height,
            "sha256": image.stored.sha256,
        }
    if image.failure:
        shown["error"] = _failure(image.failure)
    return shown


def _attempt(attempt: Attempt) -> Json:
    shown: Json = {"provider": attempt.provider, "status": attempt.state.value}
    if attempt.failure:
        shown["error"] = {"code": attempt.failure.code.value, "message": attempt.failure.message}
    return shown


def _failure(failure: Failure | None) -> Json | None:
    if failure is None:
        return None
    return {"code": failure.code.value, "message": failure.message, "retryable": failure.retryable}
