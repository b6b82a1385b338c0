"""The streaming function's own URL: the emulator's runtimes can't stream, so its handler runs here in our runtime.

One server has both sides: callers speak to it as to a function URL, and the runtime's processes fetch events from it
and send their answers to it, as they do with Lambda's Runtime API.
"""

import asyncio
import base64
import contextlib
import io
import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.packages import function_package, layer_package
from local.processes import Process
from local.stack.emulator import REGION, Emulator
from local.stack.gateway_limits import MAX_EVENT, event_size
from local.stack.runtimes import Runtimes
from local.template.reading import read_template, resources

_API = "/2018-06-01/runtime"
_PRELUDE_END = b"\0" * 8
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


@dataclass
class _Invocation:
    """One event on its way: its answer's head, then its chunks, then None."""

    event: dict[str, Any]
    head: "asyncio.Future[dict[str, Any]]"
    chunks: "asyncio.Queue[bytes | None]" = field(default_factory=asyncio.Queue)
    ends_at: float = 0
    """When the function's time is up, by the monotonic clock."""

    def breaks(self) -> None:
        """Answer as Lambda does where a function fails, if nothing was answered yet, and end what was begun."""
        if not self.head.done():
            self.head.set_result(_BROKEN)
        self.chunks.put_nowait(None)


class StreamingUrl:
    """Serves one function of the stack by a URL of its own, streaming."""

    def __init__(self, emulator: Emulator, function: str) -> None:
        self._emulator = emulator
        self._function = function
        self._runtimes = Runtimes(self._new_process)
        self._invocations: dict[str, _Invocation] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="darkroom-streaming-"))
        self._sock = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._address = f"127.0.0.1:{self._sock.getsockname()[1]}"
        self.url = f"http://{self._address}"

    def start(self) -> None:
        """Serve. The processes start when they are first needed."""
        routes = [
            Route(f"{_API}/invocation/next", self._next, methods=["GET"]),
            Route(f"{_API}/invocation/{{request_id}}/response", self._response, methods=["POST"]),
            Route(f"{_API}/invocation/{{request_id}}/error", self._error, methods=["POST"]),
            Route(f"{_API}/init/error", self._init_error, methods=["POST"]),
            Route("/{path:path}", self._call, methods=_METHODS),
        ]
        app = Starlette(routes=routes, lifespan=self._lifespan)
        # A runtime's connection is idle for as long as a call takes.
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, timeout_keep_alive=3600
        )
        self._server = uvicorn.Server(config)
        sockets = [self._sock, *self._runtimes.sockets]
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": sockets}, daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)

    @property
    def pids(self) -> list[int]:
        """The processes that run the function."""
        return self._runtimes.pids

    def stop(self) -> None:
        """End the processes and serve no more."""
        self._runtimes.stop()
        self._server.should_exit = True
        self._thread.join(timeout=5)
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        self._waiting: asyncio.Queue[_Invocation] = asyncio.Queue()
        watching = asyncio.create_task(self._runtimes.watch(self._waiting.qsize))
        yield
        watching.cancel()

    # The side of the callers

    async def _call(self, request: Request) -> Response:
        body = await request.body()
        # A function URL hands every body on as base64 here.
        if event_size(str(request.url), [(b"content-type", b"application/octet-stream")], body) > MAX_EVENT:
            return JSONResponse({"message": "Request Entity Too Large"}, 413)
        event = _event(request, body)
        invocation = _Invocation(event, asyncio.get_running_loop().create_future())
        self._invocations[event["requestContext"]["requestId"]] = invocation
        await self._waiting.put(invocation)
        await self._runtimes.start_if_needed(self._waiting.qsize())
        invocation.ends_at = time.monotonic() + self._seconds
        try:
            head = await asyncio.wait_for(asyncio.shield(invocation.head), self._seconds)
        except TimeoutError:
            invocation.breaks()
            head = _BROKEN
        return StreamingResponse(_drain(invocation), head["statusCode"], head["headers"])

    def _new_process(self, number: int, address: str) -> Process:
        layer, code = self._folder / "layer", self._folder / "code"
        if not code.exists():
            zipfile.ZipFile(io.BytesIO(layer_package())).extractall(layer)
            name = resources(read_template(), "AWS::Serverless::Function")[self._function]["Properties"]["CodeUri"]
            zipfile.ZipFile(io.BytesIO(function_package(Path(name).name))).extractall(code)
        command = ["/bin/sh", str(layer / "streaming-runtime"), sys.executable]
        environment = self._environment(layer, code) | {"AWS_LAMBDA_RUNTIME_API": address}
        return Process(f"streaming-{number}", command, environment=environment, directory=code)

    def _environment(self, layer: Path, code: Path) -> dict[str, str]:
        """The function's own variables, with the credentials of its own role."""
        stack = self._emulator.client("cloudformation").describe_stack_resource(
            StackName="darkroom", LogicalResourceId=self._function
        )
        name = stack["StackResourceDetail"]["PhysicalResourceId"]
        found = self._emulator.client("lambda").get_function_configuration(FunctionName=name)
        self._seconds = found["Timeout"]
        role = self._emulator.client("sts").assume_role(RoleArn=found["Role"], RoleSessionName=name[:60])
        return {
            **found["Environment"]["Variables"],
            "AWS_ACCESS_KEY_ID": role["Credentials"]["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": role["Credentials"]["SecretAccessKey"],
            "AWS_SESSION_TOKEN": role["Credentials"]["SessionToken"],
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self._emulator.url,
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(found["MemorySize"]),
            "POWERTOOLS_TRACE_DISABLED": "true",
            "LAMBDA_TASK_ROOT": str(code),
            "PYTHONPATH": str(layer / "python"),
            "_HANDLER": found["Handler"],
            "PATH": os.defpath,
        }

    # The side of the runtime

    async def _next(self, request: Request) -> Response:
        invocation = await self._runtimes.take(request.scope["server"][1], self._waiting)
        if invocation is None:
            return JSONResponse({}, 503)  # its process has died, or all of this ends
        headers = {
            "lambda-runtime-aws-request-id": invocation.event["requestContext"]["requestId"],
            "lambda-runtime-deadline-ms": str(int((time.time() + self._seconds) * 1000)),
            "lambda-runtime-invoked-function-arn": f"arn:aws:lambda:{REGION}:000000000000:function:{self._function}",
        }
        return JSONResponse(invocation.event, headers=headers)

    async def _response(self, request: Request) -> Response:
        invocation = self._invocations.pop(request.path_params["request_id"])
        begun = b""
        try:
            async for chunk in request.stream():
                if invocation.head.done():
                    await invocation.chunks.put(chunk)
                    continue
                begun += chunk
                prelude, end, rest = begun.partition(_PRELUDE_END)
                if end:
                    invocation.head.set_result(json.loads(prelude))
                    await invocation.chunks.put(rest)
        except ClientDisconnect:
            pass  # the process died in the middle of its answer
        invocation.breaks()
        return JSONResponse({}, 202)

    async def _error(self, request: Request) -> Response:
        if invocation := self._invocations.pop(request.path_params["request_id"], None):
            invocation.breaks()
        return JSONResponse({}, 202)

    async def _init_error(self, request: Request) -> Response:
        del request
        for invocation in self._invocations.values():
            invocation.breaks()
        return JSONResponse({}, 202)


_BROKEN = {"statusCode": 502, "headers": {"content-type": "application/json"}}


async def _drain(invocation: _Invocation) -> AsyncIterator[bytes]:
    """The chunks, until the last one, or until the function's time is up."""
    with contextlib.suppress(TimeoutError):
        while (
            chunk := await asyncio.wait_for(invocation.chunks.get(), invocation.ends_at - time.monotonic())
        ) is not None:
            if chunk:
                yield chunk


def _event(request: Request, body: bytes) -> dict[str, Any]:
    """The event of a function URL (AWS: Invoking Lambda function URLs, request payload format)."""
    path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.url.query,
        "headers": dict(request.headers),
        "requestContext": {
            "accountId": "anonymous",
            "domainName": f"local.lambda-url.{REGION}.on.aws",
            "http": {"method": request.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": bool(body),
    }
    if request.query_params:
        event["queryStringParameters"] = dict(request.query_params)
    if body:
        event["body"] = base64.b64encode(body).decode()
    return event
