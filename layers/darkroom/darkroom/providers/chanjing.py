"""chanjing (https://www.chanjing.cc): creations that are only ever looked at, up to fifty in one call.

Every answer is HTTP 200; the `code` inside says what it is.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from darkroom.catalog.geometry import Resolution
from darkroom.providers.base import (
    GenerationRequest,
    OutcomeUnknown,
    QueryFailed,
    Refused,
    Ticket,
    Traits,
    Unreadable,
    Upstream,
    UpstreamAnswer,
    UpstreamRequest,
)
from darkroom.providers.reading.answers import entries_of, read_query, read_submitted, taken
from darkroom.providers.reading.envelopes import layers
from darkroom.providers.reading.refusals import cancelled_task, classify, failed_task
from darkroom.providers.reading.reported_errors import Complaint, read_complaint
from darkroom.providers.reading.tasks import outline, read_task
from darkroom.providers.reading.values import Object, as_id, as_object, as_text, as_whole
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.update import Status, Update

_SUBMIT = "/open/v1/ai_creation/task/submit"
_QUERY = "/open/v1/ai_creation/task"
_PAGE = "/open/v1/ai_creation/task/page"
_TOKEN = "/open/v1/access_token"  # noqa: S105 - a path

FORMAT, BAD_TOKEN, PARAMETER, TOO_FAST, INTERNAL = 400, 10400, 40000, 40001, 50000
_GOOD = frozenset({0, 200})
"""0 is documented; 200 is what gateways put around it."""
IMAGE_CREATION = 3
_REFUSALS = frozenset({FORMAT, BAD_TOKEN, PARAMETER, TOO_FAST})
"""Codes of its page that say that nothing was begun; 50000 is 'internal', and says nothing of it."""
_CLARITY = {Resolution.ONE_K: 1024, Resolution.TWO_K: 2048, Resolution.FOUR_K: 4096}
_RENEW_BEFORE = 60
"""Seconds before its end at which a fetched token is fetched anew."""


class Chanjing:
    """The adapter of chanjing."""

    name = "chanjing"
    traits = Traits(calls_back=False, page_size=50)

    def __init__(self) -> None:
        self._tokens = _Tokens()

    def submit(self, order: GenerationRequest, upstream: Upstream) -> Update:
        """Post the creation; the answer is its id."""
        request = UpstreamRequest("POST", _SUBMIT, json=_body(order))
        answer = self._send(request, upstream)
        content = taken(self.name, answer, _refused)
        code = _code(content)
        if code in _REFUSALS:
            raise Refused(_failure(code, _message(content)))
        if code is not None and code not in _GOOD:
            raise OutcomeUnknown(f"chanjing answered code {code}")
        upstream_id = next((text for layer in reversed(layers(content)) if (text := as_id(layer.get("data")))), "")
        if upstream_id:
            return Update(Status.PROCESSING, upstream_id)
        return read_submitted(self.name, answer, _reading(), _refused)

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Look at up to fifty creations in one call, one creation by its own."""
        ids = [ticket.upstream_id for ticket in tickets]
        content = self._ask(_one(ids[0]) if len(ids) == 1 else _page(ids), upstream)
        # The submission's id is `unique_id` in the list's example; `id` is tolerated.
        updates = map(_reading(*ids), entries_of(content))
        return {update.upstream_id: update for update in updates if update.upstream_id in ids}

    def read_callback(self, body: bytes, ids: Collection[str] = ()) -> Update:
        """chanjing never calls back."""
        del body, ids
        raise Unreadable("chanjing has no callbacks")

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Not possible: no call is documented."""
        del ticket, upstream
        return False

    def _ask(self, request: UpstreamRequest, upstream: Upstream) -> Object:
        try:
            content = read_query(self.name, self._send(request, upstream))
        except (Refused, OutcomeUnknown) as error:
            raise QueryFailed(f"chanjing: {error}") from error
        code = _code(content)
        if code is None or code not in _GOOD:
            raise QueryFailed(f"chanjing answered code {code}: {outline(content)}")
        return content

    def _send(self, request: UpstreamRequest, upstream: Upstream) -> UpstreamAnswer:
        """Send with the access token; where a fetched one has lapsed early, once more with a new one.

        That repetition is safe: a request with a refused token was certainly not accepted.
        """
        token = self._tokens.current(upstream)
        answer = upstream.send(_with_token(request, token))
        if not upstream.credential.get("access_token") and _is_bad_token(answer):
            answer = upstream.send(_with_token(request, self._tokens.renewed(upstream, token)))
        return answer


class _Tokens:
    """Access tokens: the given one, or fetched with app id and secret key and kept until shortly before their end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[str, float]] = {}

    def current(self, upstream: Upstream) -> str:
        given = upstream.credential.get("access_token", "")
        if given:
            return given
        app_id = upstream.credential.get("app_id", "")
        with self._lock:
            token, ends_at = self._kept.get(app_id, ("", 0.0))
            if time.monotonic() < ends_at:
                return token
            return self._fetch(app_id, upstream)

    def renewed(self, upstream: Upstream, refused: str) -> str:
        app_id = upstream.credential.get("app_id", "")
        with self._lock:
            token, _ = self._kept.get(app_id, ("", 0.0))
            return token if token != refused else self._fetch(app_id, upstream)

    def _fetch(self, app_id: str, upstream: Upstream) -> str:
        body = {"app_id": app_id, "secret_key": upstream.credential.get("secret_key", "")}
        try:
            answer = upstream.send(UpstreamRequest("POST", _TOKEN, json=body))
            content = taken("chanjing", answer, _refused)
        except OutcomeUnknown as error:  # no token, no submission: nothing was accepted
            raise Refused(_NO_TOKEN) from error
        data = as_object(content.get("data"))
        token = as_text(data.get("access_token"))
        if not token:
            raise Refused(_failure(BAD_TOKEN, _message(content)))
        lives = float(as_text(data.get("expire_in")) or 3600)
        # Elsewhere in its site `expire_in` is a moment in Unix seconds, not a period: take either.
        lives = lives - time.time() if lives > 10**9 else lives
        self._kept[app_id] = (token, time.monotonic() + max(lives - _RENEW_BEFORE, 1.0))
        return token


_NO_TOKEN = Failure(
    ErrorCode.PROVIDER_UNAVAILABLE, "chanjing: no access token could be fetched.", Disposition.ELSEWHERE
)


def _with_token(request: UpstreamRequest, token: str) -> UpstreamRequest:
    return UpstreamRequest(
        request.method, request.path, headers={"access_token": token}, query=request.query, json=request.json
    )


def _body(order: GenerationRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        **order.extra,
        "ref_prompt": order.prompt,
        "creation_type": IMAGE_CREATION,
        "number_of_images": order.n,
        "model_code": order.upstream_model,
    }
    if order.shape.ratio:
        body["aspect_ratio"] = str(order.shape.ratio)
    if order.shape.resolution:
        body["clarity"] = _CLARITY[order.shape.resolution]
    if order.image_urls:
        body["ref_img_url"] = list(order.image_urls)
    return body


def _one(upstream_id: str) -> UpstreamRequest:
    return UpstreamRequest("GET", _QUERY, query={"unique_id": upstream_id})


def _page(ids: Sequence[str]) -> UpstreamRequest:
    body = {
        "unique_ids": list(ids),
        "type": IMAGE_CREATION,
        "page": 1,
        "page_size": len(ids),
        "is_success": False,
    }
    return UpstreamRequest("POST", _PAGE, json=body)


def _code(content: Object) -> int | None:
    """The code of the innermost envelope that has one."""
    codes = (as_whole(layer.get("code")) for layer in reversed(layers(content)))
    return next((code for code in codes if code is not None), None)


def _message(content: Object) -> str:
    return read_complaint(layers(content)).message


def _is_bad_token(answer: UpstreamAnswer) -> bool:
    try:
        return _code(read_query("chanjing", answer)) == BAD_TOKEN
    except QueryFailed:
        return False


def _refused(status: int, complaint: Complaint) -> Failure:
    return classify("chanjing", status, complaint.code, complaint.message)


def _failure(code: int, message: str) -> Failure:
    as_status = {BAD_TOKEN: 401, TOO_FAST: 429, INTERNAL: 500, FORMAT: 400, PARAMETER: 400}
    return classify("chanjing", as_status.get(code, 500), str(code), message)


def _reading(*ids: str) -> Callable[[Object], Update]:
    return lambda content: read_task(content, _failed, cancelled=_cancelled, ids=ids)


def _failed(complaint: Complaint) -> Failure:
    return failed_task("chanjing", complaint)


def _cancelled(complaint: Complaint) -> Failure:
    return cancelled_task("chanjing", complaint)
