"""Servers in processes of their own, for as long as a measurement needs them."""

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from local.paths import ROOT
from local.processes import Process
from local.stack.emulator import free_port


def wait_for(port: int, seconds: float = 90) -> None:
    """Wait until somebody listens. Raises `OSError` where nobody does in time."""
    ends_at = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > ends_at:
                raise
            time.sleep(0.1)


@contextmanager
def process(name: str, command: list[str], environment: dict[str, str]) -> Iterator[int]:
    """A process for as long as it is needed. Yields its id; what it said last is shown where something goes wrong."""
    with Process(f"bench-{name}", command, environment=environment, directory=ROOT) as running:
        try:
            yield running.pid
        except BaseException:
            print(running.last_words())
            raise


@contextmanager
def function(name: str, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """One of our functions behind the thinnest HTTP server. Yields its process's id and its port."""
    port = free_port()
    with process(f"{name}-{port}", [sys.executable, "-m", "benchmarks.front", name, str(port)], environment) as pid:
        wait_for(port)
        yield pid, port
