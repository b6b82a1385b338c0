"""The transport under every outbound request: it connects to the very address that it has checked.

Ours, and not a library's: those found (httpx-secure, drawbridge, safehttpx) are for asynchronous clients only.
"""

import time
from collections.abc import Sequence

import httpcore
import httpx

from darkroom.http.addresses import Resolver, allowed_addresses, check_url, resolve
from darkroom.http.bounded_network import BoundedBackend, ends_at, resolved

# What is read of a socket at once: with httpcore's 64 KB a large image takes a fifth longer.
httpcore.HTTP11Connection.READ_NUM_BYTES = 256 * 1024


class PublicTransport(httpx.BaseTransport):
    """Resolves a name once, checks every address it has, and connects to one of those: rebinding gains nothing.

    Connections are not kept: a pool would know them by address alone, and a stale one would leave a submission's
    outcome unknown. Raises `AddressRefused`, `ConnectFailed` and httpx's own errors.
    """

    def __init__(self, *, allow_loopback: bool, resolver: Resolver = resolve) -> None:
        self._allow_loopback = allow_loopback
        self._resolver = resolver
        limits = httpx.Limits(max_keepalive_connections=0, max_connections=32)
        self._inner = httpx.HTTPTransport(trust_env=False, limits=limits)
        # httpx hands no network down to its pool; a test drips, and fails where this has no effect any more.
        self._inner._pool._network_backend = BoundedBackend()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request to a checked address of its host; the next one is tried where none connects.

        All of it is over at the extension `ends_at` (by `time.monotonic`), where there is one.
        """
        url = request.url
        end: float = request.extensions.get("ends_at", float("inf"))
        check_url(str(url), allow_loopback=self._allow_loopback)
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = allowed_addresses(
            url.host, port, allow_loopback=self._allow_loopback, resolver=self._in_time(request, end)
        )
        bounded = ends_at.set(end)
        try:
            return self._sent(request, addresses)
        finally:
            ends_at.reset(bounded)

    def _sent(self, request: httpx.Request, addresses: Sequence[str]) -> httpx.Response:
        for place, address in enumerate(addresses, start=1):
            try:
                return self._inner.handle_request(_addressed(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if place == len(addresses):
                    raise
        raise AssertionError("there is at least one address")

    def _in_time(self, request: httpx.Request, end: float) -> Resolver:
        connecting = request.extensions.get("timeout", {}).get("connect") or float("inf")
        left = min(connecting, end - time.monotonic())
        return lambda host, port: resolved(self._resolver, host, port, left)

    def close(self) -> None:
        """Close what is open."""
        self._inner.close()


def _addressed(request: httpx.Request, address: str) -> httpx.Request:
    """The same request, to an address instead of a name: `Host` and the TLS server name stay the name's."""
    return httpx.Request(
        method=request.method,
        url=request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )
