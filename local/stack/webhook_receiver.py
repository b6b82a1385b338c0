"""An app's webhook endpoint on loopback, which refuses some of what comes so that it comes again."""

import random
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

REFUSED = 0.1
DRIPPED = 0.02
"""How many answers come a letter at a time, for longer than anybody waits."""
DRIPS = 400


@dataclass
class Received:
    """One webhook as it came."""

    headers: dict[str, str]
    body: bytes
    answered: int


@dataclass
class WebhookReceiver:
    """Keeps everything that is posted to it, by webhook id."""

    seed: int
    received: dict[str, list[Received]] = field(default_factory=lambda: defaultdict(list))
    url: str = ""

    def __enter__(self) -> Self:
        receiver, dice, lock = self, random.Random(self.seed), threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with lock:
                    status = 503 if dice.random() < REFUSED else 204
                    drips = dice.random() < DRIPPED
                    receiver.received[headers["webhook-id"]].append(Received(headers, body, 0 if drips else status))
                if drips:
                    self._drip()
                    return
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def _drip(self) -> None:
                with suppress(OSError):
                    self.wfile.write(b"HTTP/1.1 204 No Content\r\nx-a: ")
                    for _ in range(DRIPS):
                        self.wfile.write(b"a")
                        time.sleep(0.1)
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
