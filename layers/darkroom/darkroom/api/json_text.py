"""JSON of callers: read strictly, so that whatever is taken can be recorded, sent on and answered as JSON again."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from darkroom.api.errors import bad_request
from darkroom.json_nesting import deeper_than

MAX_NESTING = 100
MAX_DIGITS = 300
"""Of a whole number: far beyond what anything here counts."""
_HALF = re.compile(rb"\\u[dD][89abcdefABCDEF]")
"""How half of a character is written, paired or not: in no other way can it be in UTF-8."""


def json_object(body: bytes) -> dict[str, Any]:
    """A body as a JSON object, with or without a byte order mark. Raises `ApiError` (400) that says what is wrong.

    Refused are fields that are there twice, numbers that JSON or a float does not have, and halves of characters.
    """
    if not body.strip():
        raise bad_request("the body is empty: send a JSON object")
    if deeper_than(body, MAX_NESTING):
        raise bad_request(f"the body is nested more than {MAX_NESTING} levels deep")
    value = _read(body)
    if not isinstance(value, dict):
        raise bad_request("the body is not a JSON object")
    if _HALF.search(body) and (place := _place_of_half(value)) is not None:
        raise bad_request(
            f"{place or 'the body'} has half of a character in it (such as \\ud83d alone): send whole characters",
            place or None,
        )
    return value


def whole_characters(text: str) -> str:
    """A text with a `?` in the place of every half of a character."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _read(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=_without_repeats,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_counted,
        )
    except UnicodeDecodeError as error:
        raise bad_request("the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise bad_request(f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body is not JSON: {error}") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"the field {name[:80]!r} is there twice")
            seen.add(name)
    return value


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is larger than a number can be here")
    return value


def _counted(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number has {len(text)} digits: at most {MAX_DIGITS} are taken")
    return int(text)


def _place_of_half(value: Any) -> str | None:
    """Where half of a character is, as `extra.note[0]`; None where all are whole."""
    for place, text in _texts(value, ""):
        if not text.isascii() and whole_characters(text) != text:
            return _shown(place)
    return None


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield place, value
        case dict():
            for name, inner in value.items():
                inside = f"{place}.{name[:40]}" if place else name[:40]
                yield inside, name
                yield from _texts(inner, inside)
        case list():
            for number, inner in enumerate(value):
                yield from _texts(inner, f"{place}[{number}]")


def _shown(place: str) -> str:
    return place[:200].encode("ascii", "backslashreplace").decode()
