"""A trivial AWS and provider on loopback: the least that can answer, in a process of its own."""

import json
import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: %d\r\n\r\n%s"


def _serve(sock: socket.socket, bodies: dict[bytes, bytes]) -> None:
    """Answer every request by the first known word in its head or body."""
    import threading

    def answer(connection: socket.socket) -> None:
        with connection:
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    buffer += piece
                head, _, rest = buffer.partition(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                while len(rest) < length:
                    rest += connection.recv(65536)
                buffer = rest[length:]
                asked = head + rest[:length]
                body = next((value for word, value in bodies.items() if word in asked), b"{}")
                connection.sendall(ANSWER % (len(body), body))

    def guarded(connection: socket.socket) -> None:
        with suppress(OSError):  # whoever asked is gone
            answer(connection)

    while True:
        connection, _ = sock.accept()
        threading.Thread(target=guarded, args=(connection,), daemon=True).start()


@contextmanager
def loopback(bodies: dict[bytes, object]) -> Iterator[str]:
    """A server whose answer goes by the first known word of the request. Yields its address."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=128)
    plain = {word: body if isinstance(body, bytes) else json.dumps(body).encode() for word, body in bodies.items()}
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(sock, plain), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        process.terminate()
        process.join()
