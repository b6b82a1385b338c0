"""The thinnest HTTP server that calls a handler: `python -m benchmarks.front <function> <port>`.

One request at a time, as in one execution environment of Lambda, whatever the number of connections.
"""

import itertools
import socket
import sys
import threading
from typing import Any

from benchmarks.trivial_aws import Context, Handler, event, load_handler


def serve(handler: Handler, port: int) -> None:
    """Answer for ever."""
    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    turn, numbers = threading.Lock(), itertools.count()
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_converse, args=(connection, handler, turn, numbers), daemon=True).start()


def _converse(
    connection: socket.socket, handler: Handler, turn: threading.Lock, numbers: "itertools.count[int]"
) -> None:
    with connection:
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                piece = connection.recv(65536)
                if not piece:
                    return
                buffer += piece
            head, _, rest = buffer.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            length = int(headers.get("content-length", "0"))
            while len(rest) < length:
                rest += connection.recv(65536)
            body, buffer = rest[:length], rest[length:]
            method, path, _ = first.split(" ")
            with turn:
                asked = event(method, path, body.decode(), headers)
                asked["requestContext"]["requestId"] = f"request-{next(numbers)}"
                answer = handler(asked, Context())
            connection.sendall(_rendered(answer))


def _rendered(answer: dict[str, Any]) -> bytes:
    body = (answer.get("body") or "").encode()
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.get("headers", {}).items())
    return f"HTTP/1.1 {answer['statusCode']} X\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    serve(load_handler(sys.argv[1]), int(sys.argv[2]))
