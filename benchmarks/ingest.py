"""Copying images: throughput against a raw socket copy of the same bytes, and peak memory against a bare handler.

15 images of each size go from a server on loopback into the local S3 (the emulator of the local stack). The raw copy
reads the same bytes from the same server and writes them to the same S3 by presigned links, 256 KB at a time, and looks
at none of them. Each measurement runs in a process of its own, so that its peak memory is its own; the bare handler has
imported boto3 and made an S3 client. What several images at once take is measured as on AWS: each in an environment of
its own, from a source that gives each the bandwidth of one.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.figures import Figure, at_least, at_most
from local.stack.emulator import ROOT_KEY, Emulator

if TYPE_CHECKING:
    from darkroom.tasks.task import Image, Task

IMAGES = 15
MEGABYTES = (1, 5, 20)
ROUNDS = 3
BUCKET = "bucket"
RATIO, MEMORY, AT_ONCE = 0.7, 24, 3.0
"""The targets: of the raw copy's throughput, megabytes above a bare handler, times one image's seconds."""
BANDWIDTH = 40
"""MB/s that one environment gets (AWS publishes none; about that is seen below 1.8 GB of memory)."""


def main() -> list[Figure]:
    """Measure and print."""
    print(
        f"copying {IMAGES} images into the local S3: ratio to a raw socket copy, and peak memory above a bare handler"
    )
    figures: list[Figure] = []
    source, emulator = _Source(), Emulator()
    try:
        emulator.client("s3").create_bucket(Bucket=BUCKET)
        bare = _measure("bare", source, emulator, 1)
        for size in MEGABYTES:
            raw, own = (_best(what, source, emulator, size) for what in ("raw", "ingest"))
            extra = (own["peak"] - bare["peak"]) / 1024
            speed = at_least(
                f"copying {IMAGES} x {size} MB, of a raw socket copy's throughput",
                raw["seconds"] / own["seconds"],
                RATIO,
            )
            memory = at_most(f"copying {IMAGES} x {size} MB, memory above a bare handler", extra, MEMORY, " MB")
            print(f"  {size:>2} MB   {IMAGES * size / own['seconds']:5.0f} MB/s   {speed.value} of the raw copy's: "
                  f"{speed.verdict}   +{memory.value}: {memory.verdict}")  # fmt: skip
            figures += [speed, memory] if size == MEGABYTES[-1] else []
        figures.append(_at_once(emulator))
    finally:
        emulator.stop()
    return figures


def _at_once(emulator: Emulator) -> Figure:
    source = _Source(bandwidth=BANDWIDTH * 1_000_000)
    size = MEGABYTES[-1]
    one = _measure("ingest", source, emulator, size, images=1)["seconds"]
    with ThreadPoolExecutor(IMAGES) as environments:
        each = environments.map(lambda _: _measure("ingest", source, emulator, size, images=1), range(IMAGES))
        slowest = max(found["seconds"] for found in each)
    figure = at_most(f"copying {IMAGES} images at once, of the seconds of one", slowest / one, AT_ONCE)
    print(f"  {size} MB at {BANDWIDTH} MB/s: one takes {one:.2f} s, the slowest of {IMAGES} at once {figure.value} "
          f"times that: {figure.verdict}")  # fmt: skip
    return figure


def _best(what: str, source: "_Source", emulator: Emulator, size: int) -> dict[str, float]:
    found = [_measure(what, source, emulator, size) for _ in range(ROUNDS)]
    return {"seconds": min(run["seconds"] for run in found), "peak": max(run["peak"] for run in found)}


_measured = iter(range(10**6))


def _measure(what: str, source: "_Source", emulator: Emulator, size: int, images: int = 0) -> dict[str, float]:
    images, task = images or IMAGES, f"task{next(_measured)}"
    s3 = emulator.client("s3")
    asked = {
        "what": what,
        "source": source.url,
        "sink": emulator.url,
        "size": size,
        "images": images,
        "task": task,
        "puts": [
            s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": f"tasks/o/{task}/{index}.raw"})
            for index in range(images)
        ],
    }
    environment = {
        **os.environ, "AWS_ACCESS_KEY_ID": ROOT_KEY, "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": emulator.url,
        "POWERTOOLS_SERVICE_NAME": "x", "POWERTOOLS_METRICS_NAMESPACE": "x",
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.ingest", json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    stored = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"tasks/o/{task}/").get("Contents", [])
    assert what == "bare" or sum(found["Size"] for found in stored) == images * size * 1024 * 1024
    for found in stored:
        s3.delete_object(Bucket=BUCKET, Key=found["Key"])
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


class _Source:
    """Serves a PNG image of N megabytes at /N, to each connection at most so many bytes a second."""

    def __init__(self, bandwidth: float = float("inf")) -> None:
        self._bandwidth = bandwidth
        self._images = {size: _image(size * 1024 * 1024) for size in MEGABYTES}
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # whoever asked is gone
            self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        image = memoryview(self._images[int(_head(connection)[0].split(b" ")[1].strip(b"/"))])
        connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(image))
        begun = time.monotonic()
        for start in range(0, len(image), 1024 * 1024):
            part = image[start : start + 1024 * 1024]
            connection.sendall(part)
            ahead = (start + len(part)) / self._bandwidth - (time.monotonic() - begun)
            if ahead > 0:
                time.sleep(ahead)


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
    """A PNG of so many bytes, all of whose rows have to be unpacked to see that they are there."""
    import io

    from PIL import Image

    side = int((0.98 * size / 3) ** 0.5)
    drawn = Image.frombytes("RGB", (side, side), os.urandom(3 * side * side))
    file = io.BytesIO()
    drawn.save(file, "PNG", compress_level=1)
    return file.getvalue().ljust(size, b"\0")


def _run(asked: dict[str, Any]) -> None:
    begun = time.perf_counter()
    if asked["what"] == "raw":
        _raw(asked)
    elif asked["what"] == "ingest":
        begun = _ingest(asked)
    else:
        import boto3

        boto3.client("s3", endpoint_url=asked["sink"])
    print(json.dumps({"seconds": time.perf_counter() - begun, "peak": _peak_kilobytes()}))


def _peak_kilobytes() -> int:
    """The most memory this program had: `ru_maxrss` would count what its parent had at the fork, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def _raw(asked: dict[str, Any]) -> None:
    """Read from one socket and write to another, 256 KB at a time."""
    length = asked["size"] * 1024 * 1024
    buffer = memoryview(bytearray(256 * 1024))
    for put in asked["puts"]:
        target = urlsplit(put)
        with _connected(asked["source"]) as incoming, _connected(put) as outgoing:
            incoming.sendall(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % asked["size"])
            _, rest = _head(incoming)
            head = f"PUT {target.path}?{target.query} HTTP/1.1\r\nhost: {target.netloc}\r\n"
            outgoing.sendall(f"{head}content-length: {length}\r\n\r\n".encode() + rest)
            while count := incoming.recv_into(buffer):
                outgoing.sendall(buffer[:count])
            answer = outgoing.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200"), answer


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port or 80))


def _ingest(asked: dict[str, Any]) -> float:
    """The real service, with only its stores of tasks and messages left out. Returns when it began, warm."""
    from darkroom.aws import clients
    from darkroom.http.client import HttpClient
    from darkroom.images.copying import ImageCopier
    from darkroom.images.download import Downloader
    from darkroom.images.object_store import ObjectStore
    from darkroom.tasks.messages import Copy
    from darkroom.tasks.task import Image, ImageState

    links = [f"{asked['source']}/{asked['size']}" for _ in range(asked["images"])]

    class Tasks:
        def __init__(self) -> None:
            self.task = _task(
                asked["task"], [Image(index, ImageState.PENDING, link) for index, link in enumerate(links)]
            )

        def get(self, _: str) -> "Task":
            return self.task

        def change(self, _: "Task", transition: Callable[["Task"], "Task"], *, cause: str) -> None:
            del cause
            self.task = transition(self.task)

    parts: Any = {"queues": None, "adapters": None, "upstreams": None, "clock": lambda: 0}
    tasks: Any = Tasks()
    objects, http = ObjectStore(clients.s3(), BUCKET), HttpClient(allow_loopback=True)
    objects.find_image(tasks.task, 0)
    image_copier = ImageCopier(
        tasks=tasks, objects=objects, downloader=Downloader(http), max_bytes=40 * 1024 * 1024, **parts,
    )  # fmt: skip
    begun = time.perf_counter()
    for index in range(asked["images"]):
        image_copier.copy(Copy(asked["task"], index))
    assert tasks.task.status.terminal, "not every image was stored"
    assert tasks.task.error is None, tasks.task.error
    return begun


def _task(task_id: str, images: "list[Image]") -> "Task":
    from dataclasses import replace
    from decimal import Decimal

    from darkroom.tasks.request import ImageRequest
    from darkroom.tasks.task import PlannedOffer, Task
    from darkroom.tasks.update import Status

    plan = (PlannedOffer("evolink", "m", False, Decimal(1)),)
    task = Task(task_id, "o", ImageRequest("m", "p"), "f", plan, 0, 10**15, 10**12, "c")
    return replace(task, status=Status.PROCESSING, images=tuple(images))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _run(json.loads(sys.argv[1]))
    else:
        main()
