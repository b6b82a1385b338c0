"""Connections with one end of time: name, connect, TLS, headers and body of a request share it.

A time-out between two pieces is not enough: who sends one byte of a header a second never runs into it.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from ssl import SSLContext
from typing import Any

import httpcore

from darkroom.http.addresses import Resolver
from darkroom.http.errors import ConnectFailed

ends_at: ContextVar[float] = ContextVar("ends_at", default=float("inf"))
"""When the request of this thread has to be over, by `time.monotonic`."""


def resolved(resolver: Resolver, host: str, port: int, timeout: float) -> Sequence[str]:
    """The addresses of a name, within so many seconds: the system's resolver takes no time-out of its own.

    Raises `ConnectFailed`, and what the resolver raises.
    """
    outcome: list[Any] = []

    def look_up() -> None:
        try:
            outcome.append(resolver(host, port))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(min(max(0.0, timeout), threading.TIMEOUT_MAX))
    if not outcome:
        raise ConnectFailed("the name was not resolved in time")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    found: Sequence[str] = outcome[0]
    return found


class BoundedBackend(httpcore.NetworkBackend):
    """httpcore's own network, where nothing lasts longer than its request may."""

    def __init__(self) -> None:
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect within what is left. Raises as httpcore does."""
        end = ends_at.get()
        left = _left(end, timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._network.connect_tcp(host, port, left, local_address, socket_options), end)


class _BoundedStream(httpcore.NetworkStream):
    """A connection whose every step takes at most what is left."""

    def __init__(self, stream: httpcore.NetworkStream, end: float) -> None:
        self._stream = stream
        self._end = end

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._end, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._end, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(self._end, timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._end)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(end: float, timeout: float | None, late: type[Exception]) -> float | None:
    left = end - time.monotonic()
    if left <= 0:
        raise late("the request's time is over")
    if timeout is None:
        return None if left == float("inf") else left
    return min(timeout, left)
