"""The dialect of evolink (https://api.evolink.ai): image generations as tasks, their look-up and cancellation."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.dialects.base import Plain, bad_field, carry, choose, ignored, need, unknown_call
from darkroom.dialects.calls import Answer, Call, Cancel, Intent, Json, LookUp, Submission, TaskView
from darkroom.dialects.refusals import ErrorKind, Refusal
from darkroom.tasks.failure import ErrorCode, Failure
from darkroom.tasks.update import Status
from darkroom.webhooks.retry_schedule import RetryRule

_FIELDS = {name: name for name in ("model", "prompt", "n", "image_urls", "size", "callback_url")}
_KNOWN = {*_FIELDS, "prompt_priority"}
_SIZE = re.compile(r"[1-4]K|[0-9]{2,5}[x×][0-9]{2,5}|[0-9]{1,2}:[0-9]{1,2}|adaptive|auto", re.IGNORECASE)
_MAX_PROMPT = 2000

_STATES = {
    Status.QUEUED: "pending",
    Status.PROCESSING: "processing",
    Status.COMPLETED: "completed",
    Status.FAILED: "failed",
    # Its clients know no other end that is not a success.
    Status.CANCELLED: "failed",
}

_TASK_ERRORS = {
    ErrorCode.INVALID_REQUEST: "invalid_parameters",
    ErrorCode.CONTENT_POLICY: "content_policy_violation",
    ErrorCode.INSUFFICIENT_CREDITS: "quota_exceeded",
    ErrorCode.RATE_LIMITED: "resource_exhausted",
    ErrorCode.PROVIDER_AUTH: "service_unavailable",
    ErrorCode.PROVIDER_ERROR: "service_error",
    ErrorCode.PROVIDER_UNAVAILABLE: "service_unavailable",
    ErrorCode.IMAGE_UNAVAILABLE: "generation_failed_no_content",
    ErrorCode.DEADLINE_EXCEEDED: "generation_timeout",
    ErrorCode.SUBMISSION_UNKNOWN: "unknown_error",
    ErrorCode.CANCELLED: "request_cancelled",
}

_ERRORS: Mapping[ErrorKind, tuple[int, str]] = {
    ErrorKind.NO_KEY: (401, "unauthorized"),
    ErrorKind.BAD_KEY: (401, "unauthorized"),
    ErrorKind.DISABLED_KEY: (403, "forbidden"),
    ErrorKind.NO_BALANCE: (402, "insufficient_quota"),
    ErrorKind.RATE_LIMITED: (429, "rate_limit_exceeded"),
    ErrorKind.UNKNOWN_MODEL: (404, "model_not_found"),
    ErrorKind.UNKNOWN_TASK: (404, "task_not_found"),
    ErrorKind.UNKNOWN_CALL: (404, "not_found"),
    ErrorKind.TOO_LARGE: (413, "request_too_large"),
    ErrorKind.CONTENT: (400, "content_policy_violation"),
    ErrorKind.UNAVAILABLE: (503, "service_unavailable"),
    ErrorKind.FAILED: (500, "internal_error"),
    ErrorKind.TIMEOUT: (500, "internal_error"),
    ErrorKind.INTERNAL: (500, "internal_error"),
}


class Evolink(Plain):
    """Serves evolink's API."""

    name = "evolink"
    renamed: Mapping[str, str] = {"optimize_prompt": "prompt_priority"}
    retry = RetryRule((1, 2, 4), timeout=10)

    def read(self, call: Call) -> Intent:
        """`/v1/images/generations`, `/v1/tasks/{id}` and its cancellation."""
        match call.route:
            case ("POST", "v1", "images", "generations"):
                return _submission(call.body)
            case ("GET", "v1", "tasks", task_id):
                return LookUp(task_id)
            case ("POST", "v1", "tasks", task_id, "cancel"):
                return Cancel(task_id)
        raise unknown_call(call)

    def answer(self, intent: Intent, view: Sequence[TaskView], trace_id: str) -> Answer:
        """The task, whatever was asked."""
        task = _task(view[0])
        if isinstance(intent, Submission):
            # Just accepted is pending, however fast the provider was.
            task["status"] = _STATES[Status.QUEUED]
        return Answer(200, task)

    def refuse(self, refusal: Refusal, trace_id: str) -> Answer:
        """`{"error": {"code", "message", "type", "param"?}}`."""
        status, code = _ERRORS.get(refusal.kind, (400, "invalid_parameters"))
        error = {"code": code, "message": refusal.message, "type": "evo_api_error"}
        return Answer(status, {"error": error | ({"param": refusal.param} if refusal.param else {})})

    def callback(self, view: TaskView) -> Json:
        """The body of the look-up, once the task is completed, failed or cancelled."""
        return _task(view)


def _submission(body: Mapping[str, Any]) -> Submission:
    need(body, "model", "prompt")
    if isinstance(body["prompt"], str) and len(body["prompt"]) > _MAX_PROMPT:
        raise bad_field(f"prompt has {len(body['prompt'])} characters: use at most {_MAX_PROMPT}", "prompt")
    size = body.get("size")
    if size is not None and not (isinstance(size, str) and _SIZE.fullmatch(size)):
        raise bad_field("size must be a ratio such as 16:9, auto, 2K, 4K or WIDTHxHEIGHT, such as 2048x2048", "size")
    task = carry(body, _FIELDS)
    if str(size).lower() == "auto":
        del task["size"]
    task["optimize_prompt"] = choose(body, "prompt_priority", ("standard", "fast"), "standard")
    return Submission(task=task, model=str(body["model"]), ignored=ignored(body, _KNOWN))


def _task(view: TaskView) -> Json:
    task = view.task
    waited = (view.now - task.created_at) // 1000
    shown: Json = {
        "created": task.created_at // 1000,
        "id": task.task_id,
        "model": view.model,
        "object": "image.generation.task",
        "progress": task.progress,
        "status": _STATES[task.status],
        "task_info": {"can_cancel": not task.status.terminal},
        "type": "image",
        "usage": {
            "billing_rule": "per_call",
            "credits_reserved": float(task.usage.reserved),
            "user_group": "default",
        },
    }
    if not task.status.terminal:
        shown["task_info"]["estimated_time"] = max(1, view.estimate - waited)
    elif task.status is Status.COMPLETED:
        shown["results"] = [picture.url for picture in view.stored]
    else:
        shown["error"] = _error(task.error)
    return shown


def _error(failure: Failure | None) -> Json:
    if failure is None:
        return {"code": "request_cancelled", "message": "the task was cancelled"}
    return {"code": _TASK_ERRORS[failure.code], "message": failure.message}
