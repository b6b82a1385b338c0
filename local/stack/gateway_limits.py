"""What API Gateway and Lambda refuse for its size, as their quotas have it, and in their words.

Sources: AWS, Quotas for configuring and running an HTTP API (headers, payload, time-out); Lambda quotas (payload of an
invocation, 6 MB, request and answer each); Working with AWS Lambda proxy integrations for HTTP APIs (the event's format
2.0, which bodies come as base64).
"""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

INTEGRATION_SECONDS = 30
MAX_REQUEST = 10 * 1024 * 1024
MAX_HEADERS = 10_240
"""Bytes of the request line and all headers' values together."""
MAX_EVENT = 6 * 1024 * 1024
MAX_ANSWER = 6 * 1024 * 1024
CONTEXT_BYTES = 1_200
"""What AWS adds to an event, about: request context, host, forwarded addresses, the trace."""
_TEXT = ("text/", "application/json", "application/javascript", "application/xml")

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal, as API Gateway words it."""

    status: int
    message: str


def refusal(method: str, target: str, headers: Headers, body: bytes) -> Refused | None:
    """What API Gateway says of a request instead of handing it on, if anything."""
    headers = list(headers)
    if len(method) + len(target) + sum(len(value) for _, value in headers) > MAX_HEADERS:
        return Refused(431, "Request Header Fields Too Large")
    if len(body) > MAX_REQUEST or event_size(target, headers, body) > MAX_EVENT:
        return Refused(413, "Request Entity Too Large")
    return None


def event_size(target: str, headers: Headers, body: bytes) -> int:
    """Bytes of the event that a request becomes."""
    parts = urlsplit(target)
    named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    event = {
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "queryStringParameters": dict(parse_qsl(parts.query)),
        "headers": named,
    }
    return CONTEXT_BYTES + _json_bytes(event) + body_size(named.get("content-type", ""), body)


def body_size(content_type: str, body: bytes) -> int:
    """Bytes that a body takes in an event, or in a function's answer: as a text in JSON, or as base64."""
    if content_type.lower().startswith(_TEXT):
        try:
            return _json_bytes(body.decode())
        except UnicodeDecodeError:
            pass
    return len(base64.b64encode(body)) + 2


def _json_bytes(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
