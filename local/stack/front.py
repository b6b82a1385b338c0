"""The local front: the API at `http://127.0.0.1:PORT`, as API Gateway would serve it, before the emulator.

It lets a burst wait for its turn where the emulator would turn it away, keeps API Gateway's own limits, and answers a
crashed function as API Gateway does.
"""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.stack.deployment import API_ID
from local.stack.gateway_limits import INTEGRATION_SECONDS, MAX_ANSWER, Refused, body_size, refusal
from local.stack.gateway_unpacking import unpacked

AT_ONCE, WAITING_AT_ONCE = 8, 4
PATIENCE = 25.0
"""Seconds for which a request that the emulator turns away for load is tried again."""
_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length", "date", "server"}
_SYNCHRONOUS = ("/images/generations", "/seedream/images", "/tasks/sync")
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


class Front:
    """Serves the API on a loopback port, in a thread of its own."""

    def __init__(self, emulator_url: str, port: int) -> None:
        self._base = f"{emulator_url}/_aws/execute-api/{API_ID}"
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve. Raises `OSError` where the port is taken."""
        sock = socket.create_server(("127.0.0.1", self._port), backlog=1024)
        app = Starlette(
            routes=[Route("/{path:path}", self._forward, methods=_METHODS)],
            exception_handlers={404: self._forward_what_is_no_route},
            lifespan=self._lifespan,
        )
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [sock]}, name="front", daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)

    def stop(self) -> None:
        """Serve no more."""
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(timeout=5)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        limits = httpx.Limits(max_connections=AT_ONCE + WAITING_AT_ONCE, max_keepalive_connections=AT_ONCE)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waits = asyncio.Semaphore(WAITING_AT_ONCE)
        async with httpx.AsyncClient(timeout=INTEGRATION_SECONDS, limits=limits, trust_env=False) as self._client:
            self._client.headers.clear()  # a caller's headers and no others
            yield

    async def _forward(self, request: Request) -> Response:
        came = await request.body()
        body = unpacked(request.headers, came)
        refused = body if isinstance(body, Refused) else None
        refused = refusal(request.method, _target(request), request.headers.raw, came) or refused
        if refused or isinstance(body, Refused):
            assert refused
            return JSONResponse({"message": refused.message}, refused.status)
        turns = self._waits if _may_wait(request) else self._turns
        async with turns:
            return await self._send(request, body)

    async def _forward_what_is_no_route(self, request: Request, error: Exception) -> Response:
        """A path with a line break in it matches no route here; what to say of it is the API's business."""
        del error
        return await self._forward(request)

    async def _send(self, request: Request, body: bytes) -> Response:
        url = f"{self._base}{_target(request)}"
        headers = [(k, v) for k, v in request.headers.raw if k.decode() not in _HOP | {"host"}]
        ends_at = time.monotonic() + PATIENCE
        while True:
            try:
                # Not one read but the whole answer has to be there by then.
                async with (
                    asyncio.timeout(INTEGRATION_SECONDS),
                    self._client.stream(request.method, url, headers=headers, content=body) as answer,
                ):
                    content = b"".join([chunk async for chunk in answer.aiter_raw()])  # compressed, if it is
            except (httpx.HTTPError, TimeoutError):
                return JSONResponse({"message": "Service Unavailable"}, 503)
            # Ours would carry the id of the request.
            busy = answer.status_code == 429 and "x-request-id" not in answer.headers
            if not busy or time.monotonic() > ends_at:
                return _answer(answer, content)
            await asyncio.sleep(0.1)


def _target(request: Request) -> str:
    """Path and query as they came."""
    path: str = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _may_wait(request: Request) -> bool:
    """Whether a call may be answered late: one that asks to wait, or a synchronous form of a dialect."""
    return "wait" in request.headers.get("prefer", "") or request.url.path.endswith(_SYNCHRONOUS)


def _answer(answer: httpx.Response, content: bytes) -> Response:
    """The emulator's answer as API Gateway would give it: a crash is a plain 500 and says nothing, as is an answer that
    Lambda could not carry."""
    crashed = answer.status_code == 502 and b"errorMessage" in content
    if crashed or body_size(answer.headers.get("content-type", ""), content) > MAX_ANSWER:
        return JSONResponse({"message": "Internal Server Error"}, 500)
    response = Response(content, answer.status_code)
    response.raw_headers = [
        (name.lower(), value) for name, value in answer.headers.raw if name.lower().decode() not in _HOP
    ]
    if answer.status_code not in {204, 304}:
        response.headers["content-length"] = str(len(content))
    return response
