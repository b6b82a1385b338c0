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
from darkroom.dialects.calls import Answer, Call, Form, Intent, Json, Look, LookMany, Picture, Seen, Submission
from darkroom.dialects.options import no_layers, optimize_prompt, sequence, tools
from darkroom.dialects.refusals import Refusal, Trouble, refusal_of
from darkroom.domain.schedule import WEBHOOKS
from darkroom.domain.update import Status

_FIELDS = {
    name: name
    for name in ("model", "prompt", "size", "seed", "guidance_scale", "watermark", "output_format", "callback_url")
}
_KNOWN = {
    *_FIELDS, "image", "sequential_image_generation", "sequential_image_generation_options", "stream", "async",
    "response_format", "optimize_prompt_options", "tools", "layer_decomposition", "background",
}  # fmt: skip
_MOST_IDS = 100

_ERRORS: Mapping[Trouble, tuple[int, str]] = {
    Trouble.NO_KEY: (401, "no_token"),
    Trouble.BAD_KEY: (401, "invalid_token"),
    Trouble.DISABLED_KEY: (403, "disabled"),
    Trouble.NO_BALANCE: (403, "used_up"),
    Trouble.CONTENT: (403, "moderation"),
    Trouble.RATE_LIMITED: (429, "too_many_requests"),
    Trouble.UNKNOWN_TASK: (404, "not_found"),
    Trouble.UNKNOWN_CALL: (404, "not_found"),
    Trouble.TIMEOUT: (504, "timeout"),
    Trouble.UNAVAILABLE: (500, "api_error"),
    Trouble.FAILED: (500, "api_error"),
    Trouble.INTERNAL: (500, "api_error"),
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
                return _look(call.body)
        raise unknown_call(call)

    def answer(self, intent: Intent, seen: Sequence[Seen], trace_id: str) -> Answer:
        """The result, the id of the task that will have it, or tasks as they stand."""
        match intent:
            case Submission(form=Form.AT_ONCE):
                return Answer(200, {"success": True, "task_id": seen[0].task.task_id, "trace_id": trace_id})
            case Submission():
                return Answer(200, _result(seen[0]))
            case LookMany():
                return Answer(200, {"items": [_task(each) for each in seen], "count": len(seen)})
        return Answer(200, _task(seen[0]))

    def refuse(self, refusal: Refusal, trace_id: str) -> Answer:
        """`{"success": false, "error": {"code", "message"}, "trace_id"}`."""
        status, code = _ERRORS.get(refusal.trouble, (400, "bad_request"))
        body: Json = {"success": False, "error": {"code": code, "message": refusal.message}, "trace_id": trace_id}
        return Answer(status, body | ({"task_id": refusal.task_id} if refusal.task_id else {}))

    def callback(self, seen: Seen) -> Json:
        """The result's body, whether it is a success or not."""
        return _result(seen)

    def events(self, seen: Seen, told: Collection[int]) -> Iterable[Event]:
        """The origin's events."""
        return origin.events(seen, told)


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


def _look(body: Mapping[str, Any]) -> Look | LookMany:
    action = choose(body, "action", ("retrieve", "retrieve_batch"), "retrieve")
    if action == "retrieve":
        need(body, "id")
        return Look(str(body["id"]))
    need(body, "ids")
    ids = links(body["ids"], "ids")
    if len(ids) > _MOST_IDS:
        raise bad_field(f"ids has {len(ids)} ids: use at most {_MOST_IDS}", "ids")
    return LookMany(tuple(dict.fromkeys(ids)))


def _task(seen: Seen) -> Json:
    task = seen.task
    shown: Json = {
        "id": task.task_id,
        "created_at": task.created_at / 1000,
        "request": dict(seen.echo) or {"model": seen.model, "prompt": task.request.prompt},
        "trace_id": task.correlation_id,
        "type": "images",
        # Its SDK goes by the state, its command waits for a response, and its MCP server breaks on one that is null.
        "state": "pending",
    }
    if task.status.terminal:
        del shown["state"]
        shown |= {"finished_at": (task.completed_at or seen.now) / 1000, "response": _result(seen)}
    return shown


def _result(seen: Seen) -> Json:
    task = seen.task
    head = {"task_id": task.task_id, "trace_id": task.correlation_id}
    if task.status is Status.COMPLETED:
        return {"success": True, **head, "data": [_item(picture, task.request.prompt) for picture in seen.stored]}
    refusal = refusal_of(task.error)
    _, code = _ERRORS.get(refusal.trouble, (400, "bad_request"))
    return {"success": False, **head, "error": {"code": code, "message": refusal.message}}


def _item(picture: Picture, prompt: str) -> Json:
    shown = {"prompt": prompt, "size": picture.size}
    return shown | ({"image_url": picture.url} if picture.base64 is None else {"b64_json": picture.base64})
