"""What can go wrong, a class for each thing that a program may want to tell apart."""

from dataclasses import dataclass


@dataclass
class DarkroomError(Exception):
    """An answer that is an error. `message` says what would be right; `param` names the field."""

    message: str
    status: int | None = None
    code: str | None = None
    param: str | None = None
    request_id: str | None = None
    task_id: str | None = None
    retry_after: float | None = None

    def __str__(self) -> str:
        return self.message


class NotReachable(DarkroomError):
    """No answer came: the address is wrong, or the connection broke."""


class NotInTime(DarkroomError, TimeoutError):
    """A task did not end within the time that was given; it goes on, and `task_id` names it."""


class AuthenticationError(DarkroomError):
    """No key, or one that is not known (401)."""


class InsufficientCredits(DarkroomError):
    """The account's credits or budget do not cover the task (402)."""


class PermissionDenied(DarkroomError):
    """The key is disabled, or does not allow this (403)."""


class NotFound(DarkroomError):
    """Not there, or another owner's (404)."""


class Conflict(DarkroomError):
    """The task's state, or an idempotency key, stands against it (409)."""


class InvalidRequest(DarkroomError):
    """Something in the request can't be accepted (400, 413, 422)."""


class RateLimited(DarkroomError):
    """Too many requests, or open tasks (429); `retry_after` is in seconds."""


class ServerError(DarkroomError):
    """Something broke behind the API (5xx)."""


BY_STATUS: dict[int, type[DarkroomError]] = {
    400: InvalidRequest,
    401: AuthenticationError,
    402: InsufficientCredits,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
}
