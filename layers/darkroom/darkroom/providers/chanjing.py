"""chanjing (https://www.chanjing.cc): creations that are only ever polled, up to fifty in one call.

Every answer is HTTP 200; the `code` inside says what it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from darkroom.catalog.geometry import Resolution
from darkroom.providers.adapter import Adapter
from darkroom.providers.base import (
    GenerationRequest,
    OutcomeUnknown,
    QueryFailed,
    Refused,
    Ticket,
    Traits,
    Upstream,
    UpstreamAnswer,
    UpstreamRequest,
)
from darkroom.providers.chanjing_tokens import AccessTokens
from darkroom.providers.reading.answers import entries_of, read_query, read_submitted, taken
from darkroom.providers.reading.envelopes import layers
from darkroom.providers.reading.refusals import classify
from darkroom.providers.reading.reported_errors import read_reported_error
from darkroom.providers.reading.tasks import outline
from darkroom.providers.reading.values import Object, as_id, as_whole
from darkroom.tasks.failure import Failure
from darkroom.tasks.update import Status, Update

_QUERY = "/open/v1/ai_creation/task"
FORMAT, BAD_TOKEN, PARAMETER, TOO_FAST, INTERNAL = 400, 10400, 40000, 40001, 50000
_AS_STATUS = {BAD_TOKEN: 401, TOO_FAST: 429, INTERNAL: 500, FORMAT: 400, PARAMETER: 400}
_GOOD = frozenset({0, 200})
"""0 is documented; 200 is what gateways put around it."""
_REFUSALS = frozenset({FORMAT, BAD_TOKEN, PARAMETER, TOO_FAST})
"""Codes of its page that say that nothing was begun; 50000 is 'internal', and says nothing of it."""
IMAGE_CREATION = 3
_CLARITY = {Resolution.ONE_K: 1024, Resolution.TWO_K: 2048, Resolution.FOUR_K: 4096}


class Chanjing(Adapter):
    """The adapter of chanjing."""

    traits = Traits(calls_back=False, page_size=50)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._tokens = AccessTokens(name)

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Post the creation; the answer is its id."""
        return UpstreamRequest("POST", "/open/v1/ai_creation/task/submit", json=_body(generation))

    def submit(self, generation: GenerationRequest, upstream: Upstream) -> Update:
        """As every adapter does; the code decides first, and the id is the envelope's whole `data`."""
        answer = self.send(self.submission(generation), upstream)
        content = taken(self.name, answer, self.refused)
        code = _code(content)
        if code in _REFUSALS:
            raise Refused(self._failure(code, _message(content)))
        if code is not None and code not in _GOOD:
            raise OutcomeUnknown(f"{self.name} answered code {code}")
        upstream_id = next((text for layer in reversed(layers(content)) if (text := as_id(layer.get("data")))), "")
        if upstream_id:
            return Update(Status.PROCESSING, upstream_id)
        return read_submitted(self.name, answer, self.reading(), self.refused)

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Poll up to fifty creations in one call, one creation by its own."""
        ids = [ticket.upstream_id for ticket in tickets]
        content = self._ask(self.poll(tickets[0]) if len(ids) == 1 else _page(ids), upstream)
        # The submission's id is `unique_id` in the list's example; `id` is tolerated.
        updates = map(self.reading(*ids), entries_of(content))
        return {update.upstream_id: update for update in updates if update.upstream_id in ids}

    def poll(self, ticket: Ticket) -> UpstreamRequest:
        """Read one creation."""
        return UpstreamRequest("GET", _QUERY, query={"unique_id": ticket.upstream_id})

    def authorization(self, upstream: Upstream) -> Mapping[str, str]:
        """The access token: the given one, or one that is fetched."""
        return {"access_token": self._tokens.current(upstream)}

    def send(self, request: UpstreamRequest, upstream: Upstream) -> UpstreamAnswer:
        """Send with the access token; where a fetched one has lapsed early, once more with a new one.

        That repetition is safe: a request with a refused token was certainly not accepted.
        """
        headers = self.authorization(upstream)
        answer = upstream.send(replace(request, headers=headers))
        if not upstream.credential.get("access_token") and self._is_bad_token(answer):
            renewed = self._tokens.renewed(upstream, headers["access_token"])
            answer = upstream.send(replace(request, headers={"access_token": renewed}))
        return answer

    def _ask(self, request: UpstreamRequest, upstream: Upstream) -> Object:
        try:
            content = read_query(self.name, self.send(request, upstream))
        except (Refused, OutcomeUnknown) as error:
            raise QueryFailed(f"{self.name}: {error}") from error
        code = _code(content)
        if code is None or code not in _GOOD:
            raise QueryFailed(f"{self.name} answered code {code}: {outline(content)}")
        return content

    def _is_bad_token(self, answer: UpstreamAnswer) -> bool:
        try:
            return _code(read_query(self.name, answer)) == BAD_TOKEN
        except QueryFailed:
            return False

    def _failure(self, code: int, message: str) -> Failure:
        return classify(self.name, _AS_STATUS.get(code, 500), str(code), message)


def _body(generation: GenerationRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        **generation.extra,
        "ref_prompt": generation.prompt,
        "creation_type": IMAGE_CREATION,
        "number_of_images": generation.n,
        "model_code": generation.upstream_model,
    }
    if generation.shape.ratio:
        body["aspect_ratio"] = str(generation.shape.ratio)
    if generation.shape.resolution:
        body["clarity"] = _CLARITY[generation.shape.resolution]
    if generation.image_urls:
        body["ref_img_url"] = list(generation.image_urls)
    return body


def _page(ids: Sequence[str]) -> UpstreamRequest:
    body = {
        "unique_ids": list(ids),
        "type": IMAGE_CREATION,
        "page": 1,
        "page_size": len(ids),
        "is_success": False,
    }
    return UpstreamRequest("POST", f"{_QUERY}/page", json=body)


def _code(content: Object) -> int | None:
    """The code of the innermost envelope that has one."""
    codes = (as_whole(layer.get("code")) for layer in reversed(layers(content)))
    return next((code for code in codes if code is not None), None)


def _message(content: Object) -> str:
    return read_reported_error(layers(content)).message
