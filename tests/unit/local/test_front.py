"""The local front, before a stand-in for the emulator that records what it gets."""

import gzip
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from local.stack.deployment import API_ID
from local.stack.emulator import free_port
from local.stack.front import AT_ONCE, WAITING_AT_ONCE, Front
from local.stack.gateway_limits import MAX_ANSWER, MAX_HEADERS, MAX_REQUEST, event_size


@dataclass
class Upstream:
    """Answers what it is told to, and keeps what it was asked."""

    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    inside: int = 0
    most_inside: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture
def upstream() -> Iterator[tuple[Upstream, str]]:
    state = Upstream()
    state.gate.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            with state.lock:
                state.asked.append((self.command, self.path, dict(self.headers.items()), body))
                state.inside += 1
                state.most_inside = max(state.most_inside, state.inside)
                status, headers, content = state.answers.pop(0) if state.answers else (200, {}, b"{}")
            if "wait" in self.headers.get("prefer", "") or "slow" in self.path:
                state.gate.wait(10)
            with state.lock:
                state.inside -= 1
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state, f"http://127.0.0.1:{server.server_port}"
    state.gate.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def front(upstream: tuple[Upstream, str]) -> Iterator[httpx.Client]:
    port = free_port()
    served = Front(upstream[1], port)
    served.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=15) as client:
        yield client
    served.stop()


def test_a_request_arrives_as_it_was_sent(front: httpx.Client, upstream: tuple[Upstream, str]) -> None:
    body = bytes(range(256))
    front.post("/v1/tasks/a%2Fb?x=1&x=%20y", content=body, headers={"idempotency-key": "k", "accept-encoding": "br"})
    ((method, path, headers, received),) = upstream[0].asked
    assert (method, received) == ("POST", body)
    assert path == f"/_aws/execute-api/{API_ID}/v1/tasks/a%2Fb?x=1&x=%20y"
    lowered = {name.lower(): value for name, value in headers.items()}
    assert lowered["idempotency-key"] == "k"
    assert lowered["accept-encoding"] == "br"


def test_an_answer_comes_back_as_it_was_given(front: httpx.Client, upstream: tuple[Upstream, str]) -> None:
    packed = gzip.compress(b'{"task_id": "t"}')
    upstream[0].answers = [(202, {"location": "/v1/tasks/t", "retry-after": "3", "content-encoding": "gzip"}, packed)]
    answer = front.post("/v1/tasks", content=b"{}")
    assert answer.status_code == 202
    assert (answer.headers["location"], answer.headers["retry-after"]) == ("/v1/tasks/t", "3")
    assert answer.headers["content-length"] == str(len(packed))
    assert answer.json() == {"task_id": "t"}


def test_a_crashed_function_is_a_plain_500(front: httpx.Client, upstream: tuple[Upstream, str]) -> None:
    upstream[0].answers = [(502, {}, b'{"errorMessage": "the secret is 42", "errorType": "Runtime.HandlerError"}')]
    answer = front.get("/v1/tasks")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def largest_body(content_type: str, target: str = "/v1/tasks") -> int:
    """The most `x` that an event carries."""
    low, high = 0, MAX_REQUEST
    while low < high:
        middle = (low + high + 1) // 2
        fitting = event_size(target, [(b"content-type", content_type.encode())], b"x" * middle) <= 6 * 1024 * 1024
        low, high = (middle, high) if fitting else (low, middle - 1)
    return low


@pytest.mark.parametrize(
    ("content_type", "share"), [("application/json", 1.0), ("multipart/form-data; boundary=b", 0.75)]
)
def test_what_an_event_carries_is_let_through_and_a_kilobyte_more_refused(
    front: httpx.Client, upstream: tuple[Upstream, str], content_type: str, share: float
) -> None:
    """Lambda's 6 MB are met before the gateway's 10: what is no text is a third larger in the event."""
    most = largest_body(content_type)
    assert most == pytest.approx(6 * 1024 * 1024 * share, rel=0.001)
    headers = {"content-type": content_type}
    assert front.post("/v1/tasks", content=b"x" * (most - 1000), headers=headers).status_code == 200
    answer = front.post("/v1/tasks", content=b"x" * (most + 1000), headers=headers)
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})
    assert front.post("/v1/tasks", content=b"x" * (MAX_REQUEST + 1), headers=headers).status_code == 413
    assert len(upstream[0].asked) == 1


def test_quotes_count_twice(front: httpx.Client) -> None:
    """A body is a text in the event's JSON."""
    content = b'"' * (4 * 1024 * 1024)
    assert front.post("/v1/tasks", content=content, headers={"content-type": "application/json"}).status_code == 413


def test_headers_that_api_gateway_does_not_take_are_refused(front: httpx.Client) -> None:
    assert front.get("/v1/tasks", headers={"x-large": "x" * (MAX_HEADERS - 500)}).status_code == 200
    assert front.get("/v1/tasks", headers={"x-large": "x" * MAX_HEADERS}).status_code == 431
    assert front.get("/v1/tasks?" + "x" * MAX_HEADERS).status_code == 431


def test_an_answer_that_lambda_can_not_carry_is_an_error(front: httpx.Client, upstream: tuple[Upstream, str]) -> None:
    json_type = {"content-type": "application/json"}
    upstream[0].answers = [(200, json_type, b"x" * (MAX_ANSWER - 1000)), (200, json_type, b'"' * (MAX_ANSWER // 2 + 1))]
    assert front.get("/v1/tasks").status_code == 200
    assert front.get("/v1/tasks").status_code == 500


def test_an_answer_that_comes_too_late_is_none(
    front: httpx.Client, upstream: tuple[Upstream, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.stack.front.INTEGRATION_SECONDS", 0.2)
    upstream[0].gate.clear()
    answer = front.get("/slow")
    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})


def test_an_emulator_that_is_busy_is_asked_again(front: httpx.Client, upstream: tuple[Upstream, str]) -> None:
    upstream[0].answers = [(429, {}, b'{"message": "Rate Exceeded."}')] * 3
    assert front.get("/v1/tasks").status_code == 200
    assert len(upstream[0].asked) == 4


def test_our_own_429_is_an_answer(front: httpx.Client, upstream: tuple[Upstream, str]) -> None:
    upstream[0].answers = [(429, {"x-request-id": "r"}, b'{"error": {"code": "rate_limit"}}')]
    assert front.get("/v1/tasks").status_code == 429
    assert len(upstream[0].asked) == 1


def test_a_burst_waits_for_its_turn(front: httpx.Client, upstream: tuple[Upstream, str]) -> None:
    with ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(lambda _: front.get("/v1/tasks").status_code, range(120)))
    assert statuses == [200] * 120
    assert upstream[0].most_inside <= AT_ONCE


def test_those_who_wait_hold_nobody_up(front: httpx.Client, upstream: tuple[Upstream, str]) -> None:
    state = upstream[0]
    state.gate.clear()
    with ThreadPoolExecutor(WAITING_AT_ONCE * 3) as pool:
        waiting = [
            pool.submit(front.get, "/v1/tasks/t", headers={"prefer": "wait=25"}) for _ in range(WAITING_AT_ONCE * 3)
        ]
        ends_at = time.monotonic() + 10
        while state.inside < WAITING_AT_ONCE and time.monotonic() < ends_at:
            time.sleep(0.01)
        assert front.get("/v1/tasks").status_code == 200
        assert state.inside == WAITING_AT_ONCE
        state.gate.set()
        assert {each.result().status_code for each in waiting} == {200}
    assert state.most_inside <= WAITING_AT_ONCE + 1


def test_an_emulator_that_is_gone_is_a_503() -> None:
    port = free_port()
    served = Front(f"http://127.0.0.1:{free_port()}", port)
    served.start()
    try:
        assert httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 503
    finally:
        served.stop()


def test_a_packed_body_is_handed_on_unpacked(front: httpx.Client, upstream: tuple[Upstream, str]) -> None:
    """API Gateway developer guide, "Call an API method with a compressed payload"."""
    headers = {"content-type": "application/json"}
    for coding, packed in (
        ("gzip", gzip.compress(b'{"a": 1}')),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("UTF-8", b"{}"),
    ):
        answer = front.post("/v1/tasks", content=packed, headers={**headers, "content-encoding": coding})
        assert answer.status_code == 200
    assert [body for *_, body in upstream[0].asked] == [b'{"a": 1}', b'{"a": 1}', b"{}"]
    for coding, body, status in (("gzip", b"{}", 415), ("gzip", gzip.compress(b"x" * 20_000_000), 413)):
        answer = front.post("/v1/tasks", content=body, headers={**headers, "content-encoding": coding})
        assert answer.status_code == status
