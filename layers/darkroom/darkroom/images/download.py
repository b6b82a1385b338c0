"""Downloading one image: streamed with bounded memory, hashed on the way, through checked redirects, unpacked."""

import hashlib
from dataclasses import dataclass, replace
from typing import IO
from urllib.parse import urljoin, urlsplit

import httpx

from darkroom.deadline import Deadline, invocation
from darkroom.http.client import HttpClient
from darkroom.http.errors import (
    AddressRefused,
    ConnectFailed,
    ImageTooLarge,
    LinkFailed,
    LinkGone,
    LinkRefused,
    OutcomeUncertain,
)
from darkroom.http.timeout import Timeout
from darkroom.http.unpacking import unpacked

MAX_REDIRECTS = 10
_TAKEN = frozenset({200, 201, 203})
"""Statuses with the picture in their body: one that was made just now, and one that a proxy changed, are as good."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
TIMEOUT = Timeout(connect=5, read=15, total=90)
"""Of a download with all of its redirects."""
UPLOADING = 20.0
"""Seconds of an invocation that are kept back to check and store what was downloaded."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What came: how many bytes, and their SHA-256 in hexadecimal."""

    size: int
    sha256: str


class Downloader:
    """Downloads images. No key, no cookie and no referrer goes with a request."""

    def __init__(self, client: HttpClient, timeout: Timeout = TIMEOUT) -> None:
        self._client = client
        self._timeout = timeout

    def download(self, url: str, sink: IO[bytes], *, max_bytes: int) -> Downloaded:
        """Write what a link leads to into `sink`.

        Raises `LinkGone`, `LinkRefused`, `LinkFailed`, `ImageTooLarge`, `AddressRefused`.
        """
        whole = Deadline()
        whole.begin(min(self._timeout.total, invocation.left(reserve=UPLOADING)))
        try:
            for _ in range(MAX_REDIRECTS + 1):
                with self._client.stream("GET", url, timeout=replace(self._timeout, total=whole.left())) as response:
                    if response.status_code in _REDIRECTS and "location" in response.headers:
                        url = self._next_hop(url, response)
                        continue
                    _check_status(response)
                    return self._receive(response, sink, max_bytes)
        except (ConnectFailed, OutcomeUncertain) as error:
            raise LinkFailed(str(error)) from error
        raise LinkRefused(f"more than {MAX_REDIRECTS} redirects")

    def _next_hop(self, url: str, response: httpx.Response) -> str:
        following: str = urljoin(url, response.headers["location"].strip())
        downgraded = urlsplit(url).scheme == "https" and urlsplit(following).scheme != "https"
        if downgraded and not self._client.allow_loopback:
            raise AddressRefused("a redirect leads from https to http")
        return following

    def _receive(self, response: httpx.Response, sink: IO[bytes], max_bytes: int) -> Downloaded:
        announced = response.headers.get("content-length", "")
        if announced.isascii() and announced.isdecimal() and int(announced[:20]) > max_bytes:
            raise ImageTooLarge(f"{announced} bytes are announced, {max_bytes} allowed")
        digest = hashlib.sha256()
        size = 0
        pieces = unpacked(self._client.pieces(response), response.headers.get("content-encoding", ""))
        for piece in pieces:
            size += len(piece)
            if size > max_bytes:
                raise ImageTooLarge(f"more than {max_bytes} bytes")
            digest.update(piece)
            sink.write(piece)
        if not size:
            raise LinkFailed("nothing came")
        return Downloaded(size, digest.hexdigest())


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status in _TAKEN:
        return
    if status in {401, 403, 404, 410}:
        raise LinkGone(f"answered {status}")
    if status >= 500 or status in {408, 425, 429}:
        raise LinkFailed(f"answered {status}")
    raise LinkRefused(f"answered {status}")
