"""Envelopes around what a provider says: `{"code": 200, "msg": "ok", "data": {…}}`, and all that is like it."""

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.providers.reading.bodies import inner_json
from darkroom.providers.reading.values import Object, as_id, as_object, as_whole, by_name

Named = Mapping[str, Any]
"""One layer: its fields by their plain names (`values.plain`)."""
MOST = 6
"""Layers that are looked into."""
_INNER = ("data", "result", "response", "task", "output", "payload", "body", "record", "job", "taskresult", "taskinfo")
_IDS = ("taskid", "uniqueid", "jobid", "generationid", "id")
_OWN = frozenset({*_IDS[:-1], "status", "state", "taskstatus", "progressdesc", "code"})
_PICTURE = frozenset({"url", "urls", "imageurl", "b64json", "image", "base64", "imagebase64"})
_GOOD_WORDS = frozenset(
    {"", "ok", "success", "succeeded", "successful", "succeed", "accepted", "created", "done", "none"}
)


def layers(content: Object) -> list[Named]:
    """An answer, and what lies in it one inside the other, from the outside in."""
    found: list[Named] = [by_name(content)]
    while len(found) < MOST:
        inner = next((inner for name in _INNER if (inner := _object_in(found[-1].get(name)))), None)
        if inner is None:
            break
        found.append(by_name(inner))
    return found


def _object_in(value: Any) -> Object | None:
    """The object that a field holds: itself, as JSON in a text, or alone in a list (then it has to be a task)."""
    value = inner_json(value) or value
    if isinstance(value, list) and len(value) == 1 and is_task(as_object(value[0])):
        return as_object(value[0])
    return value if isinstance(value, dict) and value else None


def is_task(entry: Object) -> bool:
    """Whether an entry of a list speaks of a task, or wraps one, and is no picture."""
    names = by_name(entry).keys()
    return bool(_OWN & names) or ("id" in names and not _PICTURE & names)


def names_of(levels: Sequence[Named], place: int) -> list[str]:
    """The ids that an answer names, the likeliest first: those of the layer at `place`, where its state is, first."""
    order = [*reversed(levels[: place + 1]), *reversed(levels[place + 1 :])]
    return [text for layer in order for name in _IDS if (text := as_id(layer.get(name)))]


def says_no(levels: Sequence[Named]) -> bool:
    """Whether an envelope says that what was asked for was not done: `success` is false, or its code is no good one."""
    return any(
        layer.get("success") is False
        or layer.get("ok") is False
        or layer.get("status") is False
        or layer.get("error") is True
        or _bad_code(layer)
        for layer in levels
    )


def status_of(levels: Sequence[Named]) -> int:
    """The HTTP status that an envelope carries inside (`code`, `status`, `statusCode`), or 0."""
    for layer in levels:
        for holder in (layer, by_name(as_object(layer.get("error")))):
            for name in ("code", "status", "statuscode", "httpcode", "httpstatus"):
                number = as_whole(holder.get(name))
                if number is not None and 400 <= number < 600:
                    return number
    return 0


def _bad_code(layer: Named) -> bool:
    code = layer.get("code")
    if code is None or isinstance(code, (dict, list)):
        return False
    number = as_whole(code)
    if number is not None:
        return number != 0 and not 200 <= number < 300
    return isinstance(code, str) and code.strip().lower() not in _GOOD_WORDS
