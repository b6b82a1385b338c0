"""Servers in processes of their own, for as long as a measurement needs them."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from local.paths import ROOT


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


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
def process(command: list[str], environment: dict[str, str]) -> Iterator[int]:
    """A process for as long as it is needed; what it says is shown only where it ends too early."""
    said: IO[bytes]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            yield process.pid
        except BaseException:
            said.seek(0)
            print(said.read()[-2000:].decode(errors="replace"))
            raise
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def function(name: str, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """One of our functions behind the thinnest HTTP server. Yields its process's id and its port."""
    port = free_port()
    with process([sys.executable, "-m", "benchmarks.front", name, str(port)], environment) as pid:
        wait_for(port)
        yield pid, port
