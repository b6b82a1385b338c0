"""wavespeed (https://api.wavespeed.ai/api/v3): predictions, with a signed webhook and a look-up.

Sources: wavespeed.ai/docs/submit-task, /get-result, /verify-webhooks.
"""

from collections.abc import Collection, Mapping, Sequence
from hmac import compare_digest
from typing import Any

from darkroom.providers.adapter import Adapter
from darkroom.providers.base import GenerationRequest, Ticket, Traits, Upstream, UpstreamRequest
from darkroom.providers.reading.answers import read_query
from darkroom.providers.reading.envelopes import layers
from darkroom.providers.reading.values import as_text
from darkroom.providers.signatures import STANDARD_HEADERS, CallbackTrust, from_hex, sha256_hmac


class Wavespeed(Adapter):
    """The adapter of wavespeed: a model's name is its path."""

    traits = Traits(
        calls_back=True, callback_trust=CallbackTrust.SIGNATURE, signs_callbacks=True, hands_out_keys=True,
        accepts_data_uris=True,
    )  # fmt: skip
    poll_links = ("urls",)
    signature_headers = STANDARD_HEADERS
    timestamp_header = "webhook-timestamp"

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Make a prediction."""
        query = {"webhook": generation.callback_url} if generation.callback_url else {}
        return UpstreamRequest("POST", f"/{generation.upstream_model}", query=query, json=_body(generation))

    def poll(self, ticket: Ticket) -> UpstreamRequest:
        """Read one prediction, where it said that it is."""
        return UpstreamRequest("GET", ticket.poll_path or f"/predictions/{ticket.upstream_id}/result")

    def is_signed(self, headers: Mapping[str, str], body: bytes, secrets: Collection[str]) -> bool:
        """An HMAC over id, time and body, in hex, of version `v3`; its secret is not base64, whatever it looks like."""
        message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        given = [text.partition(",") for text in headers["webhook-signature"].split()]
        wanted = [sha256_hmac(secret.removeprefix("whsec_").encode(), message) for secret in secrets]
        return any(compare_digest(each, from_hex(digest)) for v, _, digest in given if v == "v3" for each in wanted)

    def signing_keys(self, upstream: Upstream) -> Sequence[str]:
        """The account's secret, by its API key."""
        answer = self.send(UpstreamRequest("GET", "/webhook/secret"), upstream)
        found = [as_text(layer.get(name)) for layer in layers(read_query(self.name, answer)) for name in _NAMES_OF_IT]
        return [text[:200] for text in found if text]


_NAMES_OF_IT = ("secret", "webhooksecret", "key")


def _body(generation: GenerationRequest) -> dict[str, Any]:
    body: dict[str, Any] = {**generation.extra, "prompt": generation.prompt, "enable_sync_mode": False}
    shape = generation.shape
    if shape.pixels:
        body["size"] = f"{shape.pixels.width}*{shape.pixels.height}"
    elif shape.resolution:
        body["resolution"] = shape.resolution.value.lower()
    if shape.ratio:
        body["aspect_ratio"] = str(shape.ratio)
    if generation.image_urls:
        body["images"] = list(generation.image_urls)
    if generation.n > 1 or "sequential" in generation.upstream_model:
        body["max_images"] = generation.n
    if generation.output_format:
        body["output_format"] = generation.output_format
    return body
