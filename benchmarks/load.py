"""A load of requests from a process of its own: `load()` runs one, `python -m benchmarks.load` is that process."""

import json
import os
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Requests:
    """What is sent: so many requests, so many at once."""

    ports: tuple[int, ...]
    """Each of those at once talks to one of them."""
    path: str
    body: str
    headers: dict[str, str]
    count: int
    at_once: int
    bursts: bool = False
    """Whether the next ones wait until all of the last ones are answered."""

    def repeated(self, count: int) -> "Requests":
        """The same, so many times."""
        return replace(self, count=count)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the seconds of each answer, in order, and how many were refused or broken (400 and above)."""

    latencies: list[float]
    failed: int

    def percentile(self, share: float) -> float:
        """A latency, in milliseconds."""
        return 1000 * self.latencies[int(share * (len(self.latencies) - 1))]


def load(requests: Requests) -> Outcome:
    """Send requests from another process, so that what they cost is not counted as ours."""
    asked = json.dumps({name: getattr(requests, name) for name in Requests.__slots__})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"], input=asked, capture_output=True, text=True, check=True
    )
    return Outcome(**json.loads(done.stdout))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of those that it started and has waited for, or that still run."""
    ticks = 0
    for process in _family(pid):
        try:
            with open(f"/proc/{process}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    """Resident memory of a process and of those that it started."""
    total = 0
    for process in _family(pid):
        with open(f"/proc/{process}/statm") as statm:
            total += int(statm.read().split()[1])
    return total * os.sysconf("SC_PAGE_SIZE") / 1e6


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in os.listdir(f"/proc/{pid}/task") if os.path.exists(f"/proc/{pid}/task") else []:
        with open(f"/proc/{pid}/task/{task}/children") as children:
            for child in children.read().split():
                found += _family(int(child))
    return found


class _Connection:
    """One connection, with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._begun = 0.0

    def send(self, request: bytes) -> None:
        self._buffer, self._begun = b"", time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> tuple[float, int] | None:
        """Take what came; once that is a whole answer, the seconds that it took and its status."""
        piece = self.socket.recv(262_144)
        if not piece:
            raise ConnectionError("the connection was closed in the middle of an answer")
        self._buffer += piece
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        whole = len(body) >= int(fields.get(b"content-length", b"0"))
        if fields.get(b"transfer-encoding") == b"chunked":
            whole = body.endswith(b"0\r\n\r\n")
        return (time.perf_counter() - self._begun, int(head[9:12])) if whole else None


def _run(requests: Requests) -> Outcome:
    asked = _request(requests)
    idle = [_Connection(requests.ports[place % len(requests.ports)]) for place in range(requests.at_once)]
    poll = selectors.DefaultSelector()
    for connection in idle:
        poll.register(connection.socket, selectors.EVENT_READ, connection)
    sent, busy, latencies, failed = 0, 0, [], 0
    while sent < requests.count or busy:
        # In bursts the next ones go out once all of the last ones are answered.
        if not requests.bursts or not busy:
            ready, idle = idle[: requests.count - sent], idle[requests.count - sent :]
            for connection in ready:
                connection.send(asked)
                sent, busy = sent + 1, busy + 1
        for key, _ in poll.select():
            answered = key.data.receive()
            if answered:
                latencies.append(answered[0])
                failed += not 200 <= answered[1] < 400
                idle.append(key.data)
                busy -= 1
    return Outcome(sorted(latencies), failed)


def _request(requests: Requests) -> bytes:
    headers = {"host": "127.0.0.1", "content-length": str(len(requests.body.encode())), **requests.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    method = "POST" if requests.body else "GET"
    return f"{method} {requests.path} HTTP/1.1\r\n{lines}\r\n{requests.body}".encode()


if __name__ == "__main__":
    outcome = _run(Requests(**json.load(sys.stdin)))
    print(json.dumps({name: getattr(outcome, name) for name in Outcome.__slots__}))
