"""What can go wrong with a call, in words that every dialect has its own for."""

from dataclasses import dataclass
from enum import StrEnum

from darkroom.tasks.failure import ErrorCode, Failure


class ErrorKind(StrEnum):
    """Why a call can't be answered as it was meant."""

    NO_KEY = "no_key"
    BAD_KEY = "bad_key"
    DISABLED_KEY = "disabled_key"
    MALFORMED = "malformed"
    MISSING_FIELD = "missing_field"
    BAD_FIELD = "bad_field"
    UNKNOWN_MODEL = "unknown_model"
    NO_BALANCE = "no_balance"
    RATE_LIMITED = "rate_limited"
    UNKNOWN_TASK = "unknown_task"
    UNKNOWN_CALL = "unknown_call"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    ANSWER_TOO_LARGE = "answer_too_large"
    NO_STREAM = "no_stream"
    CONTENT = "content"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    INTERNAL = "internal"


@dataclass
class Refusal(Exception):
    """A call that is refused, or a task that came to nothing. `message` is for the client; `param` names the field.

    `retry_after` is in seconds.
    """

    kind: ErrorKind
    message: str
    param: str | None = None
    task_id: str | None = None
    retry_after: int | None = None

    @property
    def final(self) -> bool:
        """Whether the same call would only fail again, or make the whole task again, for all that a client can tell."""
        return self.kind in _FINAL


_FINAL = frozenset({ErrorKind.FAILED, ErrorKind.CONTENT, ErrorKind.CONFLICT, ErrorKind.CANCELLED, ErrorKind.NO_BALANCE})
_TROUBLES = {
    ErrorCode.INVALID_REQUEST: ErrorKind.BAD_FIELD,
    ErrorCode.CONTENT_POLICY: ErrorKind.CONTENT,
    ErrorCode.INSUFFICIENT_CREDITS: ErrorKind.NO_BALANCE,
    ErrorCode.RATE_LIMITED: ErrorKind.RATE_LIMITED,
    ErrorCode.PROVIDER_AUTH: ErrorKind.UNAVAILABLE,
    ErrorCode.PROVIDER_ERROR: ErrorKind.FAILED,
    ErrorCode.PROVIDER_UNAVAILABLE: ErrorKind.UNAVAILABLE,
    ErrorCode.IMAGE_UNAVAILABLE: ErrorKind.FAILED,
    ErrorCode.DEADLINE_EXCEEDED: ErrorKind.TIMEOUT,
    ErrorCode.SUBMISSION_UNKNOWN: ErrorKind.FAILED,
    ErrorCode.CANCELLED: ErrorKind.CANCELLED,
}


def refusal_of(failure: Failure | None, task_id: str | None = None) -> Refusal:
    """A task's or picture's failure as the refusal of the call that waited for it."""
    if failure is None:
        return Refusal(ErrorKind.FAILED, "no image was made", task_id=task_id)
    return Refusal(_TROUBLES[failure.code], failure.message, task_id=task_id)
