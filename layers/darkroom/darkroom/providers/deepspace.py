"""deepspace (https://api.deepspaceai.net): one address, two routes, chosen by the model's name.

`…-Preferential` models answer with the pictures; the others with an id to look at. There are no callbacks.
"""

from typing import Any

from darkroom.providers.adapter import Adapter
from darkroom.providers.base import GenerationRequest, Ticket, Traits, UpstreamRequest
from darkroom.providers.reading.refusal_codes import topic_of_code
from darkroom.providers.reading.refusals import told
from darkroom.providers.reading.reported_errors import Complaint
from darkroom.tasks.failure import Disposition, ErrorCode, Failure


class Deepspace(Adapter):
    """The adapter of deepspace."""

    traits = Traits(calls_back=False)

    def submission(self, order: GenerationRequest) -> UpstreamRequest:
        """Post the generation: by the synchronous route the answer is the pictures, by the other an id."""
        body = _synchronous_body(order) if order.synchronous else _asynchronous_body(order)
        return UpstreamRequest("POST", "/v1/images/generations", json=body, long=order.synchronous)

    def look(self, ticket: Ticket) -> UpstreamRequest:
        """Read one task."""
        return UpstreamRequest("GET", f"/v1/images/Seedream/{ticket.upstream_id}")

    def failed(self, complaint: Complaint) -> Failure:
        """A server's error is an outage; the rest by its words."""
        if "server_error" in {complaint.kind, complaint.code} and topic_of_code(complaint.code) is None:
            text = told(self.name, complaint.message)
            return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, complaint.code)
        return super().failed(complaint)


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
