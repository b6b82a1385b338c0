"""How a call comes in and how an answer goes out: what API Gateway and a function's own URL allow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Door:
    """How a call came in: seconds that it may wait, bytes that an answer may have, whether it can be streamed."""

    request_id: str
    patience: float
    max_answer: int
    streams: bool


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that is sent while the pictures come in."""

    content_type: str
    headers: Mapping[str, str]
    chunks: Iterator[bytes]
