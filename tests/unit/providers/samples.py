"""The providers' sample bodies in `events/providers`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from darkroom.providers.base import UpstreamAnswer, UpstreamRequest

EVENTS = Path(__file__).resolve().parents[3] / "events" / "providers"
KEY = "sk-very-secret-key"


FOLDERS = {"openai-images-by-link": "openai-images"}
"""Where the samples of a protocol lie that has not its own."""
ASKED_TWICE = {"fal": b'{"status": "COMPLETED", "request_id": "764cabcf-b745-4b3e-ae38-1200304cf45b"}'}
"""What comes before the answer to a poll, where the status and the result are two."""


def folder(provider: str) -> Path:
    """Where a protocol's samples lie."""
    return EVENTS / FOLDERS.get(provider, provider)


def sample(provider: str, name: str) -> bytes:
    """A sample body as bytes."""
    return (folder(provider) / f"{name}.json").read_bytes()


def has_sample(provider: str, name: str) -> bool:
    """Whether a provider has such a sample."""
    return (folder(provider) / f"{name}.json").exists()


def errors(provider: str) -> Iterator[tuple[int, str, bytes]]:
    """The provider's error samples: status, code and body."""
    for path in sorted(folder(provider).glob("error.*.json")):
        _, status, code = path.stem.split(".", 2)
        yield int(status), code, path.read_bytes()


class ScriptedUpstream:
    """An upstream that gives the answers it was handed, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, bytes] | Exception, **credential: str) -> None:
        self.answers = list(answers)
        self.requests: list[UpstreamRequest] = []
        self.headers: dict[str, str] = {}
        self.address = "https://provider.example"
        self.credential = credential or {"api_key": KEY, "access_token": KEY}

    def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return UpstreamAnswer(answer[0], self.headers, answer[1])


def polled(provider: str, content: bytes) -> ScriptedUpstream:
    """An upstream that answers a poll of one task with this."""
    before = ASKED_TWICE.get(provider)
    return ScriptedUpstream(*([(200, before)] if before else []), (200, content))


def body(request: UpstreamRequest) -> dict[str, Any]:
    """A request's JSON as it would arrive."""
    read: dict[str, Any] = json.loads(json.dumps(request.json))
    return read
