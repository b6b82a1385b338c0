"""The calls of the API as requests to be sent, and its answers read: what both clients share."""

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from darkroom_client.errors import BY_STATUS, DarkroomError, NotReachable, ServerError

TRIES = 5
TRIES_TO_CONNECT = 2
LONGEST_WAIT = 25
"""Seconds that one answer may be waited for (the API's limit of `Prefer: wait`)."""
_AGAIN = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Call:
    """One request. `repeatable` may be sent again where nobody knows whether it arrived."""

    method: str
    path: str
    json: Any = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True


def submission(
    model: str, prompt: str, options: Mapping[str, Any], *, idempotency_key: str | None, wait: float
) -> Call:
    """Post a task. Its idempotency key makes every repetition the same task."""
    body = {"model": model, "prompt": prompt, **{name: value for name, value in options.items() if value is not None}}
    headers = {"idempotency-key": idempotency_key or uuid.uuid4().hex, **_waiting(wait)}
    return Call("POST", "/v1/tasks", body, headers=headers)


def look(task_id: str, wait: float = 0) -> Call:
    """Look at a task, and wait for its end if asked to."""
    return Call("GET", f"/v1/tasks/{task_id}", headers=_waiting(wait))


def page(filters: Mapping[str, Any], cursor: str | None) -> Call:
    """A page of tasks."""
    given = {name: str(value) for name, value in filters.items() if value is not None}
    return Call("GET", "/v1/tasks", params=given | ({"cursor": cursor} if cursor else {}))


def retry_after(answer: httpx.Response) -> float | None:
    """The seconds that an answer asks to wait."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None


def wait_before(attempt: int, answer: httpx.Response | None) -> float:
    """Seconds before try number `attempt` + 1 (from 1)."""
    asked = retry_after(answer) if answer is not None else None
    return asked if asked is not None else min(8.0, 0.4 * 2**attempt) * random.uniform(0.5, 1)


def address(base_url: str) -> str:
    """A deployment's address without a slash at its end. Raises `NotReachable` for what is none."""
    if not base_url.startswith(("https://", "http://")):
        raise NotReachable(f"{base_url!r} is no address of a deployment: it begins with https:// or http://")
    return base_url.rstrip("/")


def worth_another_try(
    call: Call, attempt: int, answer: httpx.Response | None, failure: httpx.HTTPError | None = None
) -> bool:
    """Whether to send a call again: after no answer, or one that says 'not now'.

    Where nobody listens at all, once more is enough to know.
    """
    if attempt >= (TRIES if not isinstance(failure, httpx.ConnectError) else TRIES_TO_CONNECT):
        return False
    if answer is None:
        return call.repeatable
    return answer.status_code in _AGAIN and (call.repeatable or answer.status_code in {429, 503})


def read(answer: httpx.Response) -> Any:
    """An answer's body. Raises `DarkroomError` where it is an error."""
    if answer.status_code < 400:
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_json and answer.content else answer.text
    raise error_of(answer)


def error_of(answer: httpx.Response) -> DarkroomError:
    """The error that an answer is."""
    kind = BY_STATUS.get(answer.status_code, ServerError if answer.status_code >= 500 else DarkroomError)
    try:
        told = answer.json()["error"]
        message = str(told["message"])
    except (ValueError, KeyError, TypeError):
        told, message = {}, f"the API answered {answer.status_code}"
    return kind(
        message=message,
        status=answer.status_code,
        code=told.get("code"),
        param=told.get("param"),
        request_id=answer.headers.get("x-request-id"),
        task_id=told.get("task_id"),
        retry_after=retry_after(answer),
    )


def not_reachable(error: httpx.HTTPError, base_url: str) -> NotReachable:
    """What a broken connection is told as."""
    if not isinstance(error, httpx.ConnectError):
        return NotReachable(f"{base_url} did not answer: {type(error).__name__}")
    local = "//127.0.0.1" in base_url or "//localhost" in base_url
    hint = ": is `make serve` running?" if local else ": is the address right?"
    return NotReachable(f"{base_url} could not be reached, nobody listens there or its name is unknown{hint}")


def _waiting(seconds: float) -> dict[str, str]:
    return {"prefer": f"wait={min(int(seconds), LONGEST_WAIT)}"} if seconds >= 1 else {}
