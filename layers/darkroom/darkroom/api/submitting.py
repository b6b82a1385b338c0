"""Posting, cancelling and deleting in the words of the API: what the services refuse becomes an HTTP error."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from darkroom.api.errors import conflict, invalid_field, payment_required, too_large, too_many_requests
from darkroom.api.request import fingerprint, read_request
from darkroom.domain.admission import Barrier, NotAdmitted
from darkroom.domain.request import ImageRequest
from darkroom.domain.routing import NoOffer
from darkroom.domain.task import Task
from darkroom.services.assembly import Assembly
from darkroom.services.cancellation import AlreadyEnded, cancel
from darkroom.services.clock import now
from darkroom.services.deletion import StillOpen, StillSettled
from darkroom.services.delivery_requests import MOST_ROUNDS, NothingToSend, SentOften, send_again
from darkroom.services.submission import IdempotencyConflict, Submitted, TooMuchToKeep
from darkroom.stores.accounts import ApiKey


def submit_task(
    assembly: Assembly,
    caller: ApiKey,
    body: Mapping[str, Any],
    *,
    key: str | None,
    correlation_id: str,
    inline: bool = True,
) -> Submitted:
    """Accept the task in a body. Raises `ApiError`."""
    request = routed_by_key(read_request(body, assembly.settings), caller)
    try:
        return assembly.submissions().submit(
            caller,
            request,
            fingerprint=fingerprint(body),
            correlation_id=correlation_id,
            idempotency_key=key,
            inline=inline,
        )
    except NoOffer as error:
        raise invalid_field(str(error), error.param) from error
    except TooMuchToKeep as error:
        raise too_large(str(error)) from error
    except NotAdmitted as barrier:
        if barrier.retry_after:
            raise too_many_requests(barrier.message, barrier.retry_after) from barrier
        code = "insufficient_credits" if barrier.barrier is Barrier.CREDITS else "budget_exceeded"
        raise payment_required(code, barrier.message) from barrier
    except IdempotencyConflict as error:
        message = "this Idempotency-Key was used before with another body: use a new key for a new task"
        raise conflict(message, error.task_id, "Idempotency-Key") from error


def routed_by_key(request: ImageRequest, caller: ApiKey) -> ImageRequest:
    """The request with the key's own providers, where it names none itself."""
    return request if request.providers else replace(request, providers=caller.providers)


def cancel_task(assembly: Assembly, task: Task) -> Task:
    """Cancel an open task. Raises `ApiError` (409)."""
    try:
        return cancel(assembly.tasks(), task, now, charge_made=assembly.settings.charge_cancelled)
    except AlreadyEnded as error:
        raise conflict("the task has ended, and an end never changes", task.task_id) from error


def delete_task(assembly: Assembly, task: Task) -> None:
    """Remove an ended task. Raises `ApiError` (409)."""
    try:
        assembly.deletion().delete(task)
    except StillOpen as error:
        raise conflict("the task is still open: cancel it first", task.task_id) from error
    except StillSettled as error:
        message = "the task was cancelled and its provider may still be at work: delete it once that is settled"
        raise conflict(message, task.task_id) from error


def resend_webhook(assembly: Assembly, task: Task) -> None:
    """Send an ended task's webhook again. Raises `ApiError` (409)."""
    try:
        send_again(assembly.queues(), assembly.deliveries(), task)
    except NothingToSend as error:
        raise conflict("the task was posted without a callback_url", task.task_id) from error
    except SentOften as error:
        raise conflict(f"the webhook was sent again {MOST_ROUNDS} times already", task.task_id) from error
    except StillOpen as error:
        raise conflict("the task has not ended: its webhook is sent when it does", task.task_id) from error
