"""deepspace (https://api.deepspaceai.net): one address, two routes, chosen by the model's name.

`…-Preferential` models answer with the pictures; the others with an id to poll. There are no callbacks.
"""

from typing import Any

from darkroom.providers.adapter import Adapter
from darkroom.providers.base import GenerationRequest, Ticket, Traits, UpstreamRequest
from darkroom.providers.reading.refusal_codes import topic_of_code
from darkroom.providers.reading.refusals import provider_message
from darkroom.providers.reading.reported_errors import ReportedError
from darkroom.tasks.failure import Disposition, ErrorCode, Failure


class Deepspace(Adapter):
    """The adapter of deepspace."""

    traits = Traits(calls_back=False)

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Post the generation: by the synchronous route the answer is the pictures, by the other an id."""
        body = _synchronous_body(generation) if generation.synchronous else _asynchronous_body(generation)
        return UpstreamRequest("POST", "/v1/images/generations", json=body, long=generation.synchronous)

    def poll(self, ticket: Ticket) -> UpstreamRequest:
        """Read one task."""
        return UpstreamRequest("GET", f"/v1/images/Seedream/{ticket.upstream_id}")

    def failed(self, reported: ReportedError) -> Failure:
        """A server's error is an outage; the rest by its words."""
        if "server_error" in {reported.kind, reported.code} and topic_of_code(reported.code) is None:
            text = provider_message(self.name, reported.message)
            return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, reported.code)
        return super().failed(reported)


def _synchronous_body(generation: GenerationRequest) -> dict[str, Any]:
    """Model, prompt, size, images, watermark and format: this route has neither `n` nor `quality`."""
    body: dict[str, Any] = {
        **generation.extra,
        "model": generation.upstream_model,
        "prompt": generation.prompt,
        "watermark": generation.watermark,
    }
    if generation.shape.resolution:
        body["size"] = generation.shape.resolution.value
    if generation.image_urls:
        body["image"] = list(generation.image_urls)
    if generation.output_format:
        body["output_format"] = generation.output_format
    return body


def _asynchronous_body(generation: GenerationRequest) -> dict[str, Any]:
    """A ratio and a quality: this route has no watermark."""
    body: dict[str, Any] = {
        **generation.extra,
        "model": generation.upstream_model,
        "prompt": generation.prompt,
        "n": generation.n,
        "prompt_priority": generation.optimize_prompt,
    }
    if generation.shape.ratio:
        body["size"] = str(generation.shape.ratio)
    if generation.shape.resolution:
        body["quality"] = generation.shape.resolution.value
    if generation.image_urls:
        body["image_urls"] = list(generation.image_urls)
    return body
