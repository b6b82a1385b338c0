"""Our Lambda runtime against a stand-in for AWS's Runtime API."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from darkroom.dialects.transport import Streamed
from darkroom.runtime.streaming import RuntimeApi, run_one

URL_EVENT = {"requestContext": {"domainName": "abc.lambda-url.eu-west-1.on.aws"}}
GATEWAY_EVENT = {"requestContext": {"domainName": "abc.execute-api.eu-west-1.amazonaws.com"}}


class Posted:
    """What a function sent to the Runtime API: the place, the headers, the body, the trailer, and from which port."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes, trailer: str, port: int) -> None:
        self.port = port
        self.place = path.removeprefix("/2018-06-01/runtime")
        self.headers = headers
        self.body = body
        self.trailer = trailer

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def parts(self) -> tuple[Any, bytes]:
        """A streamed answer's head and its body."""
        prelude, _, body = self.body.partition(b"\0" * 8)
        return json.loads(prelude), body


class Lambda:
    """AWS's side: hands out events, takes answers. It hangs up in the middle of an answer if it is told to."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.posted: list[Posted] = []
        self.hangs_up = False
        this = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                content = json.dumps(this.events.pop(0)).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "r-1")
                self.send_header("Lambda-Runtime-Deadline-Ms", "1795246040000")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:x")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self) -> None:
                if this.hangs_up:
                    self.close_connection = True
                    return
                body, trailer = self._body()
                headers = {name.lower(): value for name, value in self.headers.items()}
                this.posted.append(Posted(self.path, headers, body, trailer, self.client_address[1]))
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

            def _body(self) -> tuple[bytes, str]:
                if self.headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(self.headers["content-length"])), ""
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                trailer = b""
                while (line := self.rfile.readline()).strip():
                    trailer += line
                return body, trailer.decode()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def aws() -> Iterator[Lambda]:
    made = Lambda()
    yield made
    made.close()


def test_a_gateways_answer_is_sent_whole(aws: Lambda) -> None:
    aws.events = [GATEWAY_EVENT]
    run_one(RuntimeApi(aws.address), lambda event, context: {"statusCode": 200, "id": context.aws_request_id})
    (posted,) = aws.posted
    assert posted.place == "/invocation/r-1/response"
    assert posted.json == {"statusCode": 200, "id": "r-1"}


def test_a_plain_answer_by_the_functions_url_is_a_stream_of_one_part(aws: Lambda) -> None:
    aws.events = [URL_EVENT]
    answer = {"statusCode": 401, "headers": {"content-type": "application/json"}, "body": '{"error": "é"}'}
    run_one(RuntimeApi(aws.address), lambda *_: answer)
    (posted,) = aws.posted
    assert posted.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert posted.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    head, body = posted.parts
    assert head == {"statusCode": 401, "headers": {"content-type": "application/json"}}
    assert body.decode() == '{"error": "é"}'


def test_a_streamed_answer_goes_out_part_by_part(aws: Lambda) -> None:
    aws.events = [URL_EVENT]
    streamed = Streamed("text/event-stream", {"x-darkroom-task-id": "t"}, iter([b"one\n", b"", b"two\n"]))
    run_one(RuntimeApi(aws.address), lambda *_: streamed)
    head, body = aws.posted[0].parts
    assert head == {"statusCode": 200, "headers": {"content-type": "text/event-stream", "x-darkroom-task-id": "t"}}
    assert body == b"one\ntwo\n"
    assert aws.posted[0].trailer == ""


def test_a_stream_that_breaks_says_so_in_its_trailer(aws: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"one\n"
        raise ValueError("a secret of the function")

    aws.events = [URL_EVENT, GATEWAY_EVENT]
    api = RuntimeApi(aws.address)
    run_one(api, lambda *_: Streamed("text/event-stream", {}, chunks()))
    announced = {name.strip().lower() for name in aws.posted[0].headers["trailer"].split(",")}
    trailers = dict(line.split(": ", 1) for line in aws.posted[0].trailer.splitlines())
    assert {name.lower() for name in trailers} == announced
    assert trailers["Lambda-Runtime-Function-Error-Type"] == "ValueError"
    told = json.loads(base64.b64decode(trailers["Lambda-Runtime-Function-Error-Body"]))
    assert told == {"errorType": "ValueError", "errorMessage": "ValueError", "stackTrace": []}
    assert b"secret" not in aws.posted[0].body
    assert "ValueError" in capsys.readouterr().err
    run_one(api, lambda *_: "the next one")
    assert aws.posted[1].json == "the next one"


def test_a_connection_that_carried_a_stream_is_not_used_again(aws: Lambda) -> None:
    """Lambda Developer Guide, "Response streaming with custom runtimes": the runtime must close it."""
    aws.events = [GATEWAY_EVENT, URL_EVENT, GATEWAY_EVENT, GATEWAY_EVENT]
    api = RuntimeApi(aws.address)
    for answer in ("whole", Streamed("text/event-stream", {}, iter([b"x"])), "whole", "whole"):
        run_one(api, lambda *_, answer=answer: answer)
    ports = [posted.port for posted in aws.posted]
    assert ports[0] == ports[1] != ports[2] == ports[3]


def test_an_answer_that_is_no_text_is_sent_as_far_as_it_is_one(aws: Lambda) -> None:
    aws.events = [URL_EVENT]
    run_one(RuntimeApi(aws.address), lambda *_: {"statusCode": 400, "headers": {}, "body": "no field \ud800"})
    assert aws.posted[0].parts[1] == b"no field ?"


def test_a_handler_that_breaks_is_reported_without_its_message(aws: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("a secret of the function")

    aws.events = [GATEWAY_EVENT]
    run_one(RuntimeApi(aws.address), broken)
    (posted,) = aws.posted
    assert posted.place == "/invocation/r-1/error"
    assert posted.json["errorType"] == "KeyError"
    assert b"secret" not in posted.body
    assert "a secret of the function" in capsys.readouterr().err


@pytest.mark.parametrize("event", [URL_EVENT, GATEWAY_EVENT])
@pytest.mark.parametrize("answer", [{"statusCode": 200, "headers": {"x": object()}}, {"body": 1}, {1, 2}])
def test_an_answer_that_cannot_be_written_fails_alone(aws: Lambda, event: Any, answer: Any) -> None:
    aws.events = [event, GATEWAY_EVENT]
    api = RuntimeApi(aws.address)
    run_one(api, lambda *_: answer)
    run_one(api, lambda *_: "still here")
    assert aws.posted[-1].json == "still here"
    if event is URL_EVENT or answer == {1, 2}:
        assert aws.posted[0].place == "/invocation/r-1/error"


def test_a_client_that_goes_away_does_not_end_the_function(aws: Lambda) -> None:
    aws.events = [URL_EVENT, GATEWAY_EVENT]
    api = RuntimeApi(aws.address)
    aws.hangs_up = True
    run_one(api, lambda *_: Streamed("text/event-stream", {}, iter([b"x" * 65536] * 64)))
    aws.hangs_up = False
    run_one(api, lambda *_: "still here")
    assert aws.posted[0].json == "still here"


def test_a_handler_knows_how_long_it_has(aws: Lambda) -> None:
    told: list[Any] = []
    aws.events = [GATEWAY_EVENT]
    run_one(RuntimeApi(aws.address), lambda _, context: told.append(context))
    assert told[0].invoked_function_arn == "arn:aws:lambda:x"
    # The stand-in's deadline may lie on either side of today; what is left is never negative.
    assert told[0].get_remaining_time_in_millis() >= 0
