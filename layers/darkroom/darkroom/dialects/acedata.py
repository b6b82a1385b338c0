"""The dialect of acedata (https://api.acedata.cloud): pictures at once, as a task or a stream, and look-ups."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from darkroom.dialects import origin
from darkroom.dialects.base import (
    Event,
    Plain,
    bad_field,
    carry,
    choose,
    ignored,
    links,
    need,
    unknown_call,
    wants_base64,
    without_data,
)
from darkroom.dialects.calls import Answer, Call, Form, Intent, Json, LookUp, LookUpMany, Picture, Submission, TaskView
from darkroom.dialects.options import no_layers, optimize_prompt, sequence, tools
from darkroom.dialects.refusals import ErrorKind, Refusal, refusal_of
from darkroom.tasks.update import Status
from darkroom.webhooks.retry_schedule import WEBHOOKS

_FIELDS = {
    name: name
    for name in ("model", "prompt", "size", "seed", "guidance_scale", "watermark", "output_format", "callback_url")
}
_KNOWN = {
    *_FIELDS, "image", "sequential_image_generation", "sequential_image_generation_options", "stream", "async",
    "response_format", "optimize_prompt_options", "tools", "layer_decomposition", "background",
}  # fmt: skip
_MOST_IDS = 100

_ERRORS: Mapping[ErrorKind, tuple[int, str]] = {
    ErrorKind.NO_KEY: (401, "no_token"),
    ErrorKind.BAD_KEY: (401, "invalid_token"),
    ErrorKind.DISABLED_KEY: (403, "disabled"),
    ErrorKind.NO_BALANCE: (403, "used_up"),
    ErrorKind.CONTENT: (403, "moderation"),
    ErrorKind.RATE_LIMITED: (429, "too_many_requests"),
    ErrorKind.UNKNOWN_TASK: (404, "not_found"),
    ErrorKind.UNKNOWN_CALL: (404, "not_found"),
    ErrorKind.TIMEOUT: (504, "timeout"),
    ErrorKind.UNAVAILABLE: (500, "api_error"),
    ErrorKind.FAILED: (500, "api_error"),
    ErrorKind.INTERNAL: (500, "api_error"),
}


class Acedata(Plain):
    """Serves acedata's API."""

    name = "acedata"
    renamed: Mapping[str, str] = {
        "image_urls": "image",
        "n": "sequential_image_generation_options.max_images",
        "optimize_prompt": "optimize_prompt_options.mode",
        "web_search": "tools",
    }
    retry = WEBHOOKS  # no rule is documented

    def read(self, call: Call) -> Intent:
        """`/seedream/images` and `/seedream/tasks`."""
        match call.route:
            case ("POST", "seedream", "images"):
                return _submission(call)
            case ("POST", "seedream", "tasks"):
                return _look_up(call.body)
        raise unknown_call(call)

    def answer(self, intent: Intent, view: Sequence[TaskView], trace_id: str) -> Answer:
        """The result, the id of the task that will have it, or tasks as they stand."""
        match intent:
            case Submission(form=Form.AT_ONCE):
                return Answer(200, {"success": True, "task_id": view[0].task.task_id, "trace_id": trace_id})
            case Submission():
                return Answer(200, _result(view[0]))
            case LookUpMany():
                return Answer(200, {"items": [_task(each) for each in view], "count": len(view)})
        return Answer(200, _task(view[0]))

    def refuse(self, refusal: Refusal, trace_id: str) -> Answer:
        """`{"success": false, "error": {"code", "message"}, "trace_id"}`."""
        status, code = _ERRORS.get(refusal.kind, (400, "bad_request"))
        body: Json = {"success": False, "error": {"code": code, "message": refusal.message}, "trace_id": trace_id}
        return Answer(status, body | ({"task_id": refusal.task_id} if refusal.task_id else {}))

    def callback(self, view: TaskView) -> Json:
        """The result's body, whether it is a success or not."""
        return _result(view)

    def events(self, view: TaskView, told: Collection[int]) -> Iterable[Event]:
        """The origin's events."""
        return origin.events(view, told)


def _submission(call: Call) -> Submission:
    body = call.body
    no_layers(body)
    need(body, "model", "prompt")
    references = links(body.get("image") or [], "image")
    form = _form(body)
    task = {
        **carry(body, _FIELDS),
        **sequence(body, len(references)),
        **optimize_prompt(body.get("optimize_prompt_options")),
        **tools(body.get("tools")),
        "image_urls": references,
    }
    if body.get("size") == "auto":
        del task["size"]
    return Submission(
        task=task,
        model=str(body["model"]),
        form=form,
        echo=without_data(body),
        base64=wants_base64(body),
        ignored=ignored(body, _KNOWN),
        lines="x-ndjson" in call.headers.get("accept", ""),
    )


def _form(body: Mapping[str, Any]) -> Form:
    """A stream where one is asked for; at once with a `callback_url` or `async`; else with the result."""
    at_once = choose(body, "async", (True, False), False) or body.get("callback_url") is not None
    if not choose(body, "stream", (True, False), False):
        return Form.AT_ONCE if at_once else Form.WAITING
    if at_once:
        raise bad_field("stream goes with neither async nor callback_url: give one of them", "stream")
    return Form.STREAMING


def _look_up(body: Mapping[str, Any]) -> LookUp | LookUpMany:
    action = choose(body, "action", ("retrieve", "retrieve_batch"), "retrieve")
    if action == "retrieve":
        need(body, "id")
        return LookUp(str(body["id"]))
    need(body, "ids")
    ids = links(body["ids"], "ids")
    if len(ids) > _MOST_IDS:
        raise bad_field(f"ids has {len(ids)} ids: use at most {_MOST_IDS}", "ids")
    return LookUpMany(tuple(dict.fromkeys(ids)))


def _task(view: TaskView) -> Json:
    task = view.task
    shown: Json = {
        "id": task.task_id,
        "created_at": task.created_at / 1000,
        "request": dict(view.echo) or {"model": view.model, "prompt": task.request.prompt},
        "trace_id": task.correlation_id,
        "type": "images",
        # Its SDK goes by the state, its command waits for a response, and its MCP server breaks on one that is null.
        "state": "pending",
    }
    if task.status.terminal:
        del shown["state"]
        shown |= {"finished_at": (task.completed_at or view.now) / 1000, "response": _result(view)}
    return shown


def _result(view: TaskView) -> Json:
    task = view.task
    head = {"task_id": task.task_id, "trace_id": task.correlation_id}
    if task.status is Status.COMPLETED:
        return {"success": True, **head, "data": [_item(picture, task.request.prompt) for picture in view.stored]}
    refusal = refusal_of(task.error)
    _, code = _ERRORS.get(refusal.kind, (400, "bad_request"))
    return {"success": False, **head, "error": {"code": code, "message": refusal.message}}


def _item(picture: Picture, prompt: str) -> Json:
    shown = {"prompt": prompt, "size": picture.size}
    return shown | ({"image_url": picture.url} if picture.base64 is None else {"b64_json": picture.base64})
