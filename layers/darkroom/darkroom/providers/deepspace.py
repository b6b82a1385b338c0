"""deepspace (https://api.deepspaceai.net): one address, two routes, chosen by the model's name.

`…-Preferential` models answer with the pictures; the others with an id to look at. There are no callbacks.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from darkroom.providers.base import (
    GenerationRequest,
    OutcomeUnknown,
    Ticket,
    Traits,
    Unreadable,
    Upstream,
    UpstreamRequest,
    bearer,
)
from darkroom.providers.reading.answers import read_looked_up, read_query, read_submitted
from darkroom.providers.reading.refusal_codes import topic_of_code
from darkroom.providers.reading.refusals import cancelled_task, classify, failed_task, told
from darkroom.providers.reading.reported_errors import Complaint
from darkroom.providers.reading.tasks import read_task
from darkroom.providers.reading.values import Object
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.update import Update


class Deepspace:
    """The adapter of deepspace."""

    name = "deepspace"
    traits = Traits(calls_back=False)

    def submit(self, order: GenerationRequest, upstream: Upstream) -> Update:
        """Post the generation: by the synchronous route the answer is the pictures, by the other an id."""
        body = _synchronous_body(order) if order.synchronous else _asynchronous_body(order)
        request = UpstreamRequest(
            "POST", "/v1/images/generations", headers=bearer(upstream), json=body, long=order.synchronous
        )
        update = read_submitted(self.name, upstream.send(request), _reading(), _refused)
        if order.synchronous and not update.status.terminal:
            raise OutcomeUnknown("deepspace answered without any image")
        return update

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Read one task."""
        found = {}
        for ticket in tickets:
            path = f"/v1/images/Seedream/{ticket.upstream_id}"
            content = read_query(self.name, upstream.send(UpstreamRequest("GET", path, headers=bearer(upstream))))
            found[ticket.upstream_id] = read_looked_up(self.name, content, _reading(ticket.upstream_id))
        return found

    def read_callback(self, body: bytes, ids: Collection[str] = ()) -> Update:
        """deepspace never calls back."""
        del body, ids
        raise Unreadable("deepspace has no callbacks")

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Not possible: no call is documented."""
        del ticket, upstream
        return False


def _synchronous_body(order: GenerationRequest) -> dict[str, Any]:
    """Model, prompt, size, images, watermark and format: this route has neither `n` nor `quality`."""
    body: dict[str, Any] = {
        **order.extra,
        "model": order.upstream_model,
        "prompt": order.prompt,
        "watermark": order.watermark,
    }
    if order.shape.resolution:
        body["size"] = order.shape.resolution.value
    if order.image_urls:
        body["image"] = list(order.image_urls)
    if order.output_format:
        body["output_format"] = order.output_format
    return body


def _asynchronous_body(order: GenerationRequest) -> dict[str, Any]:
    """A ratio and a quality: this route has no watermark."""
    body: dict[str, Any] = {
        **order.extra,
        "model": order.upstream_model,
        "prompt": order.prompt,
        "n": order.n,
        "prompt_priority": order.optimize_prompt,
    }
    if order.shape.ratio:
        body["size"] = str(order.shape.ratio)
    if order.shape.resolution:
        body["quality"] = order.shape.resolution.value
    if order.image_urls:
        body["image_urls"] = list(order.image_urls)
    return body


def _reading(*ids: str) -> Callable[[Object], Update]:
    return lambda content: read_task(content, _failed, cancelled=_cancelled, ids=ids)


def _refused(status: int, complaint: Complaint) -> Failure:
    return classify("deepspace", status, complaint.code, complaint.message)


def _failed(complaint: Complaint) -> Failure:
    if "server_error" in {complaint.kind, complaint.code} and topic_of_code(complaint.code) is None:
        text = told("deepspace", complaint.message)
        return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, complaint.code)
    return failed_task("deepspace", complaint)


def _cancelled(complaint: Complaint) -> Failure:
    return cancelled_task("deepspace", complaint)
