"""qingbo (https://qingbo.dev): tasks with a callback and a query; queued tasks can be cancelled."""

from typing import Any

from darkroom.providers.adapter import Adapter
from darkroom.providers.base import GenerationRequest, Ticket, Traits, Upstream, UpstreamRequest


class Qingbo(Adapter):
    """The adapter of qingbo. No page says what a callback's body is: it is taken to be the query's."""

    traits = Traits(calls_back=True, can_cancel=True)

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Post the task; the answer is its state, queued as a rule."""
        return UpstreamRequest("POST", "/v1/tasks", json=_body(generation))

    def poll(self, ticket: Ticket) -> UpstreamRequest:
        """Read one task."""
        return UpstreamRequest("GET", f"/v1/tasks/{ticket.upstream_id}")

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Cancel while it is queued; later than that it refuses."""
        return self.ask_to_cancel(UpstreamRequest("POST", f"/v1/tasks/{ticket.upstream_id}/cancel"), upstream)


def _body(generation: GenerationRequest) -> dict[str, Any]:
    extra: dict[str, Any] = dict(generation.extra)
    if generation.output_format:
        extra["output_format"] = generation.output_format
    if generation.optimize_prompt != "standard":
        extra["optimize_prompt_options"] = {"mode": generation.optimize_prompt}
    if generation.web_search:
        extra["tools"] = [{"type": "web_search"}]
    extra.pop("stream", None)  # a stream would hold the submission open until the picture is there
    body: dict[str, Any] = {
        "model": generation.upstream_model,
        "action": generation.action.value,
        "prompt": generation.prompt,
        "n": generation.n,
        "watermark": generation.watermark,
    }
    if generation.shape.ratio:
        body["size"] = str(generation.shape.ratio)
    if generation.shape.resolution:
        body["resolution"] = generation.shape.resolution.value
    if generation.image_urls:
        body["image_urls"] = list(generation.image_urls)
    if generation.callback_url:
        body["callback_url"] = generation.callback_url
    if extra:
        body["extra"] = extra
    return body
