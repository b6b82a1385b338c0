"""The thinnest HTTP server that calls a handler: `python -m benchmarks.front <function> <port>`.

One request at a time, as in one execution environment of Lambda, whatever the number of connections.
"""

import itertools
import selectors
import socket
import sys
from typing import Any

from benchmarks.trivial_aws import Context, Handler, event, load_handler


def serve(handler: Handler, port: int) -> None:
    """Answer for ever, in the order in which requests come."""
    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    poll, numbers = selectors.DefaultSelector(), itertools.count()
    poll.register(listener, selectors.EVENT_READ)
    buffers: dict[socket.socket, bytes] = {}
    while True:
        for key, _ in poll.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                buffers[connection] = b""
                poll.register(connection, selectors.EVENT_READ)
                continue
            connection = key.fileobj  # type: ignore[assignment]
            piece = connection.recv(65536)
            if not piece:
                poll.unregister(connection)
                del buffers[connection]
                connection.close()
                continue
            buffers[connection] += piece
            if asked := _whole_request(buffers[connection], f"request-{next(numbers)}"):
                buffers[connection] = b""
                connection.sendall(_rendered(handler(asked, Context())))


def _whole_request(received: bytes, request_id: str) -> dict[str, Any] | None:
    """The event of a request, once all of it is there."""
    head, found, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if not found or len(body) < int(headers.get("content-length", "0")):
        return None
    method, path, _ = first.split(" ")
    asked = event(method, path, body.decode(), headers)
    asked["requestContext"]["requestId"] = request_id
    return asked


def _rendered(answer: dict[str, Any]) -> bytes:
    body = (answer.get("body") or "").encode()
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.get("headers", {}).items())
    return f"HTTP/1.1 {answer['statusCode']} X\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    serve(load_handler(sys.argv[1]), int(sys.argv[2]))
