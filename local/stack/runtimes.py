"""The processes of the streaming function: started when calls wait, at an address of their own, replaced when dead.

Lambda answers for a runtime that has died, and starts another one (Lambda developer guide, "Runtime environment
lifecycle"). An address for each process tells which one a request came from, so that its call is answered for.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from local.processes import Process

MOST_PROCESSES = 4
_LOOK_EVERY = 0.1
"""Seconds between two looks at whether the processes live."""


class Taken(Protocol):
    """A call that a process may take."""

    @property
    def head(self) -> "asyncio.Future[dict[str, Any]]":
        """The head of its answer."""

    def breaks(self) -> None:
        """Answer for a process that won't."""


Call = TypeVar("Call", bound=Taken)


@dataclass
class _Place:
    """Where one process listens: the process, what it took last, and its wait for the next."""

    sock: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=16))
    process: Process | None = None
    taken: Taken | None = None
    wait: "asyncio.Task[Any] | None" = None

    @property
    def port(self) -> int:
        """The port of its own."""
        port: int = self.sock.getsockname()[1]
        return port


class Runtimes:
    """Up to `MOST_PROCESSES` processes, made by `start(number, address)`."""

    def __init__(self, start: Callable[[int, str], Process]) -> None:
        self._start = start
        self._places = [_Place() for _ in range(MOST_PROCESSES)]
        self._starting = asyncio.Lock()

    @property
    def sockets(self) -> list[socket.socket]:
        """What the processes speak to; whoever serves the Runtime API listens on all of them."""
        return [place.sock for place in self._places]

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [place.process.pid for place in self._places if place.process is not None]

    async def start_if_needed(self, waiting: int) -> None:
        """Start a process where more calls wait than there are processes without one."""
        async with self._starting:
            idle = sum(place.process is not None and place.taken is None for place in self._places)
            number = next((number for number, place in enumerate(self._places) if place.process is None), None)
            if waiting > idle and number is not None:
                place = self._places[number]
                place.process = await asyncio.to_thread(self._start, number, f"127.0.0.1:{place.port}")

    async def take(self, port: int, waiting: "asyncio.Queue[Call]") -> Call | None:
        """The next call for the process at this port, once there is one; None where the process is gone before that."""
        place = next(place for place in self._places if place.port == port)
        place.taken = None
        while True:
            place.wait = asyncio.create_task(waiting.get())
            try:
                taken: Call = await place.wait
            except asyncio.CancelledError:
                return None
            finally:
                place.wait = None
            if place.process is None or not place.process.alive:
                waiting.put_nowait(taken)
                return None
            if not taken.head.done():
                place.taken = taken
                return taken

    async def watch(self, waiting: Callable[[], int]) -> None:
        """Answer for every process that has died, and start another one where calls wait."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            for place in self._places:
                if place.process is not None and not place.process.alive:
                    self._bury(place)
            with contextlib.suppress(OSError):
                await self.start_if_needed(waiting())

    def _bury(self, place: _Place) -> None:
        place.process = None
        if place.wait is not None:
            place.wait.cancel()
        if place.taken is not None:
            place.taken.breaks()
            place.taken = None

    def stop(self) -> None:
        """End the processes."""
        for place in self._places:
            if place.process is not None:
                place.process.stop()
