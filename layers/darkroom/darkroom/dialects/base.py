"""What a dialect is: the one interface behind which each provider's API is spoken to its clients."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from darkroom.dialects.calls import Answer, Call, Intent, Json, ListModels, TaskView
from darkroom.dialects.refusals import ErrorKind, Refusal
from darkroom.webhooks.retry_schedule import RetryRule

Event = tuple[str, Json]
"""A streamed event: its name and its data."""
MAX_ECHO = 16 * 1024
"""Bytes of a request as JSON that answers repeat."""


class Dialect(Protocol):
    """One provider's API as its clients know it. Reads calls and writes answers; does nothing itself."""

    name: str
    key_header: str
    """Where clients send their key, for those who sent none."""
    open_routes: Collection[tuple[str, ...]]
    """The calls that need no key, as `Call.route` has them."""
    renamed: Mapping[str, str]
    """Our fields that have another name in this dialect."""
    retry: RetryRule
    """How often a callback is tried."""

    def credential(self, call: Call) -> str | None:
        """The key that a call came with."""
        ...

    def read(self, call: Call) -> Intent:
        """What a call asks for. Raises `Refusal`."""
        ...

    def answer(self, intent: Intent, view: Sequence[TaskView], trace_id: str) -> Answer:
        """The answer to an intent, of the tasks that it concerns. Raises `Refusal` where a task came to nothing."""
        ...

    def refuse(self, refusal: Refusal, trace_id: str) -> Answer:
        """The error that the provider would answer with."""
        ...

    def callback(self, view: TaskView) -> Json:
        """The body that the provider posts to a `callback_url` once a task has ended."""
        ...

    def events(self, view: TaskView, told: Collection[int]) -> Iterable[Event]:
        """The events of the pictures but those `told` of before, and the last event where the task has ended."""
        ...

    def token(self, token: str, seconds: int, trace_id: str) -> Answer:
        """The answer to a `TokenRequest`."""
        ...

    def models(self, intent: ListModels, names: Sequence[str]) -> Answer:
        """The answer to `ListModels`, where these are the names. Raises `Refusal`."""
        ...


def bearer(call: Call) -> str | None:
    """The key of `Authorization: Bearer <key>`."""
    scheme, _, key = call.headers.get("authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


def unknown_call(call: Call) -> Refusal:
    """The refusal of a path or method that this dialect has not."""
    return Refusal(ErrorKind.UNKNOWN_CALL, f"there is nothing at {call.method} {call.path[:200]}")


def bad_field(message: str, param: str) -> Refusal:
    """The refusal of a field's value."""
    return Refusal(ErrorKind.BAD_FIELD, message, param)


def need(body: Mapping[str, Any], *fields: str) -> None:
    """Raises `Refusal` for the first of the fields that is not given."""
    for field in fields:
        if body.get(field) in (None, ""):
            raise Refusal(ErrorKind.MISSING_FIELD, f"{field} is required", field)


def choose(body: Mapping[str, Any], field: str, choices: Iterable[Any], default: Any = None) -> Any:
    """A field that has one of a few values; its default where it is not given. Raises `Refusal`."""
    value = body.get(field)
    if value is None:
        return default
    known = list(choices)
    # 1 is not True, and True is not 1: types count.
    if not any(value == choice and type(value) is type(choice) for choice in known):
        listed = ", ".join(str(choice).lower() if isinstance(choice, bool) else str(choice) for choice in known)
        raise bad_field(f"{field} must be one of {listed}", field)
    return value


def wants_base64(options: Mapping[str, Any]) -> bool:
    """Whether `response_format` asks for pictures instead of links. Raises `Refusal`."""
    wanted: bool = choose(options, "response_format", ("url", "b64_json"), "url") == "b64_json"
    return wanted


def carry(body: Mapping[str, Any], fields: Mapping[str, str]) -> Json:
    """The given fields under our names: `fields` maps the dialect's to ours. A null is a field that is not given."""
    return {ours: body[theirs] for theirs, ours in fields.items() if body.get(theirs) is not None}


def ignored(body: Mapping[str, Any], known: Iterable[str]) -> tuple[str, ...]:
    """The fields that the dialect does not know. Its provider ignores them, and so do we, but we say so."""
    return tuple(sorted(set(body) - set(known)))


def links(value: Any, field: str) -> list[str]:
    """One link or several, as a list. Raises `Refusal`."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(link, str) for link in given):
        raise bad_field(f"{field} must be a link or an array of links", field)
    return given


def without_data(body: Mapping[str, Any]) -> Json:
    """A request to be repeated in answers: without the images that were sent in it, and without what is very long.

    It is kept in the task's record, which has to have room for the task's whole life.
    """

    def shown(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("data:"):
            return value.partition(",")[0]
        if isinstance(value, list):
            return [shown(each) for each in value]
        return value

    sizes = {name: _bytes(name) + _bytes(shown(value)) for name, value in body.items()}
    kept, room = set(), MAX_ECHO
    for name in sorted(sizes, key=lambda name: sizes[name]):
        room -= sizes[name]
        if room < 0:
            break
        kept.add(name)
    return {name: shown(value) for name, value in body.items() if name in kept}


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


class Plain:
    """What most dialects have alike, or do without. What no call of a dialect asks for is never called."""

    key_header = "Authorization: Bearer <key>"
    open_routes: Collection[tuple[str, ...]] = ()
    renamed: Mapping[str, str] = {}
    retry = RetryRule(())

    def credential(self, call: Call) -> str | None:
        """The key that most clients send as a bearer token."""
        return bearer(call)

    def callback(self, view: TaskView) -> Json:
        """Not spoken here."""
        raise NotImplementedError(f"{type(self).__name__} has no callback_url")

    def events(self, view: TaskView, told: Collection[int]) -> Iterable[Event]:
        """Not spoken here."""
        raise NotImplementedError(f"{type(self).__name__} has no stream")

    def token(self, token: str, seconds: int, trace_id: str) -> Answer:
        """Not spoken here."""
        raise NotImplementedError(f"{type(self).__name__} has no tokens")

    def models(self, intent: ListModels, names: Sequence[str]) -> Answer:
        """Not spoken here."""
        raise NotImplementedError(f"{type(self).__name__} has no list of models")
