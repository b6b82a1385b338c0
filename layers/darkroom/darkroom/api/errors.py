"""Errors as the API answers them: one envelope, whatever went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class ApiError(Exception):
    """An answer that is an error. `message` says what to change; `param` names the field where there is one."""

    status: int
    code: str
    message: str
    param: str | None = None
    task_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def envelope(self, request_id: str) -> dict[str, Any]:
        """The body of the answer."""
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "request_id": request_id,
        }
        if self.task_id:
            error["task_id"] = self.task_id
        return {"error": error}


def bad_request(message: str, param: str | None = None) -> ApiError:
    """Malformed JSON, a malformed header or query parameter."""
    return ApiError(400, "invalid_request", message, param)


def invalid_field(message: str, param: str | None) -> ApiError:
    """A field's value that can't be accepted."""
    return ApiError(422, "invalid_request", message, param)


def unauthorized(message: str) -> ApiError:
    """No key, or an unknown one."""
    return ApiError(401, "unauthorized", message, headers={"www-authenticate": "Bearer"})


def forbidden(message: str) -> ApiError:
    """A key that does not allow this."""
    return ApiError(403, "forbidden", message)


def not_found(message: str = "There is no such task.") -> ApiError:
    """Not there, or another owner's: the answer is the same."""
    return ApiError(404, "not_found", message)


def payment_required(code: str, message: str) -> ApiError:
    """The account does not cover what the task may cost."""
    return ApiError(402, code, message)


def too_many_requests(message: str, retry_after: int) -> ApiError:
    """A limit of the key; `retry_after` is in seconds."""
    return ApiError(429, "rate_limited", message, headers={"retry-after": str(retry_after)})


def conflict(message: str, task_id: str | None = None, param: str | None = None) -> ApiError:
    """The task's state, or an idempotency key, stands against it."""
    return ApiError(409, "conflict", message, param, task_id)


def unavailable(message: str, param: str | None = None) -> ApiError:
    """What was asked for is not to be had now, and may be later."""
    return ApiError(503, "provider_unavailable", message, param, headers={"retry-after": "60"})


def too_large(message: str) -> ApiError:
    """A body larger than is taken."""
    return ApiError(413, "payload_too_large", message)


def internal() -> ApiError:
    """Our fault; nothing of it is shown."""
    return ApiError(500, "internal_error", "Something went wrong here. The request id helps to find out what.")
