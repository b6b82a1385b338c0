"""Copying images: throughput against a raw socket copy of the same bytes, and peak memory against a bare handler.

Each measurement runs in a process of its own, so that its peak memory is its own: 15 images of each size go from a
server on loopback to an S3 on loopback. The raw copy reads the same bytes from the same server and writes them to the
same S3's port. The bare handler has imported boto3 and made an S3 client.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from darkroom.domain.task import Image, Task

IMAGES = 15
MEGABYTES = (1, 5, 20)


def main() -> None:
    """Measure and print."""
    print(f"copying {IMAGES} images: ratio to a raw socket copy, and peak memory above a bare handler")
    source, sink = _Source(), _Sink()
    bare = _measure("bare", source, sink, 1)
    for size in MEGABYTES:
        raw, own = _measure("raw", source, sink, size), _measure("ingest", source, sink, size)
        rate = IMAGES * size / own["seconds"]
        extra = (own["peak"] - bare["peak"]) / 1024
        verdict = "met" if extra <= 32 else "MISSED"
        ratio = raw["seconds"] / own["seconds"]
        print(
            f"  {size:>2} MB   {rate:6.0f} MB/s   {ratio:4.2f} of the raw copy's throughput   "
            f"+{extra:.0f} MB   target 32 MB: {verdict}"
        )


def _measure(what: str, source: "_Source", sink: "_Sink", size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.ingest", what, source.url, sink.url, str(size)]
    environment = {
        **os.environ, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "x", "POWERTOOLS_METRICS_NAMESPACE": "x",
    }  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


class _Listener:
    """Answers connections on loopback in threads of this process."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection: socket.socket) -> None:
        with connection:
            try:
                self.serve(connection)
            except OSError:
                return

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError


class _Source(_Listener):
    """Serves a BMP image of N megabytes at /N."""

    def serve(self, connection: socket.socket) -> None:
        size = int(_head(connection)[0].split(b" ")[1].strip(b"/")) * 1024 * 1024
        connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % size)
        connection.sendall(_image(size))


class _Sink(_Listener):
    """Takes every PUT, and says that it is stored."""

    def serve(self, connection: socket.socket) -> None:
        buffer = bytearray(1024 * 1024)
        while True:
            head, rest = _head(connection)
            if not head:
                return
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            if b"100-continue" in fields.get(b"expect", b""):
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            left = int(fields.get(b"content-length", b"0")) - len(rest)
            while left > 0:
                left -= connection.recv_into(buffer, min(left, len(buffer))) or left
            connection.sendall(b'HTTP/1.1 200 OK\r\netag: "x"\r\ncontent-length: 0\r\n\r\n')


def _head(connection: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b"", b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _image(size: int) -> bytes:
    header = b"BM" + size.to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")
    return (header + (64).to_bytes(4, "little") * 2).ljust(size, b"\x5a")


def _run(what: str, source: str, sink: str, size: int) -> None:
    begun = time.perf_counter()
    if what == "raw":
        _raw(source, sink, size)
    elif what == "ingest":
        begun = _ingest(source, sink, size)
    else:
        import boto3

        boto3.client("s3", endpoint_url=sink)
    print(json.dumps({"seconds": time.perf_counter() - begun, "peak": _peak_kilobytes()}))


def _peak_kilobytes() -> int:
    """The most memory this program had: `ru_maxrss` would count what its parent had at the fork, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def _raw(source: str, sink: str, size: int) -> None:
    """Read from one socket and write to another, 256 KB at a time."""
    length = size * 1024 * 1024
    buffer = memoryview(bytearray(256 * 1024))
    for _ in range(IMAGES):
        with _connected(source) as incoming, _connected(sink) as outgoing:
            incoming.sendall(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % size)
            _, rest = _head(incoming)
            outgoing.sendall(b"PUT /x HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % length + rest)
            while count := incoming.recv_into(buffer):
                outgoing.sendall(buffer[:count])
            outgoing.recv(4096)


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port or 80))


def _ingest(source: str, sink: str, size: int) -> float:
    """The real service, with only its stores of tasks and messages left out."""
    import boto3

    from darkroom.domain.task import Image, ImageState
    from darkroom.outbound.client import HttpClient
    from darkroom.outbound.download import Downloader
    from darkroom.services.ingestion import Ingestor
    from darkroom.stores.objects import ObjectStore
    from darkroom.stores.queues import Copy

    class Tasks:
        def __init__(self) -> None:
            self.task = _task([Image(index, ImageState.PENDING, f"{source}/{size}") for index in range(IMAGES)])

        def get(self, _: str) -> "Task":
            return self.task

        def change(self, _: "Task", transition: Callable[["Task"], "Task"]) -> None:
            self.task = transition(self.task)

    parts: Any = {"queues": None, "adapters": None, "upstreams": None, "clock": lambda: 0}
    tasks: Any = Tasks()
    ingestor = Ingestor(
        tasks=tasks, objects=ObjectStore(boto3.client("s3", endpoint_url=sink), "bucket"),
        downloader=Downloader(HttpClient(allow_loopback=True)), max_bytes=40 * 1024 * 1024, **parts,
    )  # fmt: skip
    begun = time.perf_counter()
    for index in range(IMAGES):
        ingestor.copy(Copy("t", index))
    assert tasks.task.status.terminal, "not every image was stored"
    assert tasks.task.error is None, tasks.task.error
    return begun


def _task(images: "list[Image]") -> "Task":
    from dataclasses import replace
    from decimal import Decimal

    from darkroom.domain.request import ImageRequest
    from darkroom.domain.task import PlannedOffer, Task
    from darkroom.domain.update import Status

    plan = (PlannedOffer("evolink", "m", False, Decimal(1)),)
    task = Task("t", "o", ImageRequest("m", "p"), "f", plan, 0, 10**15, 10**12, "c")
    return replace(task, status=Status.PROCESSING, images=tuple(images))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _run(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
