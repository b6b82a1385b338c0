"""How a call comes in and how an answer goes out: what API Gateway and a function's own URL allow."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transport:
    """How a call came in: bytes that an answer may have, whether it can be streamed.

    `time_left` tells the seconds that it may still wait: fewer with everything that is done for it.
    """

    request_id: str
    time_left: Callable[[], float]
    max_answer: int
    streams: bool

    @property
    def patience(self) -> float:
        """Seconds that the call may wait from now on."""
        return self.time_left()


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that is sent while the pictures come in."""

    content_type: str
    headers: Mapping[str, str]
    chunks: Iterator[bytes]
