"""The dialect of OpenAI's Images API, as its own clients send it: one synchronous call, and the list of models."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from darkroom.dialects import origin
from darkroom.dialects.base import Event, Plain, bad_field, bearer, carry, choose, need, unknown_call, wants_base64
from darkroom.dialects.calls import Answer, Call, Form, Intent, Json, ListModels, Picture, Submission, TaskView
from darkroom.dialects.refusals import ErrorKind, Refusal, refusal_of
from darkroom.tasks.request import Action
from darkroom.tasks.update import Status

DEFAULT_MODEL = "seedream-4.5"
_FIELDS = {name: name for name in ("model", "prompt", "output_format")}
_KNOWN = {
    *_FIELDS, "n", "size", "quality", "response_format", "style", "user", "background", "moderation",
    "output_compression", "partial_images", "stream",
}  # fmt: skip
_OF_EDITS = {"image", "images", "mask", "input_fidelity"}
_OF_NEWER_MODELS = ("output_format", "background", "moderation", "partial_images", "output_compression")
"""Fields that only gpt-image models have, which always answer with the pictures themselves."""
_NEWER_QUALITIES = frozenset({"auto", "low", "medium", "high"})
_MOST_IMAGES = 10
_FAST_QUALITY = "low"
_QUALITIES = ("auto", "standard", "hd", _FAST_QUALITY, "medium", "high")
_SINCE = 1_755_648_000
"""When the models' list says they were made: the release of the oldest that is still current."""

_ERRORS: Mapping[ErrorKind, tuple[int, str, str]] = {
    ErrorKind.NO_KEY: (401, "invalid_request_error", "missing_api_key"),
    ErrorKind.BAD_KEY: (401, "invalid_request_error", "invalid_api_key"),
    ErrorKind.DISABLED_KEY: (403, "invalid_request_error", "access_denied"),
    ErrorKind.NO_BALANCE: (429, "insufficient_quota", "insufficient_quota"),
    ErrorKind.RATE_LIMITED: (429, "requests", "rate_limit_exceeded"),
    ErrorKind.MISSING_FIELD: (400, "invalid_request_error", "missing_required_parameter"),
    ErrorKind.UNKNOWN_MODEL: (404, "invalid_request_error", "model_not_found"),
    ErrorKind.UNKNOWN_CALL: (404, "invalid_request_error", "unknown_url"),
    ErrorKind.CONFLICT: (409, "invalid_request_error", "idempotency_error"),
    ErrorKind.TOO_LARGE: (413, "invalid_request_error", "request_too_large"),
    ErrorKind.CONTENT: (400, "image_generation_user_error", "moderation_blocked"),
    ErrorKind.UNAVAILABLE: (503, "server_error", "service_unavailable"),
    # Not a 5xx: its clients would make the whole task again, twice.
    ErrorKind.FAILED: (424, "image_generation_server_error", "generation_failed"),
    ErrorKind.TIMEOUT: (504, "server_error", "timeout"),
    ErrorKind.INTERNAL: (500, "server_error", "server_error"),
}


class OpenAI(Plain):
    """Serves OpenAI's Images API."""

    name = "openai"
    renamed: Mapping[str, str] = {"optimize_prompt": "quality"}

    def credential(self, call: Call) -> str | None:
        """A bearer token, or the `api-key` of clients of Azure's."""
        return bearer(call) or call.headers.get("api-key", "").strip() or None

    def read(self, call: Call) -> Intent:
        """`/v1/images/generations`, `/v1/images/edits`, `/v1/models` and `/v1/models/{model}`.

        Also without `/v1`, and with Azure's `/deployments/{model}` instead of it.
        """
        match call.route:
            case ("POST", "v1", "images", "generations") | ("POST", "images", "generations"):
                return _submission(call.body)
            case ("POST", "v1", "images", "edits") | ("POST", "images", "edits"):
                return _edit(call.body)
            case ("POST", "deployments", model, "images", "generations"):
                return _submission({"model": model, **call.body})
            case ("POST", "deployments", model, "images", "edits"):
                return _edit({"model": model, **call.body})
            case ("POST", "v1", "images", "variations") | ("POST", "images", "variations"):
                message = "variations are not made here: use /v1/images/edits, and say in the prompt what is to vary"
                raise Refusal(ErrorKind.UNKNOWN_CALL, message)
            case ("GET", "v1", "models") | ("GET", "models"):
                return ListModels()
            case ("GET", "v1", "models", name) | ("GET", "models", name):
                return ListModels(name)
        raise unknown_call(call)

    def answer(self, intent: Intent, view: Sequence[TaskView], trace_id: str) -> Answer:
        """The pictures, with what gpt-image clients read beside them."""
        (one,) = view
        data = [{"url": each.url} if each.base64 is None else {"b64_json": each.base64} for each in one.stored]
        body: Json = {"created": (one.task.completed_at or one.now) // 1000, "data": data, "usage": _usage(one)}
        if not one.stored:
            return Answer(200, body)
        first = one.stored[0]
        return Answer(200, body | _made(one, first), {"x-darkroom-size": first.size})

    def events(self, view: TaskView, told: Collection[int]) -> Iterable[Event]:
        """`image_generation.completed` (or `image_edit.completed`) for each picture; there are no parts of one."""
        name = f"image_{'edit' if view.task.request.action is Action.EDIT else 'generation'}.completed"
        for picture in (picture for picture in view.stored if picture.index not in told):
            shown = {"url": picture.url} if picture.base64 is None else {"b64_json": picture.base64}
            head = {"type": name, "created_at": view.now // 1000, "usage": _usage(view)}
            yield name, {**head, **shown, **_made(view, picture)}
        if view.task.status.terminal and view.task.status is not Status.COMPLETED:
            refusal = refusal_of(view.task.error)
            _, kind, code = _ERRORS.get(refusal.kind, (400, "invalid_request_error", "invalid_value"))
            yield "error", {"type": "error", "error": {"type": kind, "code": code, "message": refusal.message}}

    def models(self, intent: ListModels, names: Sequence[str]) -> Answer:
        """The models of these names, or the one that was asked for. Raises `Refusal`."""
        if intent.name is None:
            return Answer(200, {"object": "list", "data": [_model(name) for name in names]})
        if intent.name not in names:
            raise Refusal(ErrorKind.UNKNOWN_MODEL, f"The model '{intent.name[:80]}' does not exist", "model")
        return Answer(200, _model(intent.name))

    def refuse(self, refusal: Refusal, trace_id: str) -> Answer:
        """`{"error": {"message", "type", "param", "code"}}`."""
        status, kind, code = _ERRORS.get(refusal.kind, (400, "invalid_request_error", "invalid_value"))
        error: Json = {"message": refusal.message, "type": kind, "param": refusal.param, "code": code}
        return Answer(status, {"error": error | ({"task_id": refusal.task_id} if refusal.task_id else {})})


def _submission(body: Mapping[str, Any], *, of_edits: frozenset[str] = frozenset()) -> Submission:
    need(body, "prompt")
    _refuse_what_is_not_offered(body, of_edits)
    task = carry(body, _FIELDS)
    model = str(task.setdefault("model", DEFAULT_MODEL))
    n = body.get("n")
    if n is not None and (type(n) is not int or not 1 <= n <= _MOST_IMAGES):
        raise bad_field(f"n must be a whole number from 1 to {_MOST_IMAGES}", "n")
    if n is not None:
        task["n"] = n
    size = body.get("size")
    if size not in (None, "auto"):
        task["size"] = size
    if choose(body, "quality", _QUALITIES) == _FAST_QUALITY:
        task["optimize_prompt"] = "fast"
    user = body.get("user")
    if user is not None:
        if not isinstance(user, str) or len(user) > 512:
            raise bad_field("user must be a text of up to 512 characters", "user")
        task["metadata"] = {"user": user}
    newer = body.get("quality") in _NEWER_QUALITIES or any(body.get(name) is not None for name in _OF_NEWER_MODELS)
    unsaid = body.get("response_format") is None
    streamed = choose(body, "stream", (True, False), False)
    return Submission(
        task=task,
        model=model,
        form=Form.STREAMING if streamed else Form.WAITING,
        base64=streamed or (newer if unsaid else wants_base64(body)),
        links_if_large=unsaid and not streamed,
        fits_size=True,
        ignored=tuple(name for name in ("input_fidelity", "partial_images", "style") if body.get(name) is not None),
    )


def _edit(body: Mapping[str, Any]) -> Submission:
    """A picture made of others: files of a form, links, or `{"images": [{"image_url"}]}`."""
    body = _as_numbers(body)
    if body.get("mask") is not None:
        raise bad_field(
            "mask is not taken by any model here: say in the prompt what is to change, and leave it out", "mask"
        )
    references = _references(body)
    made = _submission(body, of_edits=frozenset(_OF_EDITS))
    return replace(made, task={**made.task, "action": "edit", "image_urls": references})


def _references(body: Mapping[str, Any]) -> list[str]:
    field = "image" if body.get("image") is not None else "images"
    given = body.get(field)
    listed = given if isinstance(given, list) else [given]
    found = []
    for place, each in enumerate(listed):
        entry = each if isinstance(each, dict) else {"image_url": each}
        link = entry.get("image_url")
        link = link.get("url") if isinstance(link, dict) else link
        if entry.get("file_id") is not None:
            raise bad_field(
                "files are not kept here: send the picture itself, or a link to it", f"{field}[{place}].file_id"
            )
        if not isinstance(link, str) or not link:
            raise Refusal(ErrorKind.MISSING_FIELD, "an image to edit is required: a file in `image`, or links", "image")
        found.append(link)
    return found


def _as_numbers(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the numbers and switches that a form has as texts."""
    read = dict(body)
    for name in ("n", "output_compression", "partial_images"):
        if isinstance(read.get(name), str) and read[name].isascii() and read[name].isdecimal():
            read[name] = int(read[name][:9])
    if read.get("stream") in ("true", "false"):
        read["stream"] = read["stream"] == "true"
    return {name: value for name, value in read.items() if value != ""}


def _made(view: TaskView, picture: Picture) -> Json:
    """What gpt-image models say of how a picture was made."""
    asked = view.task.request
    quality = "low" if asked.optimize_prompt == "fast" else "high"
    shown = {"size": picture.size, "quality": quality, "background": "opaque"}
    return shown | {"output_format": asked.output_format or "jpeg"}


def _usage(view: TaskView) -> Json:
    """Tokens as gpt-image models count them: pictures by the origin's count, texts by four characters."""
    made, text = origin.usage(view)["output_tokens"], -(-len(view.task.request.prompt) // 4)
    details = {"text_tokens": text, "image_tokens": 0}
    return {"total_tokens": text + made, "input_tokens": text, "output_tokens": made, "input_tokens_details": details}


def _refuse_what_is_not_offered(body: Mapping[str, Any], of_edits: frozenset[str]) -> None:
    for field in sorted(set(body) - _KNOWN - of_edits):
        raise Refusal(ErrorKind.BAD_FIELD, f"Unknown parameter: '{field[:80]}'.", field[:80])
    choose(body, "background", ("auto", "opaque"))
    choose(body, "moderation", ("auto", "low"))
    if body.get("output_compression") not in (None, 100):
        raise bad_field("output_compression can't be set with any model here: leave it out", "output_compression")
    choose(body, "output_format", ("jpeg", "png"))


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": _SINCE, "owned_by": "darkroom"}
