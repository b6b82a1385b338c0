"""The HTTP edge of the dialects: an event of API Gateway or of the function's own URL becomes a call."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from darkroom.api.errors import ApiError
from darkroom.api.http import JSON, decoded_body, json_object, to_json
from darkroom.api.sizes import MAX_ANSWER, MAX_BODY, MAX_OPEN_BODY
from darkroom.deadline import ANSWERING, GATEWAY, Deadline, invocation
from darkroom.dialects.base import Dialect
from darkroom.dialects.calls import Answer, Call
from darkroom.dialects.refusals import ErrorKind, Refusal
from darkroom.dialects.registry import UnknownDialect, dialect
from darkroom.dialects.transport import Streamed, Transport
from darkroom.observability import count, logger

if TYPE_CHECKING:
    from darkroom.dialects.parts import DialectParts

URL_RESERVE = 6.0
"""Seconds that are left to answer in, once a call by the function's own URL has waited as long as it may: its pictures
may be in the answer."""
MAX_URL_ANSWER = 20 * 1024 * 1024
"""What a function's own URL answers with: far below what a stream may carry, for the sake of the function's memory."""


def serve(parts: "DialectParts", event: Mapping[str, Any]) -> dict[str, Any] | Streamed:
    """Answer one request in the dialect that its path names."""
    transport = transport_of(event, invocation, streaming=parts.settings.streaming)
    base, _, path = event["rawPath"].lstrip("/").partition("/")
    try:
        spoken = dialect(base)
    except UnknownDialect:
        error = ApiError(404, "not_found", f"There is nothing at {event['rawPath'][:200]}.")
        return _response(Answer(404, error.envelope(transport.request_id)), transport)
    call = Call(
        method=event["requestContext"]["http"]["method"],
        path=f"/{path}",
        headers={name.lower(): value for name, value in event.get("headers", {}).items()},
        query=event.get("queryStringParameters") or {},
    )
    # What anybody may send is small: reading it costs us before we know who it is.
    limit = MAX_OPEN_BODY if call.route in spoken.open_routes else MAX_BODY
    return _answered(parts, spoken, call, lambda: _body(event, limit), transport)


def transport_of(event: Mapping[str, Any], deadline: Deadline, *, streaming: bool) -> Transport:
    """Which transport an event came by: a function's own URL has its own name of host.

    API Gateway waits for an answer no longer than it can, whatever time the function has.
    """
    context = event["requestContext"]
    by_url = ".lambda-url." in context.get("domainName", "")
    if not by_url:
        deadline.shorten(GATEWAY)
    return Transport(
        request_id=context["requestId"],
        time_left=partial(deadline.as_it_stands().left, reserve=URL_RESERVE if by_url else ANSWERING),
        max_answer=MAX_URL_ANSWER if by_url else MAX_ANSWER,
        streams=by_url and streaming,
    )


def _answered(
    parts: "DialectParts", spoken: Dialect, call: Call, body: Callable[[], Mapping[str, Any]], transport: Transport
) -> dict[str, Any] | Streamed:
    from darkroom.dialects.service import DialectService

    try:
        answer = DialectService(parts, spoken, transport).serve(call, body)
    except Refusal as refusal:
        answer = spoken.refuse(refusal, transport.request_id)
        notes = {"x-darkroom-task-id": refusal.task_id, "retry-after": refusal.retry_after}
        if refusal.final:
            notes["x-should-retry"] = "false"
        answer = Answer(
            answer.status, answer.body, {**answer.headers, **{k: str(v) for k, v in notes.items() if v is not None}}
        )
    except Exception as error:
        logger.exception("request failed", extra={"error_type": type(error).__name__})
        count("RecordFailed")  # an error that is answered is none to Lambda
        broken = Refusal(ErrorKind.INTERNAL, "something went wrong here; the request id helps to find out what")
        answer = spoken.refuse(broken, transport.request_id)
    return answer if isinstance(answer, Streamed) else _response(answer, transport)


def _response(answer: Answer, transport: Transport) -> dict[str, Any]:
    headers = {"content-type": JSON, **answer.headers, "x-request-id": transport.request_id}
    body = answer.text if answer.text is not None else to_json(answer.body)
    return {"statusCode": answer.status, "headers": headers, "body": body}


def _body(event: Mapping[str, Any], limit: int) -> Mapping[str, Any]:
    """The body as JSON; none for a call that has none. Raises `Refusal`."""
    if event["requestContext"]["http"]["method"] == "GET" or not event.get("body"):
        return {}
    content_type = {name.lower(): value for name, value in event.get("headers", {}).items()}.get("content-type", "")
    try:
        body = decoded_body(event["body"], base64_encoded=event.get("isBase64Encoded", False), limit=limit)
        if content_type.lower().startswith("multipart/"):
            from darkroom.dialects.forms import read_form

            return read_form(content_type, body)
        return json_object(body)
    except ApiError as error:
        kind = ErrorKind.TOO_LARGE if error.status == 413 else ErrorKind.MALFORMED
        raise Refusal(kind, error.message, error.param) from error
