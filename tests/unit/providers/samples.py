"""The providers' sample bodies in `events/providers`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from darkroom.providers.base import UpstreamAnswer, UpstreamRequest

EVENTS = Path(__file__).resolve().parents[3] / "events" / "providers"
KEY = "sk-very-secret-key"


def sample(provider: str, name: str) -> bytes:
    """A sample body as bytes."""
    return (EVENTS / provider / f"{name}.json").read_bytes()


def has_sample(provider: str, name: str) -> bool:
    """Whether a provider has such a sample."""
    return (EVENTS / provider / f"{name}.json").exists()


def errors(provider: str) -> Iterator[tuple[int, str, bytes]]:
    """The provider's error samples: status, code and body."""
    for path in sorted((EVENTS / provider).glob("error.*.json")):
        _, status, code = path.stem.split(".", 2)
        yield int(status), code, path.read_bytes()


class ScriptedUpstream:
    """An upstream that gives the answers it was handed, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, bytes] | Exception, **credential: str) -> None:
        self.answers = list(answers)
        self.requests: list[UpstreamRequest] = []
        self.headers: dict[str, str] = {}
        self.credential = credential or {"api_key": KEY, "access_token": KEY}

    def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return UpstreamAnswer(answer[0], self.headers, answer[1])


def body(request: UpstreamRequest) -> dict[str, Any]:
    """A request's JSON as it would arrive."""
    read: dict[str, Any] = json.loads(json.dumps(request.json))
    return read
