"""The dialect of chanjing (https://www.chanjing.cc): creations, their look-up one by one or many at once, and tokens.

Every answer is HTTP 200 with `{"trace_id", "code", "msg", "data"}`; a `code` other than 0 is an error.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.dialects.base import Plain, bad_field, carry, choose, ignored, links, need, unknown_call
from darkroom.dialects.calls import Answer, Call, Intent, Json, LookUp, LookUpMany, Submission, TaskView, TokenRequest
from darkroom.dialects.refusals import ErrorKind, Refusal
from darkroom.tasks.update import Status

_FIELDS = {"ref_prompt": "prompt", "model_code": "model", "aspect_ratio": "size", "number_of_images": "n"}
_CLARITY = {1024: "1K", 2048: "2K", 4096: "4K"}
_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
_PICTURES = 3
"""Its `creation_type` of pictures."""
_KNOWN = {*_FIELDS, "clarity", "creation_type", "ref_img_url"}
_MOST_IMAGES, _MOST_IDS, _DEEPEST = 4, 50, 500

_BAD_FORMAT, _BAD_TOKEN, _BAD_PARAMETER, _TOO_FAST, _BROKEN = 400, 10400, 40000, 40001, 50000
_CODES: Mapping[ErrorKind, int] = {
    ErrorKind.NO_KEY: _BAD_TOKEN,
    ErrorKind.BAD_KEY: _BAD_TOKEN,
    ErrorKind.DISABLED_KEY: _BAD_TOKEN,
    ErrorKind.MALFORMED: _BAD_FORMAT,
    ErrorKind.TOO_LARGE: _BAD_FORMAT,
    ErrorKind.RATE_LIMITED: _TOO_FAST,
    ErrorKind.UNAVAILABLE: _BROKEN,
    ErrorKind.FAILED: _BROKEN,
    ErrorKind.TIMEOUT: _BROKEN,
    ErrorKind.INTERNAL: _BROKEN,
}
_PROGRESS = {
    Status.QUEUED: "Queued",
    Status.PROCESSING: "Generating",
    Status.COMPLETED: "Success",
    Status.FAILED: "Error",
    Status.CANCELLED: "Error",
}


class Chanjing(Plain):
    """Serves chanjing's API."""

    name = "chanjing"
    renamed: Mapping[str, str] = {ours: theirs for theirs, ours in _FIELDS.items()} | {
        "image_urls": "ref_img_url",
        "resolution": "clarity",
    }

    key_header = "access_token: <token or key>"
    open_routes = (("POST", "open", "v1", "access_token"),)

    def credential(self, call: Call) -> str | None:
        """The header `access_token`: a token that this API gave out, or an API key itself."""
        return call.headers.get("access_token") or None

    def read(self, call: Call) -> Intent:
        """Submission, look-up, page and token, all under `/open/v1`."""
        match call.route:
            case ("POST", "open", "v1", "ai_creation", "task", "submit"):
                return _submission(call.body)
            case ("GET", "open", "v1", "ai_creation", "task"):
                if not call.query.get("unique_id"):
                    raise Refusal(ErrorKind.MISSING_FIELD, "unique_id is required", "unique_id")
                return LookUp(call.query["unique_id"])
            case ("POST", "open", "v1", "ai_creation", "task", "page"):
                return _page(call.body)
            case ("POST", "open", "v1", "access_token"):
                need(call.body, "app_id", "secret_key")
                return TokenRequest(str(call.body["secret_key"]))
        raise unknown_call(call)

    def answer(self, intent: Intent, view: Sequence[TaskView], trace_id: str) -> Answer:
        """An id, a creation, or a list of them."""
        match intent:
            case Submission():
                return _envelope(trace_id, view[0].task.task_id)
            case LookUpMany():
                page = {"page": intent.page, "page_size": intent.page_size, "total_count": len(view)}
                creations = [_creation(each) for each in view]
                return _envelope(trace_id, {"list": creations, "total": len(view), "page_info": page})
        return _envelope(trace_id, _creation(view[0]))

    def token(self, token: str, seconds: int, trace_id: str) -> Answer:
        """An access token and how many seconds it is good for."""
        return _envelope(trace_id, {"access_token": token, "expire_in": seconds})

    def refuse(self, refusal: Refusal, trace_id: str) -> Answer:
        """HTTP 200 with a code."""
        code = _CODES.get(refusal.kind, _BAD_PARAMETER)
        return _envelope(trace_id, None, code, refusal.message)


def _submission(body: Mapping[str, Any]) -> Submission:
    need(body, "ref_prompt", "model_code", "creation_type", "number_of_images")
    choose(body, "creation_type", (_PICTURES,))
    clarity = choose(body, "clarity", _CLARITY, 2048)
    n = body["number_of_images"]
    if type(n) is not int or not 1 <= n <= _MOST_IMAGES:
        raise bad_field(f"number_of_images must be a whole number from 1 to {_MOST_IMAGES}", "number_of_images")
    references = links(body.get("ref_img_url") or [], "ref_img_url")
    choose(body, "aspect_ratio", _RATIOS)
    return Submission(
        task={"size": "1:1", **carry(body, _FIELDS), "resolution": _CLARITY[clarity], "image_urls": references},
        model=str(body["model_code"]),
        echo={
            "aspect_ratio": body.get("aspect_ratio", "1:1"),
            "ref_img_url": [link for link in references if not link.startswith("data:")],
        },
        ignored=ignored(body, _KNOWN),
    )


def _page(body: Mapping[str, Any]) -> LookUpMany:
    choose(body, "type", (_PICTURES,))
    page, page_size = body.get("page", 1), body.get("page_size", _MOST_IDS)
    for name, value in (("page", page), ("page_size", page_size)):
        if type(value) is not int or value < 1:
            raise bad_field(f"{name} must be a whole number from 1", name)
    if page_size > _MOST_IDS or page * page_size > _DEEPEST:
        raise bad_field(f"page_size must be at most {_MOST_IDS}, and page x page_size at most {_DEEPEST}", "page_size")
    ids = body.get("unique_ids")
    if ids is not None:
        ids = links(ids, "unique_ids")
        if len(ids) > _MOST_IDS:
            raise bad_field(f"unique_ids has {len(ids)} ids: use at most {_MOST_IDS}", "unique_ids")
    only = choose(body, "is_success", (True, False), False)
    return LookUpMany(tuple(dict.fromkeys(ids)) if ids else None, page, page_size, completed_only=only)


def _creation(view: TaskView) -> Json:
    task, echo = view.task, view.echo
    ended_badly = task.status in {Status.FAILED, Status.CANCELLED}
    return {
        "id": task.task_id,
        "unique_id": task.task_id,
        "create_time": task.created_at // 1000,
        "number_ai_creation": task.request.n,
        "type": _PICTURES,
        "progress_desc": _PROGRESS[task.status],
        "err_msg": (task.error.message if task.error else "cancelled") if ended_badly else "",
        "aspect_ratio": echo.get("aspect_ratio", task.request.size or "1:1"),
        "output_url": [picture.url for picture in view.stored] if task.status is Status.COMPLETED else [],
        "photo_info": {},
        "ref_img_url": list(echo.get("ref_img_url", [])),
        "model_code": view.model,
        "model_name": task.request.model,
    }


def _envelope(trace_id: str, data: Any, code: int = 0, message: str = "success") -> Answer:
    return Answer(200, {"trace_id": trace_id, "code": code, "msg": message, "data": data})
