"""acedata (https://api.acedata.cloud): images with a callback and a query; without either the answer is the images."""

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.providers.adapter import Adapter
from darkroom.providers.base import GenerationRequest, Ticket, Traits, Upstream, UpstreamRequest
from darkroom.providers.maker_fields import maker_fields
from darkroom.providers.reading.answers import entries_of, read_query
from darkroom.providers.reading.refusals import classify, no_balance, provider_message, speaks_of_content
from darkroom.providers.reading.reported_errors import ReportedError
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.update import Update

_OF_THE_KEY = frozenset({"no_token", "invalid_token", "token_expired", "disabled"})


class Acedata(Adapter):
    """The adapter of acedata. A callback's body is the synchronous answer's."""

    traits = Traits(calls_back=True, page_size=50, accepts_data_uris=True)

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Post the request: with a callback or `async` the answer is a task id, else the pictures."""
        return UpstreamRequest("POST", "/seedream/images", json=_body(generation), long=generation.synchronous)

    def poll(self, ticket: Ticket) -> UpstreamRequest:
        """Retrieve one task."""
        return UpstreamRequest("POST", "/seedream/tasks", json={"id": ticket.upstream_id, "action": "retrieve"})

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Retrieve one task, or many in one call."""
        if len(tickets) == 1:
            return super().query(tickets, upstream)
        ids = [ticket.upstream_id for ticket in tickets]
        request = UpstreamRequest("POST", "/seedream/tasks", json={"ids": ids, "action": "retrieve_batch"})
        updates = map(self.reading(*ids), entries_of(read_query(self.name, self.send(request, upstream))))
        return {update.upstream_id: update for update in updates if update.upstream_id in ids}

    def refused(self, status: int, reported: ReportedError) -> Failure:
        """An error by its documented code; the status decides where the code is not one of those."""
        code, message = reported.code, reported.message
        if code == "used_up":
            return no_balance(self.name, code)
        if code in _OF_THE_KEY:
            return classify(self.name, 401, code, message)
        if code == "too_many_requests":
            return classify(self.name, 429, code, message)
        if code == "api_error" and not speaks_of_content(message):
            return Failure(
                ErrorCode.PROVIDER_UNAVAILABLE, provider_message(self.name, message), Disposition.ELSEWHERE, code
            )
        if status == 403:
            # Its 403 beside `disabled` and `used_up` is moderation.
            return Failure(ErrorCode.CONTENT_POLICY, provider_message(self.name, message), Disposition.FINAL, code)
        return super().refused(status, reported)

    def failed(self, reported: ReportedError) -> Failure:
        """A task's error has the codes of a refusal."""
        return self.refused(400, reported)


def _body(generation: GenerationRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        **generation.extra,
        "model": generation.upstream_model,
        "prompt": generation.prompt,
        "watermark": generation.watermark,
    }
    if generation.shape.pixels:
        body["size"] = str(generation.shape.pixels)
    elif generation.shape.resolution:
        body["size"] = generation.shape.resolution.value
    elif generation.shape.adaptive:
        body["size"] = "adaptive"
    body |= maker_fields(generation)
    body.pop("stream", None)  # a stream would hold the submission open until the picture is there
    if generation.callback_url:
        body["callback_url"] = generation.callback_url
    elif not generation.synchronous:
        body["async"] = True
    return body
