"""The work for what comes from outside grows with its size alone: every parser, every regular expression."""

import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

import darkroom
from darkroom.api.errors import ApiError
from darkroom.api.headers import idempotency_key, matches_etag, wait_seconds
from darkroom.api.http import json_object
from darkroom.api.request import fingerprint, read_request
from darkroom.callbacks.receiver import may_hold_a_picture
from darkroom.dialects.refusals import Refusal
from darkroom.dialects.registry import DIALECTS, dialect
from darkroom.providers.base import Unreadable
from darkroom.providers.reading.values import MAX_CODE, MAX_HEARD
from darkroom.providers.registry import PROTOCOLS, adapter
from darkroom.settings import Settings
from tests.growth import LINEAR, exponent
from tests.unit.dialects.tasks import SUBMISSIONS, post

LARGEST = 1_000_000
"""Characters: more than a request without pictures has, and enough for a square to show."""
PIECES = (
    "a",
    "0",
    " ",
    "\t",
    "\n",
    "/",
    "\\",
    '"',
    "{",
    "[",
    ":",
    "x",
    "-",
    ".",
    "%",
    "a ",
    "a/",
    '\\"',
    "0x",
    "[[a=",
    "é",
)


CUT = {
    "darkroom.providers.reading.refusal_words": MAX_HEARD,
    "darkroom.providers.reading.refusal_codes": MAX_CODE,
    "darkroom.providers.reading.states": MAX_CODE,
}
"""Modules whose patterns see no more than so many characters of a text: that length is far from growing."""


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Every regular expression that a module of ours holds."""
    for found in pkgutil.walk_packages(darkroom.__path__, "darkroom."):
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                yield f"{found.name}.{name}", value


PATTERNS = dict(patterns())


def test_there_are_patterns_to_try() -> None:
    assert len(PATTERNS) > 10


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_no_regular_expression_takes_more_than_its_text_calls_for(name: str) -> None:
    pattern = PATTERNS[name]
    binary = isinstance(pattern.pattern, bytes)
    # What a pattern is written with is what it may repeat over; an ending that fits nothing makes it go back.
    own = set(re.findall(r"[A-Za-z0-9:/.]{1,12}", str(pattern.pattern)))
    for piece in (*PIECES, *sorted(own)):
        for ending in ("", "\x00"):

            def text(size: int, piece: str = piece, ending: str = ending) -> Any:
                made = piece * (size // len(piece)) + ending
                return made.encode() if binary else made

            for use in (pattern.fullmatch, lambda text: sum(1 for _ in pattern.finditer(text))):
                assert exponent(use, text, 4 * CUT.get(name.rpartition(".")[0], LARGEST // 16)) <= LINEAR, (
                    piece,
                    ending,
                )


def quietly(read: Callable[[Any], Any]) -> Callable[[Any], None]:
    """A parser whose refusal counts as work done."""

    def work(given: Any) -> None:
        with suppress(ApiError, Refusal, Unreadable, ValueError):
            read(given)

    return work


BODIES: dict[str, Callable[[int], Any]] = {
    "a long text": lambda size: {"prompt": "a fox " * (size // 6)},
    "many fields": lambda size: {f"f{number}": number for number in range(size // 16)},
    "many entries": lambda size: {"metadata": {f"f{number}": "x" for number in range(size // 16)}},
    "many options": lambda size: {"extra": {f"f{number}": "x" for number in range(size // 16)}},
    "a long name": lambda size: {"prompt" + "promp" * (size // 5): "x"},
    "many links": lambda size: {"image_urls": ["https://a.example/x.png"] * (size // 32)},
    "a long link": lambda size: {"image_urls": ["https://a.example/" + "x" * size]},
    "a long picture": lambda size: {"image_urls": ["data:image/png;base64," + "AAAA" * (size // 4)]},
    "a deep list": lambda size: {"extra": {"a": json.loads("[" * min(size, 20) + "]" * min(size, 20))}},
    "numbers": lambda size: {"n": 10 ** min(size, 4000), "size": "1" * size},
    "many results": lambda size: {"status": "completed", "id": "x", "results": ["https://a.example/"] * (size // 24)},
    "long errors": lambda size: {"status": "failed", "id": "x", "error": {"message": "see https://a.example/ " * (size // 24)}},
}  # fmt: skip


@pytest.mark.parametrize("kind", BODIES)
def test_a_request_is_read_in_linear_time(kind: str) -> None:
    valid = {"model": "seedream-4.5", "prompt": "a fox"}

    def read(body: Any) -> None:
        settings = Settings({"DARKROOM_PUBLIC_URL": "https://gateway.example"})
        quietly(lambda given: read_request(given, settings))({**valid, **body})
        fingerprint({**valid, **body})

    assert exponent(read, BODIES[kind], LARGEST) <= LINEAR


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialects_body_is_read_in_linear_time(name: str) -> None:
    path, valid = SUBMISSIONS[name]
    for kind, body in BODIES.items():
        for field in ("prompt", "image", "image_urls", "size", "surprise"):

            def made(size: int, field: str = field, body: Any = body) -> Any:
                return post(path, {**valid, field: next(iter(body(size).values()))})

            assert exponent(quietly(dialect(name).read), made, LARGEST // 4) <= LINEAR, (kind, field)


CALLING = [name for name in sorted(PROTOCOLS) if adapter(name).traits.calls_back]


@pytest.mark.parametrize("provider", CALLING)
@pytest.mark.parametrize("kind", BODIES)
def test_a_callback_is_read_in_linear_time(provider: str, kind: str) -> None:
    def body(size: int) -> bytes:
        return json.dumps(BODIES[kind](size)).encode()

    assert exponent(quietly(adapter(provider).read_callback), body, LARGEST) <= LINEAR
    assert exponent(lambda given: may_hold_a_picture(given, ["https://a.example/x"]), body, LARGEST) <= LINEAR


@pytest.mark.parametrize("piece", ["[", "{", '{"a":', '"', '"\\', "[1,", " ", "9", "[[],", '{"a":1,', "\\ud83d", "é"])
def test_a_body_is_taken_apart_in_linear_time(piece: str) -> None:
    assert exponent(quietly(json_object), lambda size: (piece * (size // len(piece))).encode(), LARGEST) <= LINEAR


def test_headers_are_read_in_linear_time() -> None:
    for piece in PIECES:
        for read, name in ((idempotency_key, "idempotency-key"), (wait_seconds, "prefer")):
            assert exponent(quietly(read), partial(_header, name, piece), LARGEST) <= LINEAR, (name, piece)
        tag = partial(_header, "if-none-match", piece)
        assert exponent(lambda given: matches_etag(given, 'W/"x"'), tag, LARGEST) <= LINEAR, piece


def _header(name: str, piece: str, size: int) -> dict[str, str]:
    return {name: piece * (size // len(piece))}
