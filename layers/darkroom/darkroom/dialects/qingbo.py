"""The dialect of qingbo (https://qingbo.dev): tasks, their look-up, cancellation, and the call that waits."""

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.dialects.base import Plain, bad_field, carry, choose, ignored, need, unknown_call, wants_base64
from darkroom.dialects.calls import Answer, Call, Cancel, Form, Intent, Json, LookUp, Picture, Submission, TaskView
from darkroom.dialects.options import optimize_prompt, tools
from darkroom.dialects.refusals import ErrorKind, Refusal
from darkroom.tasks.update import Status
from darkroom.webhooks.retry_schedule import WEBHOOKS

_FIELDS = {
    name: name
    for name in ("model", "prompt", "action", "image_urls", "size", "resolution", "n", "watermark", "callback_url")
}
_SIZES = ("1:1", "1:2", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_EXTRA = {"output_format", "response_format", "stream", "optimize_prompt_options", "tools"}
_QUOTA = 10_000
"""What one credit is in `refunded_quota`, which is a whole number."""

_ERRORS: Mapping[ErrorKind, tuple[int, str]] = {
    ErrorKind.NO_KEY: (401, "unauthorized"),
    ErrorKind.BAD_KEY: (401, "unauthorized"),
    ErrorKind.DISABLED_KEY: (401, "unauthorized"),
    ErrorKind.NO_BALANCE: (402, "insufficient_quota"),
    ErrorKind.RATE_LIMITED: (429, "rate_limit"),
    ErrorKind.UNKNOWN_TASK: (404, "not_found"),
    ErrorKind.UNKNOWN_CALL: (404, "not_found"),
    ErrorKind.UNAVAILABLE: (500, "internal_error"),
    ErrorKind.FAILED: (500, "task_failed"),
    ErrorKind.TIMEOUT: (500, "task_failed"),
    ErrorKind.CONTENT: (400, "task_failed"),
    ErrorKind.INTERNAL: (500, "internal_error"),
}


class Qingbo(Plain):
    """Serves qingbo's API."""

    name = "qingbo"
    retry = WEBHOOKS  # no rule is documented

    def read(self, call: Call) -> Intent:
        """`/v1/tasks`, `/v1/tasks/sync`, `/v1/tasks/{id}` and its cancellation."""
        match call.route:
            case ("POST", "v1", "tasks"):
                return _submission(call.body, Form.AT_ONCE)
            case ("POST", "v1", "tasks", "sync"):
                return _submission(call.body, Form.WAITING)
            case ("GET", "v1", "tasks", task_id):
                return LookUp(task_id)
            case ("POST", "v1", "tasks", task_id, "cancel"):
                return Cancel(task_id)
        raise unknown_call(call)

    def answer(self, intent: Intent, view: Sequence[TaskView], trace_id: str) -> Answer:
        """The task, or what its cancellation gave back."""
        task = _task(view[0])
        match intent:
            case Submission(form=Form.AT_ONCE):
                # Just accepted is queued, however fast the provider was.
                return Answer(200, {name: task[name] for name in _SUBMITTED} | {"status": Status.QUEUED.value})
            case Submission() if not view[0].task.status.terminal:
                poll = {"poll_url": task["urls"]["get"]}
                return Answer(200, {name: task[name] for name in ("task_id", "status", "progress")} | poll)
            case Cancel():
                usage = view[0].task.usage
                refunded = int((usage.reserved - usage.charged - usage.withheld) * _QUOTA)
                shown = {"task_id": task["task_id"], "status": task["status"]}
                return Answer(200, shown | {"refunded": refunded > 0, "refunded_quota": refunded})
        return Answer(200, task)

    def refuse(self, refusal: Refusal, trace_id: str) -> Answer:
        """`{"error": {"message", "code"}}`."""
        status, code = _ERRORS.get(refusal.kind, (400, "invalid_request"))
        return Answer(status, {"error": {"message": refusal.message, "code": code}})

    def callback(self, view: TaskView) -> Json:
        """The result: the body of the look-up."""
        return _task(view)


_SUBMITTED = ("task_id", "model", "action", "status", "created_at", "progress")


def _submission(body: Mapping[str, Any], form: Form) -> Submission:
    need(body, "model", "prompt")
    choose(body, "size", _SIZES)
    extra = body.get("extra") or {}
    if not isinstance(extra, Mapping):
        raise bad_field("extra must be an object", "extra")
    for name in sorted(set(extra) - _EXTRA):
        raise bad_field(f"extra.{name} is not an option of any model here", f"extra.{name}")
    if extra.get("stream"):
        raise Refusal(ErrorKind.NO_STREAM, "a task can't be streamed: leave extra.stream out, and read the task")
    task = {
        "size": "1:1",
        **carry(body, _FIELDS),
        **carry(extra, {"output_format": "output_format"}),
        **optimize_prompt(extra.get("optimize_prompt_options"), "extra.optimize_prompt_options"),
        **tools(extra.get("tools"), "extra.tools"),
    }
    return Submission(
        task=task,
        model=str(body["model"]),
        form=form,
        base64=wants_base64(extra),
        ignored=ignored(body, {*_FIELDS, "extra"}),
        open_ended=True,
    )


def _task(view: TaskView) -> Json:
    task = view.task
    shown: Json = {
        "task_id": task.task_id,
        "model": view.model,
        "action": task.request.action.value,
        "status": task.status.value,
        "created_at": task.created_at,
        "progress": task.progress,
        "urls": {
            "get": f"{view.base_url}/v1/tasks/{task.task_id}",
            "cancel": f"{view.base_url}/v1/tasks/{task.task_id}/cancel",
        },
    }
    if task.status.terminal:
        shown["completed_at"] = task.completed_at
    if task.status is Status.COMPLETED:
        shown["result"] = {"images": [_image(picture) for picture in view.stored]}
    if task.status is Status.FAILED:
        shown["error"] = {"message": task.error.message if task.error else "", "code": "task_failed"}
    return shown


def _image(picture: Picture) -> Json:
    if picture.base64 is not None:
        return {"b64_json": picture.base64}
    return {"url": [picture.url], "expires_at": picture.expires_at}
