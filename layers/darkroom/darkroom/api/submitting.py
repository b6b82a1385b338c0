"""Posting, cancelling and deleting in the words of the API: what the services refuse becomes an HTTP error."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from darkroom.accounts.admission import AdmissionFailure, NotAdmitted
from darkroom.accounts.keys import ApiKey
from darkroom.api.errors import conflict, invalid_field, payment_required, too_large, too_many_requests, unavailable
from darkroom.api.request import fingerprint, read_request
from darkroom.catalog.routing import NoOffer, SwitchedOff
from darkroom.clock import now
from darkroom.operations.deletion import StillSettled
from darkroom.submission.accepting import IdempotencyConflict, Submitted, TooMuchToKeep
from darkroom.tasks.cancellation import AlreadyEnded, cancel
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import StillOpen, Task
from darkroom.webhooks.resend import MOST_ROUNDS, NothingToSend, SentOften, send_again

if TYPE_CHECKING:
    from darkroom.api.parts import CancellingParts, DeletingParts, ResendingParts, SubmittingParts


def submit_task(
    parts: "SubmittingParts",
    caller: ApiKey,
    body: Mapping[str, Any],
    *,
    key: str | None,
    correlation_id: str,
    inline: bool = True,
) -> Submitted:
    """Accept the task in a body. Raises `ApiError`."""
    request = routed_by_key(read_request(body, parts.settings), caller)
    try:
        return parts.submissions().submit(
            caller,
            request,
            fingerprint=fingerprint(body),
            correlation_id=correlation_id,
            idempotency_key=key,
            inline=inline,
        )
    except SwitchedOff as error:
        raise unavailable(str(error), error.param) from error
    except NoOffer as error:
        raise invalid_field(str(error), error.param) from error
    except TooMuchToKeep as error:
        raise too_large(str(error)) from error
    except NotAdmitted as refused:
        if refused.retry_after:
            raise too_many_requests(refused.message, refused.retry_after) from refused
        code = "insufficient_credits" if refused.reason is AdmissionFailure.CREDITS else "budget_exceeded"
        raise payment_required(code, refused.message) from refused
    except IdempotencyConflict as error:
        message = "this Idempotency-Key was used before with another body: use a new key for a new task"
        raise conflict(message, error.task_id, "Idempotency-Key") from error


def routed_by_key(request: ImageRequest, caller: ApiKey) -> ImageRequest:
    """The request with the key's own providers, where it names none itself."""
    return request if request.providers else replace(request, providers=caller.providers)


def cancel_task(parts: "CancellingParts", task: Task) -> Task:
    """Cancel an open task. Raises `ApiError` (409)."""
    try:
        return cancel(parts.tasks(), task, now, charge_made=parts.settings.charge_cancelled)
    except AlreadyEnded as error:
        raise conflict("the task has ended, and an end never changes", task.task_id) from error


def delete_task(parts: "DeletingParts", task: Task) -> None:
    """Remove an ended task. Raises `ApiError` (409)."""
    try:
        parts.deletion().delete(task)
    except StillOpen as error:
        raise conflict("the task is still open: cancel it first", task.task_id) from error
    except StillSettled as error:
        message = "the task was cancelled and its provider may still be at work: delete it once that is settled"
        raise conflict(message, task.task_id) from error


def resend_webhook(parts: "ResendingParts", task: Task) -> None:
    """Send an ended task's webhook again. Raises `ApiError` (409)."""
    try:
        send_again(parts.queues(), parts.deliveries(), task)
    except NothingToSend as error:
        raise conflict("the task was posted without a callback_url", task.task_id) from error
    except SentOften as error:
        raise conflict(f"the webhook was sent again {MOST_ROUNDS} times already", task.task_id) from error
    except StillOpen as error:
        raise conflict("the task has not ended: its webhook is sent when it does", task.task_id) from error
