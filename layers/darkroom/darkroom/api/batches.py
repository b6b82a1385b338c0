"""Batches: many tasks in one call, each accepted or refused by itself."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from darkroom.accounts.keys import ApiKey
from darkroom.api.errors import ApiError, internal, invalid_field
from darkroom.api.http import to_json
from darkroom.api.rendering import render_task
from darkroom.api.sizes import fits
from darkroom.api.submitting import submit_task
from darkroom.clock import now
from darkroom.deadline import ANSWERING, invocation
from darkroom.observability import logger

if TYPE_CHECKING:
    from darkroom.api.parts import BatchParts

MAX_TASKS = 100
WORKERS = 8
A_TASK = 3.0
"""Seconds that recording one task may take while AWS is slow."""
_NO_TIME = ApiError(503, "unavailable", "there was no time left for this task, which was not taken: post it again")


def submit_batch(
    parts: "BatchParts", caller: ApiKey, body: Mapping[str, Any], *, key: str | None, request_id: str
) -> dict[str, Any]:
    """Record every task of a batch; `generate` submits them. With an idempotency key each task has its own of it.

    Raises `ApiError` (422) where the batch itself has no readable form.
    """
    unknown = next((name for name in body if name != "tasks"), None)
    if unknown is not None:
        raise invalid_field(f"unknown field {unknown[:80]!r}: a batch has only 'tasks'", unknown[:80])
    tasks = body.get("tasks")
    if not isinstance(tasks, list) or not 1 <= len(tasks) <= MAX_TASKS:
        raise invalid_field(f"tasks must be a list of 1 to {MAX_TASKS} tasks", "tasks")

    def submit_one(place: int) -> dict[str, Any]:
        if invocation.left(reserve=ANSWERING) < A_TASK:
            return {"index": place, "status": 503, **_NO_TIME.envelope(request_id)}
        own_key = None if key is None else f"{key}/{place}"
        return _submit_one(parts, caller, tasks[place], place, own_key, request_id)

    parts.submissions()  # built once, before there are threads
    with ThreadPoolExecutor(WORKERS) as pool:
        return _carried({"data": list(pool.map(submit_one, range(len(tasks))))})


def _carried(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, without the metadata that was just sent where all of it together can't be carried back."""
    if fits(to_json(answer)):
        return answer
    for line in answer["data"]:
        if "task" in line:
            line["task"] = {**line["task"], "metadata": {}}
    return answer


def _submit_one(
    parts: "BatchParts", caller: ApiKey, body: Any, place: int, key: str | None, request_id: str
) -> dict[str, Any]:
    try:
        if not isinstance(body, dict):
            raise invalid_field("a task must be a JSON object", f"tasks[{place}]")
        correlation_id = f"{request_id}/{place}"
        submitted = submit_task(parts, caller, body, key=key, correlation_id=correlation_id, inline=False)
        return {"index": place, "status": 202, "task": render_task(submitted.task, parts.links(), now())}
    except ApiError as error:
        return {"index": place, "status": error.status, **error.envelope(request_id)}
    except Exception:
        logger.exception("batch item failed", extra={"index": place})
        return {"index": place, "status": 500, **internal().envelope(request_id)}
