"""What a provider says went wrong, in whatever form it says it: a code, and a sentence for the task's owner."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from darkroom.providers.reading.bodies import inner_json
from darkroom.providers.reading.envelopes import Named
from darkroom.providers.reading.values import MAX_HEARD, Object, as_code, as_list, as_object, as_text, by_name

_ERRORS = ("error", "errors", "err", "failure", "errordetail", "errordetails", "errorinfo", "lasterror")
_CODES = ("code", "errorcode", "errcode", "failcode", "failurecode", "status")
_SENTENCES = (
    "message", "msg", "errormessage", "errormsg", "errmsg", "failmsg", "failmessage", "failreason", "failurereason",
    "failedreason", "failuremessage", "errorreason", "errordescription", "detail", "details", "description", "reason",
    "title", "text",
)  # fmt: skip
_FLAT_CODES = ("errorcode", "errcode", "failcode", "failurecode")
_FLAT = tuple(name for name in _SENTENCES if name.startswith(("err", "fail")))
_GENERAL = ("message", "msg", "detail", "details", "reason", "description", "title", "info")
_EMPTY = frozenset(
    {"", "ok", "success", "succeeded", "successful", "none", "null", "0", "成功", "操作成功", "请求成功"}
)
MOST_DETAILS = 3


@dataclass(frozen=True, slots=True)
class ReportedError:
    """What went wrong: `code` and `kind` as the provider words them, `message` as it came, uncut.

    `explicit` where a field speaks of an error by its name, and not only of a message.
    """

    code: str = ""
    kind: str = ""
    message: str = ""
    explicit: bool = False

    def __bool__(self) -> bool:
        return bool(self.code or self.kind or self.message)


def read_reported_error(levels: Sequence[Named]) -> ReportedError:
    """What an answer says went wrong, the innermost layer first; an empty reported where it says nothing."""
    found = next((said for layer in reversed(levels) for said in _named(layer) if said), ReportedError())
    general = next((said for layer in reversed(levels) if (said := _general(layer))), ReportedError())
    return ReportedError(
        code=found.code or general.code,
        kind=found.kind,
        message=found.message or general.message,
        explicit=found.explicit,
    )


def complaint_of(value: Any, *, depth: int = 0) -> ReportedError:
    """What an error's own value says: an object, a text, a list of either, or JSON in a text."""
    value = inner_json(value) or value
    if isinstance(value, str):
        return ReportedError(message=value, explicit=True) if _says_something(value) else ReportedError()
    if isinstance(value, list):
        return _joined(value)
    if not isinstance(value, dict) or depth > 2:
        return ReportedError()
    return _of_object(value, depth)


def _of_object(error: Object, depth: int) -> ReportedError:
    named = by_name(error)
    inner = complaint_of(named["error"], depth=depth + 1) if "error" in named else ReportedError()
    code, kind = _first_code(named, _CODES), as_code(named.get("type"))
    sentence = next((text for name in _SENTENCES if (text := _sentence(named.get(name)))), "")
    found = ReportedError(inner.code or code or kind, inner.kind or kind, inner.message or sentence, explicit=True)
    return found if found else ReportedError()


def _named(layer: Named) -> Iterator[ReportedError]:
    """What fields say whose names speak of an error."""
    for name in _ERRORS:
        yield complaint_of(layer.get(name))
    message = next((text for name in _FLAT if (text := _sentence(layer.get(name)))), "")
    if message:
        yield ReportedError(_first_code(layer, _FLAT_CODES), "", message, explicit=True)
    yield complaint_of(as_object(layer.get("responsemetadata")).get("Error"))


def _general(layer: Named) -> ReportedError:
    message = next((text for name in _GENERAL if (text := _sentence(layer.get(name)))), "")
    return ReportedError(_first_code(layer, ("code", *_FLAT_CODES)), "", message) if message else ReportedError()


def _first_code(named: Named, names: Sequence[str]) -> str:
    return next((code for name in names if (code := as_code(named.get(name))) and code.lower() not in _EMPTY), "")


def _sentence(value: Any) -> str:
    """A field's sentence: its text, or those of the objects in it, as validators list them."""
    if isinstance(value, list):
        return _joined(value).message
    if isinstance(value, dict):
        return complaint_of(value, depth=2).message
    text = as_text(value) if isinstance(value, str) else ""
    return text if _says_something(text) else ""


def _joined(entries: Sequence[Any]) -> ReportedError:
    """A list of errors as one: `{"loc": ["body", "size"], "msg": "…"}` becomes `body.size: …`."""
    code, sentences = "", list[str]()
    for entry in entries[:MOST_DETAILS]:
        if isinstance(entry, str):
            sentences.append(entry)
            continue
        found = complaint_of(entry, depth=2) if isinstance(entry, dict) else ReportedError()
        place = ".".join(as_text(part)[:40] for part in as_list(as_object(entry).get("loc"))[:6])
        sentences.append(f"{place}: {found.message}" if place and found.message else found.message)
        code = code or found.code
    return ReportedError(code, "", "; ".join(text for text in sentences if text), explicit=True)


def _says_something(text: str) -> bool:
    return text[:MAX_HEARD].strip().lower() not in _EMPTY
