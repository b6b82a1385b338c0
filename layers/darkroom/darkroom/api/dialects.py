"""The HTTP edge of the dialects: an event of API Gateway or of the function's own URL becomes a call."""

from collections.abc import Callable, Mapping
from typing import Any

from darkroom.api.doors import Door, Streamed
from darkroom.api.errors import ApiError
from darkroom.api.http import JSON, MAX_BODY, decoded_body, json_object, to_json
from darkroom.dialects.base import Dialect
from darkroom.dialects.calls import Answer, Call
from darkroom.dialects.refusals import Refusal, Trouble
from darkroom.dialects.registry import UnknownDialect, dialect
from darkroom.observation import count, logger
from darkroom.services.assembly import Assembly

GATEWAY_PATIENCE = 26.0
"""Seconds that a call through API Gateway may wait: its limit is 30 (AWS: HTTP API quotas), less a margin."""
MARGIN = 6.0
"""Seconds that are left to answer in, once a call by the function's own URL has waited as long as it may."""
MAX_GATEWAY_ANSWER = MAX_BODY - 64 * 1024
MAX_URL_ANSWER = 20 * 1024 * 1024
"""What a function's own URL answers with: far below what a stream may carry, for the sake of the function's memory."""


def serve(assembly: Assembly, event: Mapping[str, Any], seconds_left: float) -> dict[str, Any] | Streamed:
    """Answer one request in the dialect that its path names. `seconds_left` is the time that the function has."""
    door = door_of(event, seconds_left, streaming=assembly.settings.streaming)
    base, _, path = event["rawPath"].lstrip("/").partition("/")
    try:
        spoken = dialect(base)
    except UnknownDialect:
        error = ApiError(404, "not_found", f"There is nothing at {event['rawPath'][:200]}.")
        return _response(Answer(404, error.envelope(door.request_id)), door)
    call = Call(
        method=event["requestContext"]["http"]["method"],
        path=f"/{path}",
        headers={name.lower(): value for name, value in event.get("headers", {}).items()},
        query=event.get("queryStringParameters") or {},
    )
    return _answered(assembly, spoken, call, lambda: _body(event), door)


def door_of(event: Mapping[str, Any], seconds_left: float, *, streaming: bool) -> Door:
    """Which door an event came by: a function's own URL has its own name of host."""
    context = event["requestContext"]
    by_url = ".lambda-url." in context.get("domainName", "")
    return Door(
        request_id=context["requestId"],
        patience=max(0.0, seconds_left - MARGIN if by_url else min(seconds_left - MARGIN, GATEWAY_PATIENCE)),
        max_answer=MAX_URL_ANSWER if by_url else MAX_GATEWAY_ANSWER,
        streams=by_url and streaming,
    )


def _answered(
    assembly: Assembly, spoken: Dialect, call: Call, body: Callable[[], Mapping[str, Any]], door: Door
) -> dict[str, Any] | Streamed:
    from darkroom.api.front_door import FrontDoor

    try:
        answer = FrontDoor(assembly, spoken, door).serve(call, body)
    except Refusal as refusal:
        answer = spoken.refuse(refusal, door.request_id)
        notes = {"x-darkroom-task-id": refusal.task_id, "retry-after": refusal.retry_after}
        answer = Answer(
            answer.status, answer.body, {**answer.headers, **{k: str(v) for k, v in notes.items() if v is not None}}
        )
    except Exception as error:
        logger.exception("request failed", extra={"error_type": type(error).__name__})
        count("RecordFailed")  # an error that is answered is none to Lambda
        broken = Refusal(Trouble.INTERNAL, "something went wrong here; the request id helps to find out what")
        answer = spoken.refuse(broken, door.request_id)
    return answer if isinstance(answer, Streamed) else _response(answer, door)


def _response(answer: Answer, door: Door) -> dict[str, Any]:
    headers = {"content-type": JSON, **answer.headers, "x-request-id": door.request_id}
    return {"statusCode": answer.status, "headers": headers, "body": to_json(answer.body)}


def _body(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body as JSON; none for a call that has none. Raises `Refusal`."""
    if event["requestContext"]["http"]["method"] == "GET" or not event.get("body"):
        return {}
    try:
        return json_object(decoded_body(event["body"], base64_encoded=event.get("isBase64Encoded", False)))
    except ApiError as error:
        trouble = Trouble.TOO_LARGE if error.status == 413 else Trouble.MALFORMED
        raise Refusal(trouble, error.message, error.param) from error
