"""The dialect of OpenAI's Images API, as its own clients send it: one synchronous call, and the list of models."""

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.dialects.base import Plain, bad_field, carry, choose, need, unknown_call, wants_base64
from darkroom.dialects.calls import Answer, Call, Form, Intent, Json, ListModels, Seen, Submission
from darkroom.dialects.refusals import Refusal, Trouble

DEFAULT_MODEL = "seedream-4.5"
_FIELDS = {name: name for name in ("model", "prompt", "n", "output_format")}
_KNOWN = {
    *_FIELDS, "size", "quality", "response_format", "style", "user", "background", "moderation", "output_compression",
    "partial_images", "stream",
}  # fmt: skip
_MOST_IMAGES = 10
_FAST_QUALITY = "low"
_QUALITIES = ("auto", "standard", "hd", _FAST_QUALITY, "medium", "high")
_SINCE = 1_755_648_000
"""When the models' list says they were made: the release of the oldest that is still current."""

_ERRORS: Mapping[Trouble, tuple[int, str, str]] = {
    Trouble.NO_KEY: (401, "invalid_request_error", "missing_api_key"),
    Trouble.BAD_KEY: (401, "invalid_request_error", "invalid_api_key"),
    Trouble.DISABLED_KEY: (403, "invalid_request_error", "access_denied"),
    Trouble.NO_BALANCE: (429, "insufficient_quota", "insufficient_quota"),
    Trouble.RATE_LIMITED: (429, "requests", "rate_limit_exceeded"),
    Trouble.MISSING_FIELD: (400, "invalid_request_error", "missing_required_parameter"),
    Trouble.UNKNOWN_MODEL: (404, "invalid_request_error", "model_not_found"),
    Trouble.UNKNOWN_CALL: (404, "invalid_request_error", "unknown_url"),
    Trouble.CONFLICT: (409, "invalid_request_error", "idempotency_error"),
    Trouble.TOO_LARGE: (413, "invalid_request_error", "request_too_large"),
    Trouble.CONTENT: (400, "image_generation_user_error", "moderation_blocked"),
    Trouble.UNAVAILABLE: (503, "server_error", "service_unavailable"),
    Trouble.FAILED: (500, "server_error", "server_error"),
    Trouble.TIMEOUT: (504, "server_error", "timeout"),
    Trouble.INTERNAL: (500, "server_error", "server_error"),
}


class OpenAI(Plain):
    """Serves OpenAI's Images API."""

    name = "openai"
    renamed: Mapping[str, str] = {"optimize_prompt": "quality"}

    def read(self, call: Call) -> Intent:
        """`/v1/images/generations`, `/v1/models` and `/v1/models/{model}`."""
        match call.route:
            case ("POST", "v1", "images", "generations"):
                return _submission(call.body)
            case ("GET", "v1", "models"):
                return ListModels()
            case ("GET", "v1", "models", name):
                return ListModels(name)
        raise unknown_call(call)

    def answer(self, intent: Intent, seen: Sequence[Seen], trace_id: str) -> Answer:
        """The pictures."""
        (one,) = seen
        data = [{"url": each.url} if each.base64 is None else {"b64_json": each.base64} for each in one.stored]
        return Answer(200, {"created": (one.task.completed_at or one.now) // 1000, "data": data})

    def models(self, intent: ListModels, names: Sequence[str]) -> Answer:
        """The models of these names, or the one that was asked for. Raises `Refusal`."""
        if intent.name is None:
            return Answer(200, {"object": "list", "data": [_model(name) for name in names]})
        if intent.name not in names:
            raise Refusal(Trouble.UNKNOWN_MODEL, f"The model '{intent.name[:80]}' does not exist", "model")
        return Answer(200, _model(intent.name))

    def refuse(self, refusal: Refusal, trace_id: str) -> Answer:
        """`{"error": {"message", "type", "param", "code"}}`."""
        status, kind, code = _ERRORS.get(refusal.trouble, (400, "invalid_request_error", "invalid_value"))
        error: Json = {"message": refusal.message, "type": kind, "param": refusal.param, "code": code}
        return Answer(status, {"error": error | ({"task_id": refusal.task_id} if refusal.task_id else {})})


def _submission(body: Mapping[str, Any]) -> Submission:
    need(body, "prompt")
    _refuse_what_is_not_offered(body)
    task = carry(body, _FIELDS)
    model = str(task.setdefault("model", DEFAULT_MODEL))
    n = body.get("n")
    if n is not None and (type(n) is not int or not 1 <= n <= _MOST_IMAGES):
        raise bad_field(f"n must be a whole number from 1 to {_MOST_IMAGES}", "n")
    if body.get("size") not in (None, "auto"):
        task["size"] = body["size"]
    if choose(body, "quality", _QUALITIES) == _FAST_QUALITY:
        task["optimize_prompt"] = "fast"
    user = body.get("user")
    if user is not None:
        if not isinstance(user, str) or len(user) > 512:
            raise bad_field("user must be a text of up to 512 characters", "user")
        task["metadata"] = {"user": user}
    return Submission(
        task=task,
        model=model,
        form=Form.WAITING,
        base64=wants_base64(body),
    )


def _refuse_what_is_not_offered(body: Mapping[str, Any]) -> None:
    for field in sorted(set(body) - _KNOWN):
        raise Refusal(Trouble.BAD_FIELD, f"Unknown parameter: '{field[:80]}'.", field[:80])
    if choose(body, "stream", (True, False), False) or body.get("partial_images"):
        message = "images are not streamed here: leave stream and partial_images out"
        raise Refusal(Trouble.NO_STREAM, message, "stream")
    if body.get("style") is not None:
        raise bad_field("style is an option of dall-e-3 alone: say it in the prompt", "style")
    choose(body, "background", ("auto", "opaque"))
    choose(body, "moderation", ("auto", "low"))
    if body.get("output_compression") not in (None, 100):
        raise bad_field("output_compression can't be set with any model here: leave it out", "output_compression")
    choose(body, "output_format", ("jpeg", "png"))


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": _SINCE, "owned_by": "darkroom"}
