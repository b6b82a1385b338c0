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


@dataclass(frozen=True, slots=True)
class Link:
    """A link, and when it dies (Unix seconds)."""

    url: str
    expires_at: int


class LinkSigner:
    """Signs links to read one object, without the S3 client that a cold start would have to build for it.

    The time of signing is rounded down to half a link's life: whoever looks again gets the same link, so that it can
    be cached, and every link still has half its life before it.
    """

    def __init__(self, credentials: Any, bucket: str, region: str, *, link_seconds: int, endpoint: str = "") -> None:
        self._credentials = credentials
        self._region = region
        self._link_seconds = link_seconds
        # A custom endpoint is a local one, which knows buckets by path alone.
        host = f"{endpoint.rstrip('/')}/{bucket}" if endpoint else f"https://{bucket}.s3.{region}.amazonaws.com"
        self._base_url = host
        # Within a window the same credentials give the same link again.
        self._signed = lru_cache(CACHED)(self._sign)

    @classmethod
    def from_session(cls, session: Session, bucket: str, region: str, *, link_seconds: int) -> "LinkSigner":
        """A signer with a session's credentials; `AWS_ENDPOINT_URL(_S3)` is heeded as boto3 does."""
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
        return cls(session.get_credentials(), bucket, region, link_seconds=link_seconds, endpoint=endpoint)

    def window(self, now: int) -> int:
        """The number of the present window: links change when it does. `now` is in Unix milliseconds."""
        return now // 1000 // max(1, self._link_seconds // 2)

    def sign(self, key: str, now: int) -> Link:
        """A link to read the object at `key`. `now` is in Unix milliseconds."""
        signed_at = self.window(now) * max(1, self._link_seconds // 2)
        credentials = self._credentials.get_frozen_credentials()
        return self._signed(key, signed_at, credentials)

    def _sign(self, key: str, signed_at: int, credentials: Any) -> Link:
        request = AWSRequest(method="GET", url=f"{self._base_url}/{quote(key)}")
        _AuthAt(credentials, self._region, self._link_seconds, signed_at).add_auth(request)
        return Link(str(request.url), signed_at + self._link_seconds)


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
