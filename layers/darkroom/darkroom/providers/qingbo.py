"""qingbo (https://qingbo.dev): tasks with a callback and a query; queued tasks can be cancelled."""

from typing import Any

from darkroom.providers.adapter import Adapter
from darkroom.providers.base import GenerationRequest, QueryFailed, Ticket, Traits, Upstream, UpstreamRequest


class Qingbo(Adapter):
    """The adapter of qingbo. No page says what a callback's body is: it is taken to be the query's."""

    traits = Traits(calls_back=True, can_cancel=True)

    def submission(self, order: GenerationRequest) -> UpstreamRequest:
        """Post the task; the answer is its state, queued as a rule."""
        return UpstreamRequest("POST", "/v1/tasks", json=_body(order))

    def look(self, ticket: Ticket) -> UpstreamRequest:
        """Read one task."""
        return UpstreamRequest("GET", f"/v1/tasks/{ticket.upstream_id}")

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Cancel while it is queued; later than that it refuses."""
        answer = self.send(UpstreamRequest("POST", f"/v1/tasks/{ticket.upstream_id}/cancel"), upstream)
        if answer.status >= 500 or answer.status in {401, 429}:
            raise QueryFailed(f"{self.name} answered {answer.status} to a cancellation")
        return 200 <= answer.status < 300


def _body(order: GenerationRequest) -> dict[str, Any]:
    extra: dict[str, Any] = dict(order.extra)
    if order.output_format:
        extra["output_format"] = order.output_format
    if order.optimize_prompt != "standard":
        extra["optimize_prompt_options"] = {"mode": order.optimize_prompt}
    if order.web_search:
        extra["tools"] = [{"type": "web_search"}]
    extra.pop("stream", None)  # a stream would hold the submission open until the picture is there
    body: dict[str, Any] = {
        "model": order.upstream_model,
        "action": order.action.value,
        "prompt": order.prompt,
        "n": order.n,
        "watermark": order.watermark,
    }
    if order.shape.ratio:
        body["size"] = str(order.shape.ratio)
    if order.shape.resolution:
        body["resolution"] = order.shape.resolution.value
    if order.image_urls:
        body["image_urls"] = list(order.image_urls)
    if order.callback_url:
        body["callback_url"] = order.callback_url
    if extra:
        body["extra"] = extra
    return body
