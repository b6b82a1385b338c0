"""replicate (https://api.replicate.com/v1): predictions, with a webhook signed by Standard Webhooks.

Sources: replicate.com/docs/reference/http, replicate.com/docs/topics/webhooks/verify-webhook.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from darkroom.providers.adapter import Adapter
from darkroom.providers.base import GenerationRequest, QueryFailed, Ticket, Traits, Upstream, UpstreamRequest
from darkroom.providers.reading.answers import read_query
from darkroom.providers.reading.values import as_text
from darkroom.providers.signatures import STANDARD_HEADERS, CallbackTrust, is_standard_webhook


class Replicate(Adapter):
    """The adapter of replicate. Its links to pictures die after an hour: a callback may not be missed for longer."""

    traits = Traits(
        calls_back=True, can_cancel=True, callback_trust=CallbackTrust.SIGNATURE, signs_callbacks=True,
        hands_out_keys=True, accepts_data_uris=True, answers_with_jobs=True,
    )  # fmt: skip

    signature_headers = STANDARD_HEADERS
    timestamp_header = "webhook-timestamp"

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Make a prediction; a synchronous one is waited for as long as replicate allows, a minute."""
        body: dict[str, Any] = {"input": _input(generation)}
        if generation.callback_url:
            body |= {"webhook": generation.callback_url, "webhook_events_filter": ["completed"]}
        path = f"/models/{generation.upstream_model}/predictions"
        headers = {"prefer": "wait=60"} if generation.synchronous else {}
        return UpstreamRequest("POST", path, headers=headers, json=body, long=generation.synchronous)

    def poll(self, ticket: Ticket) -> UpstreamRequest:
        """Read one prediction."""
        return UpstreamRequest("GET", f"/predictions/{ticket.upstream_id}")

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Cancel a prediction. One that had ended is shown as it ended, with the same status."""
        answer = self.send(UpstreamRequest("POST", f"/predictions/{ticket.upstream_id}/cancel"), upstream)
        if not 200 <= answer.status < 300:
            raise QueryFailed(f"{self.name} answered {answer.status} to a cancellation")
        return as_text(read_query(self.name, answer).get("status")) in {"canceled", "aborted"}

    def is_signed(self, headers: Mapping[str, str], body: bytes, secrets: Collection[str]) -> bool:
        """Standard Webhooks, by any of the secrets (`whsec_…`)."""
        return is_standard_webhook(headers, body, secrets)

    def signing_keys(self, upstream: Upstream) -> Sequence[str]:
        """The account's secret, by its API key."""
        answer = self.send(UpstreamRequest("GET", "/webhooks/default/secret"), upstream)
        key = as_text(read_query(self.name, answer).get("key"))
        return [key[:200]] if key else []


def _input(generation: GenerationRequest) -> dict[str, Any]:
    shape = generation.shape
    given: dict[str, Any] = {**generation.extra, "prompt": generation.prompt}
    if shape.pixels:
        given |= {"size": "custom", "width": shape.pixels.width, "height": shape.pixels.height}
    elif shape.resolution:
        given["size"] = shape.resolution.value
    if shape.ratio:
        given["aspect_ratio"] = str(shape.ratio)
    elif shape.adaptive:
        given["aspect_ratio"] = "match_input_image"
    if generation.image_urls:
        given["image_input"] = list(generation.image_urls)
    if generation.n > 1:
        given |= {"sequential_image_generation": "auto", "max_images": generation.n}
    if generation.output_format:
        given["output_format"] = generation.output_format
    return given
