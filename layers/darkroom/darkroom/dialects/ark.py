"""The dialect of the origin (Volcengine Ark): one synchronous call, or a stream of pictures."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from darkroom.dialects import origin
from darkroom.dialects.base import Event, Plain, carry, choose, ignored, links, need, unknown_call, wants_base64
from darkroom.dialects.calls import Answer, Call, Form, Intent, Json, Picture, Submission, TaskView
from darkroom.dialects.options import no_layers, optimize_prompt, sequence, tools
from darkroom.dialects.refusals import ErrorKind, Refusal

_FIELDS = {name: name for name in ("model", "prompt", "size", "seed", "guidance_scale", "watermark", "output_format")}
_KNOWN = {
    *_FIELDS, "image", "sequential_image_generation", "sequential_image_generation_options", "stream",
    "response_format", "optimize_prompt_options", "optimize_prompt", "tools", "layer_decomposition", "background",
}  # fmt: skip

_ERRORS: Mapping[ErrorKind, tuple[int, str, str]] = {
    ErrorKind.NO_KEY: (401, "AuthenticationError", "Unauthorized"),
    ErrorKind.BAD_KEY: (401, "AuthenticationError", "Unauthorized"),
    ErrorKind.DISABLED_KEY: (403, "AccessDenied", "Forbidden"),
    ErrorKind.NO_BALANCE: (403, "AccountOverdueError", "Forbidden"),
    ErrorKind.RATE_LIMITED: (429, "RateLimitExceeded", "TooManyRequests"),
    ErrorKind.MISSING_FIELD: (400, "MissingParameter", "BadRequest"),
    ErrorKind.UNKNOWN_MODEL: (404, "InvalidEndpointOrModel.NotFound", "NotFound"),
    ErrorKind.UNKNOWN_CALL: (404, "NotFound", "NotFound"),
    ErrorKind.CONTENT: (400, "InputTextSensitiveContentDetected", "BadRequest"),
    ErrorKind.UNAVAILABLE: (503, "ServiceUnavailable", "ServiceUnavailable"),
    # Not a 5xx: its SDK would make the whole task again.
    ErrorKind.FAILED: (424, "GenerationFailed", "FailedDependency"),
    ErrorKind.TIMEOUT: (504, "RequestTimeout", "Timeout"),
    ErrorKind.INTERNAL: (500, "InternalServiceError", "InternalServerError"),
}


class Ark(Plain):
    """Serves the origin's API."""

    name = "ark"
    renamed: Mapping[str, str] = {
        "image_urls": "image",
        "n": "sequential_image_generation_options.max_images",
        "optimize_prompt": "optimize_prompt_options.mode",
        "web_search": "tools",
    }

    def read(self, call: Call) -> Intent:
        """`/api/v3/images/generations`."""
        match call.route:
            case ("POST", "api", "v3", "images", "generations"):
                return _submission(call.body)
        raise unknown_call(call)

    def answer(self, intent: Intent, view: Sequence[TaskView], trace_id: str) -> Answer:
        """The pictures, an error in the place of each that there is not."""
        (one,) = view
        created = (one.task.completed_at or one.now) // 1000
        data = [_item(picture) for picture in one.pictures]
        return Answer(200, {"model": one.model, "created": created, "data": data, "usage": origin.usage(one)})

    def refuse(self, refusal: Refusal, trace_id: str) -> Answer:
        """`{"error": {"code", "message", "param", "type"}}`."""
        status, code, kind = _ERRORS.get(refusal.kind, (400, "InvalidParameter", "BadRequest"))
        message = f"{refusal.message}. Request id: {trace_id}"
        error = {"code": code, "message": message, "param": refusal.param or "", "type": kind}
        return Answer(status, {"error": error | ({"task_id": refusal.task_id} if refusal.task_id else {})})

    def events(self, view: TaskView, told: Collection[int]) -> Iterable[Event]:
        """The origin's own events."""
        return origin.events(view, told)


def _submission(body: Mapping[str, Any]) -> Submission:
    need(body, "model", "prompt")
    references = links(body.get("image") or [], "image")
    no_layers(body)
    return Submission(
        task={
            **carry(body, _FIELDS),
            **sequence(body, len(references)),
            **optimize_prompt(body.get("optimize_prompt_options")),
            **tools(body.get("tools")),
            "image_urls": references,
        },
        model=str(body["model"]),
        form=Form.STREAMING if choose(body, "stream", (True, False), False) else Form.WAITING,
        base64=wants_base64(body),
        ignored=ignored(body, _KNOWN),
    )


def _item(picture: Picture) -> Json:
    if picture.failure:
        return {"error": {"code": origin.failure_code(picture.failure), "message": picture.failure.message}}
    if picture.base64 is not None:
        return {"b64_json": picture.base64, "size": picture.size}
    return {"url": picture.url, "size": picture.size}
