"""The one HTTP client: where it goes, how long it waits, and what it says went wrong."""

import itertools
import socket
import threading
import time
from collections.abc import Sequence

import pytest

from darkroom.http.client import HttpClient
from darkroom.http.errors import AddressRefused, ConnectFailed, OutcomeUncertain, ResponseTooLarge
from darkroom.http.timeout import Timeout
from tests.unit.http.servers import Handler, closed_port, serving

QUICK = Timeout(connect=1, read=0.3, total=0.8)


def local() -> HttpClient:
    return HttpClient(allow_loopback=True)


def test_an_answer_comes_back_whole() -> None:
    with serving(x=lambda handler: handler.reply(201, b'{"a": 1}', X_Thing="yes")) as server:
        answer = local().request("POST", f"{server.url}/x", content=b"hello", headers={"x-own": "1"})
        assert (answer.status, answer.body, answer.headers["x-thing"]) == (201, b'{"a": 1}', "yes")
        method, path, headers, body = server.seen[0]
        assert (method, path, body, headers["x-own"]) == ("POST", "/x", b"hello", "1")
        assert headers["host"] == f"127.0.0.1:{server.port}"


def test_loopback_is_reached_in_local_mode_only() -> None:
    with serving(x=lambda handler: handler.reply(200)) as server:
        with pytest.raises(AddressRefused):
            HttpClient().request("GET", f"{server.url}/x")
        assert server.seen == []


def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with serving(x=lambda handler: handler.reply(200)) as server:
        client = HttpClient(allow_loopback=True, resolver=rebinding)
        assert client.request("GET", f"http://rebind.example:{server.port}/x").status == 200
        assert server.seen[0][2]["host"] == f"rebind.example:{server.port}"
        with pytest.raises(AddressRefused):
            client.request("GET", f"http://rebind.example:{server.port}/x")
        assert len(server.seen) == 1


def test_the_next_address_is_tried_where_one_does_not_connect() -> None:
    with serving(x=lambda handler: handler.reply(200)) as server:
        client = HttpClient(allow_loopback=True, resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"])
        assert client.request("POST", f"http://two.example:{server.port}/x", content=b"once").status == 200
        assert [body for *_, body in server.seen] == [b"once"]


def test_a_refused_connection_was_certainly_not_sent() -> None:
    with pytest.raises(ConnectFailed):
        local().request("POST", f"http://127.0.0.1:{closed_port()}/x", content=b"x")


def test_a_name_without_an_address_was_certainly_not_sent() -> None:
    def nowhere(host: str, port: int) -> Sequence[str]:
        raise ConnectFailed("no such name")

    with pytest.raises(ConnectFailed):
        HttpClient(resolver=nowhere).request("POST", "https://nowhere.example/x")


def test_no_answer_in_time_leaves_the_outcome_open() -> None:
    released = threading.Event()
    with serving(x=lambda handler: handler.reply(200 if released.wait(5) else 500)) as server:
        with pytest.raises(OutcomeUncertain):
            local().request("POST", f"{server.url}/x", content=b"x", timeout=QUICK)
        released.set()


def test_a_connection_that_breaks_off_leaves_the_outcome_open() -> None:
    def break_off(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    with serving(x=break_off) as server, pytest.raises(OutcomeUncertain):
        local().request("POST", f"{server.url}/x", content=b"x")


def test_a_slow_drip_does_not_outlast_the_total_time() -> None:
    stopped = threading.Event()

    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        while not stopped.wait(0.1):
            try:
                handler.wfile.write(b"." * 4)
                handler.wfile.flush()
            except OSError:
                return

    with serving(x=drip) as server:
        begun = time.monotonic()
        with pytest.raises(OutcomeUncertain):
            local().request("GET", f"{server.url}/x", timeout=QUICK)
        stopped.set()
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize("opening", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_a_header_that_drips_does_not_outlast_the_total_time(opening: bytes) -> None:
    """Every byte is in time, and all of them never end."""
    given_up = threading.Event()

    def drip(handler: Handler) -> None:
        try:
            for byte in itertools.chain(opening, itertools.cycle(b"x")):
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                if given_up.wait(0.05):
                    return
        except OSError:
            given_up.set()

    with serving(x=drip) as server:
        with pytest.raises(OutcomeUncertain):
            local().request("GET", f"{server.url}/x", timeout=QUICK)
        assert given_up.wait(10), "the connection was not closed"


def test_a_name_that_is_never_resolved_ends_in_time_and_nothing_was_sent() -> None:
    never = threading.Event()

    def resolver(host: str, port: int) -> Sequence[str]:
        never.wait(30)
        return []

    client = HttpClient(resolver=resolver)
    with pytest.raises(ConnectFailed):
        client.request("GET", "https://slow.example/", timeout=QUICK)
    assert not never.is_set()
    never.set()


def test_too_large_an_answer_is_not_read_to_its_end() -> None:
    with serving(x=lambda handler: handler.reply(200, b"x" * 100_000)) as server, pytest.raises(ResponseTooLarge):
        local().request("GET", f"{server.url}/x", max_bytes=1000)


def test_a_compressed_answer_is_not_unpacked() -> None:
    packed = b"\x1f\x8b" + b"\0" * 50
    with serving(x=lambda handler: handler.reply(200, packed, Content_Encoding="gzip")) as server:
        with pytest.raises(OutcomeUncertain):
            local().request("GET", f"{server.url}/x")
        assert server.seen[0][2]["accept-encoding"] == "identity"


def test_a_redirect_is_not_followed() -> None:
    with serving(x=lambda handler: handler.reply(302, Location="/y"), y=lambda handler: handler.reply(200)) as server:
        assert local().request("GET", f"{server.url}/x").status == 302
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "/\\evil.example", "/@evil.example/", "/../../x", "/x?y#z", "/:80@evil.example/"]
)
def test_a_key_goes_to_its_provider_and_nowhere_else(path: str) -> None:
    hosts: list[str] = []

    def resolver(host: str, port: int) -> Sequence[str]:
        hosts.append(host)
        raise ConnectFailed("far enough")

    client = HttpClient(resolver=resolver).bind("https://provider.example/base")
    with pytest.raises(ConnectFailed):
        client.request("GET", path, headers={"authorization": "Bearer secret"})
    assert hosts == ["provider.example"]


@pytest.mark.parametrize("path", ["https://evil.example/", "evil", ".evil.example/x", ""])
def test_a_path_that_is_no_path_is_not_sent(path: str) -> None:
    with pytest.raises(AddressRefused):
        HttpClient().bind("https://provider.example").request("GET", path)


def test_a_query_and_a_body_arrive_as_they_were_given() -> None:
    with serving(x=lambda handler: handler.reply(200, b"{}")) as server:
        local().bind(server.url).request("POST", "/x", query={"a b": "c&d"}, json={"prompt": "狐狸 \ud800"})
        _, path, headers, body = server.seen[0]
        assert path == "/x?a+b=c%26d"
        assert headers["content-type"] == "application/json"
        assert body.decode() == '{"prompt": "狐狸 ?"}'
