"""A Lambda runtime that can stream: it asks for events, calls the handler, and sends what comes of it as it comes.

AWS's own runtime for Python sends a whole answer at once. The protocol is AWS's Runtime API (Lambda developer guide,
"Using the Lambda runtime API" and "Response streaming with custom runtimes").
"""

import base64
import contextlib
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

_VERSION = "/2018-06-01/runtime"
_PRELUDE_END = b"\0" * 8
_STREAMING = {
    "content-type": "application/vnd.awslambda.http-integration-response",
    "lambda-runtime-function-response-mode": "streaming",
    "transfer-encoding": "chunked",
}

_ERROR_TYPE, _ERROR_BODY = "Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"

Handler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may know of its invocation, as AWS's own runtime tells it."""

    aws_request_id: str
    invoked_function_arn: str
    deadline_ms: int
    function_name: str
    memory_limit_in_mb: str
    function_version: str
    log_group_name: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is ended."""
        return max(0, self.deadline_ms - int(time.time() * 1000))


class RuntimeApi:
    """The Runtime API at one address. One connection, kept open between invocations."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection = HTTPConnection(address)

    def next(self) -> tuple[dict[str, Any], Mapping[str, str]]:
        """The next event, and the headers that it came with. Waits for it as long as it takes."""
        self._connection.request("GET", f"{_VERSION}/invocation/next")
        response = self._connection.getresponse()
        event: dict[str, Any] = json.loads(response.read())
        return event, {name.lower(): value for name, value in response.getheaders()}

    def respond(self, request_id: str, answer: Any) -> None:
        """Send a whole answer."""
        self._post(f"/invocation/{request_id}/response", json.dumps(answer).encode())

    def stream(self, request_id: str, status: int, headers: Mapping[str, str], chunks: Iterator[bytes]) -> None:
        """Send an answer of HTTP chunk by chunk. An error on the way ends it in trailers: its head is out already.

        The connection is not used again: a runtime "must … close the underlying connection after it has successfully
        written the response" (Lambda Developer Guide, "Response streaming with custom runtimes").
        """
        prelude = json.dumps({"statusCode": status, "headers": dict(headers)}).encode()
        self._connection.putrequest("POST", f"{_VERSION}/invocation/{request_id}/response")
        for name, value in {**_STREAMING, "trailer": f"{_ERROR_TYPE}, {_ERROR_BODY}"}.items():
            self._connection.putheader(name, value)
        self._connection.endheaders()
        self._chunk(prelude + _PRELUDE_END)
        trailer = b""
        try:
            for chunk in chunks:
                self._chunk(chunk)
        except Exception as error:
            traceback.print_exc()
            body = base64.b64encode(json.dumps(_report(error)).encode()).decode()
            trailer = f"{_ERROR_TYPE}: {type(error).__name__}\r\n{_ERROR_BODY}: {body}\r\n".encode()
        self._connection.send(b"0\r\n" + trailer + b"\r\n")
        self._finish(self._connection.getresponse())
        self.reconnect()

    def fail(self, request_id: str | None, error: BaseException) -> None:
        """Report an invocation that broke, or with None a function that could not even start."""
        place = f"/invocation/{request_id}/error" if request_id else "/init/error"
        self._post(place, json.dumps(_report(error)).encode(), {_ERROR_TYPE: type(error).__name__})

    def _chunk(self, content: bytes) -> None:
        if content:
            self._connection.send(f"{len(content):x}\r\n".encode() + content + b"\r\n")

    def _post(self, place: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        named = {"content-type": "application/json", **(headers or {})}
        self._connection.request("POST", _VERSION + place, body, named)
        self._finish(self._connection.getresponse())

    def _finish(self, response: HTTPResponse) -> None:
        response.read()
        if response.status >= 400:
            print(f"the runtime API answered {response.status}", file=sys.stderr)

    def reconnect(self) -> None:
        """Start over on a connection that a client's departure left half-way."""
        self._connection.close()
        self._connection = HTTPConnection(self._address)


def run_one(api: RuntimeApi, handler: Handler) -> None:
    """Take one event and answer it."""
    event, headers = api.next()
    request_id = headers["lambda-runtime-aws-request-id"]
    os.environ["_X_AMZN_TRACE_ID"] = headers.get("lambda-runtime-trace-id", "")
    context = _context(headers)
    try:
        answer = handler(event, context)
    except Exception as error:
        traceback.print_exc()
        api.fail(request_id, error)
        return
    try:
        _send(api, event, request_id, answer)
    except Exception as error:
        # The client went away in the middle of its answer, or the answer can't be written: this call alone is over.
        traceback.print_exc()
        api.reconnect()
        with contextlib.suppress(OSError, HTTPException):
            api.fail(request_id, error)
        api.reconnect()


def _report(error: BaseException) -> dict[str, Any]:
    """What is told of an error: its message stays in the log, since whoever called may see what is reported."""
    return {"errorType": type(error).__name__, "errorMessage": type(error).__name__, "stackTrace": []}


def _send(api: RuntimeApi, event: Mapping[str, Any], request_id: str, answer: Any) -> None:
    """By the function's own URL everything is streamed; API Gateway takes whole answers only."""
    if ".lambda-url." not in event.get("requestContext", {}).get("domainName", ""):
        api.respond(request_id, answer)
    elif isinstance(answer, dict):
        body = answer.get("body", "").encode("utf-8", "replace")
        api.stream(request_id, answer["statusCode"], answer.get("headers", {}), iter((body,)))
    else:
        headers = {"content-type": answer.content_type, **answer.headers}
        api.stream(request_id, 200, headers, answer.chunks)


def _context(headers: Mapping[str, str]) -> Context:
    return Context(
        aws_request_id=headers["lambda-runtime-aws-request-id"],
        invoked_function_arn=headers.get("lambda-runtime-invoked-function-arn", ""),
        deadline_ms=int(headers.get("lambda-runtime-deadline-ms", 0)),
        function_name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        memory_limit_in_mb=os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
        function_version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        log_group_name=os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
        log_stream_name=os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
    )


def main() -> None:
    """Serve the handler that the function names (`app.handler`), for as long as the process lives."""
    os.environ["DARKROOM_STREAMING"] = "true"
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        module, _, name = os.environ["_HANDLER"].rpartition(".")
        handler: Handler = getattr(importlib.import_module(module), name)
    except BaseException as error:
        traceback.print_exc()
        api.fail(None, error)
        raise
    while True:
        run_one(api, handler)


if __name__ == "__main__":
    main()
