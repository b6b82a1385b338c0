"""A task as plain JSON values and back: the form in which it is recorded.

A field is recorded by its name: whoever adds one to a task or to a part of it changes nothing here.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from darkroom.tasks.record_reader import TaskReader
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Task, Terms, Usage
from darkroom.tasks.unread import Json, restore

_APART = frozenset({"request", "usage", "terms", "entry", "history", "unread", "announced"})
"""Fields of a task that have a form of their own in its record, or stand beside it."""
_ALWAYS = frozenset({"reserved", "charged"})
"""What a record says of usage even at its default: older releases read it."""


_JSON = frozenset({str, int, bool, float, type(None), dict})


def to_record(task: Task) -> Json:
    """Everything that a task is, as JSON values. Credits are strings, so that they stay exact."""
    record: Json = {name: _plain(getattr(task, name)) for name in Task.__slots__ if name not in _APART}
    record["request"] = request_to_record(task.request)
    record |= _beyond_defaults(task.usage, Usage(), _ALWAYS)
    if task.entry:
        record["entry"] = _fields(task.entry)
    if task.terms != Terms() or ("terms",) in task.unread:
        record["terms"] = _fields(task.terms)
    if task.history:
        record["history"] = [[each.at, each.what, each.cause, each.details] for each in task.history]
    if task.unread:
        restore(record, task.unread)
    return record


def from_record(record: Mapping[str, Any]) -> Task:
    """The task that was recorded, by this release or another (what this one can't read is kept in `unread`)."""
    return TaskReader().task(record)


def request_to_record(request: ImageRequest) -> Json:
    """A request as JSON values; what is at its default is left out."""
    plain = ImageRequest(model=request.model, prompt=request.prompt)
    return _beyond_defaults(request, plain, frozenset({"model", "prompt"}))


def _beyond_defaults(part: Any, plain: Any, always: frozenset[str]) -> Json:
    return {
        name: _plain(value)
        for name in type(part).__slots__
        if (value := getattr(part, name)) != getattr(plain, name) or name in always
    }


def _fields(part: Any) -> Json:
    return {name: _plain(getattr(part, name)) for name in type(part).__slots__}


def _plain(value: Any) -> Any:
    """A value of a task as JSON has it."""
    if type(value) in _JSON:
        return value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return _fields(value) if is_dataclass(value) else value
