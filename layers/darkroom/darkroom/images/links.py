"""Signed links to objects in the bucket, made when a task is read and never stored."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

CACHED = 1024
"""Links that a process remembers."""
UNKNOWN_LIFE = 3600
"""Seconds that a link signed with temporary credentials may live where nobody says how long these do.

A link dies with the credentials that signed it (AWS re:Post, knowledge-center/presigned-url-s3-bucket-expiration), and
the session token in a function's environment comes without its end. AWS documents no life for it; an hour is what a
role's session has by default (IAM User Guide), and no more is counted on.
"""


@dataclass(frozen=True, slots=True)
class Link:
    """A link, and when it dies (Unix seconds)."""

    url: str
    expires_at: int


class LinkSigner:
    """Signs links to read one object, without the S3 client that a cold start would have to build for it.

    The time of signing is rounded down to half a link's life: whoever looks again at the same environment gets the same
    link, so that it can be cached, and every link still has half its life before it. No link is said to outlive the
    credentials that signed it.
    """

    def __init__(
        self,
        credentials: Any,
        bucket: str,
        region: str,
        *,
        link_seconds: int,
        endpoint: str = "",
        dns_suffix: str = "amazonaws.com",
    ) -> None:
        self._credentials = credentials
        self._region = region
        self._link_seconds = link_seconds
        # A custom endpoint is a local one, which knows buckets by path alone.
        host = f"{endpoint.rstrip('/')}/{bucket}" if endpoint else f"https://{bucket}.s3.{region}.{dns_suffix}"
        self._base_url = host
        # Within a window the same credentials give the same link again.
        self._signed = lru_cache(CACHED)(self._sign)

    @classmethod
    def from_session(cls, session: Session, bucket: str, region: str, *, link_seconds: int) -> "LinkSigner":
        """A signer with a session's credentials; `AWS_ENDPOINT_URL(_S3)` is heeded as boto3 does."""
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
        suffix = _dns_suffix(session, region)
        return cls(
            session.get_credentials(), bucket, region, link_seconds=link_seconds, endpoint=endpoint, dns_suffix=suffix
        )

    def window(self, now: int) -> str:
        """A name for what links are good for: they change when it does. `now` is in Unix milliseconds."""
        credentials, ends_at = self._frozen()
        number = now // 1000 // self._step(credentials, ends_at)
        return f"{number}" if ends_at is None else f"{number}.{ends_at}"

    def sign(self, key: str, now: int) -> Link:
        """A link to read the object at `key`. `now` is in Unix milliseconds."""
        credentials, ends_at = self._frozen()
        step = self._step(credentials, ends_at)
        return self._until(key, now // 1000 // step * step, credentials, ends_at)

    def sign_now(self, key: str, now: int) -> Link:
        """A link with its whole life before it, for who will come once. `now` is in Unix milliseconds."""
        return self._until(key, now // 1000, *self._frozen())

    def _until(self, key: str, signed_at: int, credentials: Any, ends_at: int | None) -> Link:
        seconds = self._seconds(credentials, ends_at)
        if ends_at is not None:
            seconds = max(1, min(seconds, ends_at - signed_at))
        return self._signed(key, signed_at, seconds, credentials)

    def _sign(self, key: str, signed_at: int, seconds: int, credentials: Any) -> Link:
        request = AWSRequest(method="GET", url=f"{self._base_url}/{quote(key)}")
        _AuthAt(credentials, self._region, seconds, signed_at).add_auth(request)
        return Link(str(request.url), signed_at + seconds)

    def _frozen(self) -> tuple[Any, int | None]:
        """The credentials as they are now, and when they end (Unix seconds), where botocore knows it."""
        while True:
            # Asking for them may bring new ones; both answers have to be about the same.
            before = getattr(self._credentials, "_expiry_time", None)
            credentials = self._credentials.get_frozen_credentials()
            ends_at: datetime | None = getattr(self._credentials, "_expiry_time", None)
            if ends_at == before:
                return credentials, None if ends_at is None else int(ends_at.timestamp())

    def _seconds(self, credentials: Any, ends_at: int | None) -> int:
        unknown = credentials.token and ends_at is None
        return min(self._link_seconds, UNKNOWN_LIFE) if unknown else self._link_seconds

    def _step(self, credentials: Any, ends_at: int | None) -> int:
        return max(1, self._seconds(credentials, ends_at) // 2)


def _dns_suffix(session: Session, region: str) -> str:
    """What the names of a region's endpoints end with: `amazonaws.com.cn` in China (botocore's table of partitions).

    Every client of a session has the table read already.
    """
    resolver = session._get_internal_component("endpoint_resolver")  # type: ignore[attr-defined]
    known = resolver.construct_endpoint("s3", region)
    return str(known["dnsSuffix"]) if known else "amazonaws.com"


class _AuthAt(S3SigV4QueryAuth):
    """botocore's own signature, as of a given moment instead of now."""

    def __init__(self, credentials: Any, region: str, expires: int, signed_at: int) -> None:
        super().__init__(credentials, "s3", region, expires=expires)
        self._moment = datetime.fromtimestamp(signed_at, UTC)

    def add_auth(self, request: Any) -> None:
        request.context["timestamp"] = self._moment.strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)  # type: ignore[attr-defined]
        signature = self.signature(self.string_to_sign(request, self.canonical_request(request)), request)
        self._inject_signature_to_request(request, signature)  # type: ignore[attr-defined]
