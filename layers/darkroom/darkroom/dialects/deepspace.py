"""The dialect of deepspace (https://api.deepspaceai.net): two routes behind one path, chosen by the model's name.

`…-Preferential` answers with the picture; any other model answers with a task.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.dialects.base import Plain, bad_field, carry, choose, ignored, links, need, unknown_call
from darkroom.dialects.calls import Answer, Call, Form, Intent, Json, LookUp, Submission, TaskView
from darkroom.dialects.refusals import ErrorKind, Refusal
from darkroom.tasks.update import Status

_WAITING_FIELDS = {name: name for name in ("model", "prompt", "size", "watermark", "output_format")}
_TASK_FIELDS = {name: name for name in ("model", "prompt", "size", "n", "image_urls")}
_WAITING_ONLY = {"image", "watermark", "output_format"}
_TASK_ONLY = {"quality", "n", "image_urls", "prompt_priority"}
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9", "21:9")

_ERRORS: Mapping[ErrorKind, tuple[int, str]] = {
    ErrorKind.NO_KEY: (401, "authentication_error"),
    ErrorKind.BAD_KEY: (401, "authentication_error"),
    ErrorKind.DISABLED_KEY: (401, "authentication_error"),
    ErrorKind.NO_BALANCE: (402, "insufficient_quota"),
    ErrorKind.RATE_LIMITED: (429, "rate_limit_error"),
    ErrorKind.UNKNOWN_TASK: (404, "invalid_request_error"),
    ErrorKind.UNKNOWN_CALL: (404, "invalid_request_error"),
    ErrorKind.UNAVAILABLE: (500, "server_error"),
    ErrorKind.FAILED: (500, "server_error"),
    ErrorKind.TIMEOUT: (504, "server_error"),
    ErrorKind.INTERNAL: (500, "server_error"),
}


class Deepspace(Plain):
    """Serves deepspace's API."""

    name = "deepspace"
    renamed: Mapping[str, str] = {"resolution": "quality", "optimize_prompt": "prompt_priority"}

    def read(self, call: Call) -> Intent:
        """`/v1/images/generations`, and `/v1/images/Seedream/{id}`."""
        match call.route:
            case ("POST", "v1", "images", "generations"):
                need(call.body, "model", "prompt")
                waiting = str(call.body["model"]).lower().endswith("-preferential")
                return _waiting(call.body) if waiting else _task_submission(call.body)
            case ("GET", "v1", "images", "Seedream", task_id):
                return LookUp(task_id)
        raise unknown_call(call)

    def answer(self, intent: Intent, view: Sequence[TaskView], trace_id: str) -> Answer:
        """The picture, the accepted task, or the task as it stands."""
        (one,) = view
        match intent:
            case Submission(form=Form.WAITING):
                data = [{"url": picture.url} for picture in one.stored]
                created = (one.task.completed_at or one.now) // 1000
                return Answer(200, {"data": data, "created": created, "model": one.model})
            case Submission():
                return Answer(200, _outline(one))
        return Answer(200, _task(one))

    def refuse(self, refusal: Refusal, trace_id: str) -> Answer:
        """`{"error": {"message", "type"}}`."""
        status, kind = _ERRORS.get(refusal.kind, (400, "invalid_request_error"))
        error: Json = {"message": refusal.message, "type": kind}
        return Answer(status, {"error": error | ({"task_id": refusal.task_id} if refusal.task_id else {})})


def _waiting(body: Mapping[str, Any]) -> Submission:
    _refuse_fields_of_the_other_route(body, _TASK_ONLY)
    choose(body, "size", ("2K", "4K"))
    task = carry(body, _WAITING_FIELDS) | {"image_urls": links(body.get("image") or [], "image")}
    known = {*_WAITING_FIELDS, "image"}
    return Submission(task=task, model=str(body["model"]), form=Form.WAITING, ignored=ignored(body, known))


def _task_submission(body: Mapping[str, Any]) -> Submission:
    _refuse_fields_of_the_other_route(body, _WAITING_ONLY)
    choose(body, "size", _RATIOS)
    task = carry(body, _TASK_FIELDS)
    quality = choose(body, "quality", ("1K", "2K", "4K"))
    if quality:
        task["resolution"] = quality
    task["optimize_prompt"] = choose(body, "prompt_priority", ("standard", "fast"), "standard")
    known = {*_TASK_FIELDS, "quality", "prompt_priority"}
    return Submission(task=task, model=str(body["model"]), ignored=ignored(body, known))


def _refuse_fields_of_the_other_route(body: Mapping[str, Any], fields: set[str]) -> None:
    # A field that is quietly dropped would be paid for all the same: n pictures, or one with a watermark.
    for field in sorted(fields):
        if body.get(field) is not None:
            raise bad_field(f"{field} is not taken by {str(body['model'])[:80]}", field)


def _outline(view: TaskView) -> Json:
    return {
        "id": view.task.task_id,
        "object": "image.generation",
        "model": view.model,
        "created_at": view.task.created_at // 1000,
    }


def _task(view: TaskView) -> Json:
    task = view.task
    shown = _outline(view)
    match task.status:
        case Status.QUEUED:
            return shown | {"status": "queued"}
        case Status.PROCESSING:
            started = (task.started_at or task.created_at) // 1000
            return shown | {"status": "processing", "progress": task.progress, "started_at": started}
        case Status.COMPLETED:
            output = {"data": [{"url": picture.url} for picture in view.stored]}
            return shown | {
                "status": "completed",
                "output": output,
                "completed_at": (task.completed_at or view.now) // 1000,
            }
    message = task.error.message if task.error else "the task was cancelled"
    return shown | {"status": "failed", "error": {"message": message, "type": "server_error"}}
