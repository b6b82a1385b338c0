"""The one HTTP client: bounded in time and size, and to a provider at that provider's own address only."""

import json as jsonlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from darkroom.http.addresses import Resolver, resolve
from darkroom.http.errors import (
    AddressRefused,
    ConnectFailed,
    OutboundError,
    OutcomeUncertain,
    ResponseTooLarge,
)
from darkroom.http.timeout import DEFAULT, Timeout
from darkroom.http.transport import PublicTransport

USER_AGENT = "Darkroom/1"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A form of several parts: its fields, and its files as (field, (name, bytes, content type))."""

    fields: Mapping[str, str]
    files: Sequence[tuple[str, tuple[str, bytes, str]]]


class HttpClient:
    """Sends requests. Made cheaply: the TLS context, which is not, waits for the first request."""

    def __init__(self, *, allow_loopback: bool = False, resolver: Resolver = resolve) -> None:
        self._allow_loopback = allow_loopback
        self._resolver = resolver

    @cached_property
    def _transport(self) -> PublicTransport:
        # Without httpx's client above it: no redirects, no cookies, nothing out of the environment, and half the work.
        return PublicTransport(allow_loopback=self._allow_loopback, resolver=self._resolver)

    @property
    def allow_loopback(self) -> bool:
        """Whether loopback addresses may be reached (local mode)."""
        return self._allow_loopback

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: Timeout = DEFAULT,
        max_bytes: int = 8 * 1024 * 1024,
    ) -> Answer:
        """Send one request and read its answer whole.

        Raises `ConnectFailed` or `AddressRefused` where nothing was sent, `OutcomeUncertain` for any doubt.
        """
        with self.stream(method, url, headers=headers, content=content, timeout=timeout) as response:
            body = b"".join(self._pieces(response, max_bytes))
            return Answer(response.status_code, dict(response.headers), body)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: Timeout = DEFAULT,
    ) -> Iterator[httpx.Response]:
        """Send one request and hand out its answer while it comes. Errors as those of `request`."""
        sent = {"user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": "identity", **(headers or {})}
        limits = httpx.Timeout(timeout.read, connect=timeout.connect, pool=timeout.connect)
        ends_at = time.monotonic() + timeout.total
        try:
            extensions = {"timeout": limits.as_dict(), "ends_at": ends_at}
            request = httpx.Request(method, url, headers=sent, content=content, extensions=extensions)
            response = self._transport.handle_request(request)
            with closing(response):
                response.request = request
                response.extensions["ends_at"] = ends_at
                yield response
        except OutboundError:
            raise
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ConnectFailed(f"no connection: {type(error).__name__}") from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
            raise AddressRefused(f"not to be sent: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            raise OutcomeUncertain(f"no whole answer: {type(error).__name__}") from error

    def pieces(self, response: httpx.Response) -> Iterator[bytes]:
        """The answer's bytes as they come, as long as its time lasts. Raises `OutcomeUncertain`."""
        ends_at: float = response.extensions["ends_at"]
        # Without a chunk size: pieces are to come as they arrive, or a slow drip is never looked at.
        for piece in response.iter_raw():
            if time.monotonic() > ends_at:
                raise OutcomeUncertain("no whole answer in time")
            yield piece

    def _pieces(self, response: httpx.Response, max_bytes: int) -> Iterator[bytes]:
        if response.headers.get("content-encoding", "identity") not in {"identity", ""}:
            # It was asked not to, and unpacking is where small answers become large ones.
            raise OutcomeUncertain("the answer is compressed")
        size = 0
        for piece in self.pieces(response):
            size += len(piece)
            if size > max_bytes:
                raise ResponseTooLarge(f"the answer has more than {max_bytes} bytes")
            yield piece

    def bind(self, base_url: str) -> "ProviderClient":
        """A client of one provider."""
        return ProviderClient(self, base_url)


class ProviderClient:
    """Sends requests to one provider's own address: a path can't lead anywhere else, and so neither can a key."""

    def __init__(self, client: HttpClient, base_url: str) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Form | None = None,
        timeout: Timeout = DEFAULT,
        max_bytes: int = 8 * 1024 * 1024,
    ) -> Answer:
        """Send one request with a JSON body, or with a form. Raises as `HttpClient.request`."""
        sent = {"accept": "application/json", **(headers or {})}
        content = None
        if json is not None:
            content = jsonlib.dumps(json, ensure_ascii=False).encode("utf-8", "replace")
            sent["content-type"] = "application/json"
        elif form is not None:
            encoded = httpx.Request(method, self._base_url, data=dict(form.fields), files=list(form.files))
            content, sent["content-type"] = encoded.read(), encoded.headers["content-type"]
        return self._client.request(
            method,
            self._url(path, query),
            headers=sent,
            content=content,
            timeout=timeout,
            max_bytes=max_bytes,
        )

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        if not path.startswith("/"):
            raise AddressRefused("a provider's path starts with a slash")
        # Appended as text and quoted, never resolved as a reference: `//other.host` stays a path.
        url = self._base_url + quote(path, safe="/")
        return f"{url}?{urlencode(query)}" if query else url
