"""Values in what providers answer: read as what they are meant to be, and never surprising."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.providers.redaction import redacted

Object = Mapping[str, Any]
MAX_HEARD = 4000
"""Characters of a message that are looked at."""
MAX_CODE = 100
MAX_ID = 256
EXACT = 2**53
"""Beyond it a number that came as a float has lost digits (IEEE 754)."""
MAX_DIGITS = 10**MAX_ID
_SEPARATORS = re.compile(r"[\s_\-.]+")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.0{1,18})?")
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.[0-9]{0,6})?\s?%?")


def plain(name: str) -> str:
    """A name without what distinguishes the habits of writing it: `taskId`, `task_id` and `Task-ID` are one."""
    return _SEPARATORS.sub("", name[:MAX_CODE]).lower()


def by_name(holder: Object) -> dict[str, Any]:
    """The fields of an object by their plain names; of two with one name the first."""
    named: dict[str, Any] = {}
    for name, value in holder.items():
        named.setdefault(plain(name), value)
    return named


def as_object(value: Any) -> Object:
    """A value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> Sequence[Any]:
    """A value if it is a list, else an empty one."""
    return value if isinstance(value, list) else ()


def as_text(value: Any) -> str:
    """A value if it is a text or a whole number (ids come as both), else an empty text."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        value = int(value)
    if isinstance(value, int):
        return str(value) if abs(value) < MAX_DIGITS else ""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def as_code(value: Any) -> str:
    """A provider's word for what went wrong: short, and without any link or token in it."""
    return redacted(as_text(value)[:MAX_HEARD])[:MAX_CODE]


def as_id(value: Any) -> str:
    """A job's id, exact whatever its length, or an empty text for what can't be one.

    It is recorded, and put into the path of a query.
    """
    text = as_text(value).strip()
    return text if len(text) <= MAX_ID else ""


def as_whole(value: Any) -> int | None:
    """A whole number, written as a number or as a text (`0`, `0.0`, `"0"`), else None."""
    text = as_text(value).strip()
    return int(float(text)) if _NUMBER.fullmatch(text) else None


def as_progress(value: Any) -> int | None:
    """A percentage from 0 to 100, as a number or as `40%`, or None."""
    if isinstance(value, str):
        percent = _PERCENT.fullmatch(value.strip()[:12])
        return min(int(percent[1]), 100) if percent else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124 - NaN
        return None
    return int(max(0, min(value, 100)))
