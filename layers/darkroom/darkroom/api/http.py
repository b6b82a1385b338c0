"""The HTTP edge that every function behind API Gateway shares: routing, errors, request ids, bodies, keys."""

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from darkroom.accounts.keys import ApiKey, too_fast
from darkroom.api.errors import ApiError, bad_request, forbidden, internal, too_large, too_many_requests, unauthorized
from darkroom.api.json_text import json_object, whole_characters
from darkroom.api.sizes import MAX_BODY
from darkroom.clock import now
from darkroom.observability import logger

if TYPE_CHECKING:
    from darkroom.api.parts import AuthenticationParts

__all__ = [
    "Response",
    "answer",
    "authenticate",
    "decoded_body",
    "json_object",
    "new_app",
    "raw_body",
    "request_id",
    "respond",
    "to_json",
]

JSON = "application/json"


def to_json(value: Any) -> str:
    """A body, compact, in UTF-8."""
    return whole_characters(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def new_app() -> APIGatewayHttpResolver:
    """A router whose every error is answered in our envelope."""
    app = APIGatewayHttpResolver(serializer=to_json)

    def refused(error: ApiError) -> Response[str]:
        return Response(error.status, JSON, to_json(error.envelope(request_id(app))), dict(error.headers))

    def nothing_here(error: NotFoundError) -> Response[str]:
        del error
        path, method = app.current_event.path, app.current_event.http_method
        hint = " OpenAI's API is served at /openai/v1." if "/images/" in path else ""
        return refused(ApiError(404, "not_found", f"There is nothing at {method} {path[:200]}.{hint}"))

    def broken(error: Exception) -> Response[str]:
        logger.exception("request failed", extra={"error_type": type(error).__name__})
        return refused(internal())

    app.exception_handler(ApiError)(refused)
    app.exception_handler(Exception)(broken)
    app.not_found(nothing_here)
    return app


def respond(app: APIGatewayHttpResolver, event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Route one event of API Gateway; every answer carries its request id."""
    answer = app.resolve(event, context)
    answer.setdefault("headers", {})["x-request-id"] = request_id(app)
    return answer


def request_id(app: APIGatewayHttpResolver) -> str:
    """The id of the request being answered."""
    return str(app.current_event.request_context.request_id)


def answer(status: int, body: Any = None, **headers: str) -> Response[str]:
    """A JSON answer; header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, JSON if body is not None else None, to_json(body) if body is not None else "", named)


def raw_body(app: APIGatewayHttpResolver, *, limit: int = MAX_BODY) -> bytes:
    """The body as it came. Raises `ApiError` (413)."""
    event = app.current_event
    return decoded_body(event.body or "", base64_encoded=bool(event.is_base64_encoded), limit=limit)


def decoded_body(text: str, *, base64_encoded: bool, limit: int = MAX_BODY) -> bytes:
    """The bytes of an event's body; `limit` is that of its text. Raises `ApiError` (413, 400)."""
    size = len(text) if base64_encoded else len(body := text.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise too_large(
            f"the body has {size} bytes{' as base64' if base64_encoded else ''}, and at most {limit} are taken: give "
            "images as links (http or https) instead of data, or make them smaller"
        )
    return _decoded(text) if base64_encoded else body


def authenticate(app: APIGatewayHttpResolver, parts: "AuthenticationParts", *, admin: bool = False) -> ApiKey:
    """Who is calling. Raises `ApiError`: 401 without a known key, 403 with one that does not allow this, 429."""
    scheme, _, key = (app.current_event.headers.get("authorization") or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise unauthorized("give your API key in the header `Authorization: Bearer <key>`")
    found = parts.accounts().find_key(key) if len(key) <= 512 else None
    if found is None:
        raise unauthorized("this API key is not known here")
    if not found.valid(now()):
        raise forbidden("this API key is disabled, or was replaced")
    if admin and not found.admin:
        raise forbidden("this call needs an admin key")
    logger.append_keys(owner=found.owner)
    if wait := parts.wait_of(found):
        raise too_many_requests(too_fast(found), wait)
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error as error:
        raise bad_request("the body is broken") from error
