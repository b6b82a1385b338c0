"""fal (https://queue.fal.run): a queue with a signed webhook, a status, a result and a cancellation.

Sources: docs.fal.ai/model-endpoints/queue and /webhooks; fal.ai/docs/documentation/model-apis/errors.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from darkroom.providers.adapter import Adapter
from darkroom.providers.base import GenerationRequest, QueryFailed, Ticket, Traits, Upstream, UpstreamRequest
from darkroom.providers.reading.answers import read_query
from darkroom.providers.reading.envelopes import layers
from darkroom.providers.reading.refusals import no_balance, provider_message, query_failure
from darkroom.providers.reading.reported_errors import ReportedError
from darkroom.providers.reading.values import Object, as_list, as_object, as_text, by_name
from darkroom.providers.signatures import CallbackTrust, from_base64, from_hex, is_signed_by_key
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.update import Update

_SIGNED = tuple(f"x-fal-webhook-{name}" for name in ("request-id", "user-id", "timestamp"))
_SIGNATURE = "x-fal-webhook-signature"
_OUTAGES = frozenset(
    {"internal_server_error", "generation_timeout", "downstream_service_error", "downstream_service_unavailable"}
)
_NO_RESULT_YET = frozenset({429, 502, 503, 504})


class Fal(Adapter):
    """The adapter of fal. The addresses that it gave with a request are kept with it, as its documentation asks."""

    traits = Traits(
        calls_back=True, can_cancel=True, callback_trust=CallbackTrust.SIGNATURE, signs_callbacks=True,
        hands_out_keys=True, accepts_data_uris=True,
    )  # fmt: skip
    poll_links = ("response_url",)
    signature_headers = (*_SIGNED, _SIGNATURE)
    timestamp_header = _SIGNED[2]

    def authorization(self, upstream: Upstream) -> Mapping[str, str]:
        """Its own scheme."""
        return {"authorization": f"Key {upstream.credential['api_key']}"}

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Put a request into the queue."""
        query = {"fal_webhook": generation.callback_url} if generation.callback_url else {}
        return UpstreamRequest("POST", f"/{generation.upstream_model}", query=query, json=_body(generation))

    def poll(self, ticket: Ticket) -> UpstreamRequest:
        """Ask for a request's status."""
        return UpstreamRequest("GET", f"{_path(ticket)}/status")

    def query_one(self, ticket: Ticket, upstream: Upstream) -> Update:
        """Ask for the status, and once it is over for the result: an error's status there is the model's."""
        stands = super().query_one(ticket, upstream)
        if not (stands.status.terminal or stands.doubt):
            return stands
        answer = self.send(UpstreamRequest("GET", _path(ticket)), upstream)
        if answer.status in _NO_RESULT_YET or answer.status in {401, 403, 404}:
            raise query_failure(self.name, answer)
        word = "OK" if 200 <= answer.status < 300 else "ERROR"
        content = {"task_id": ticket.upstream_id, "status": word, "payload": _payload(self.name, answer.body)}
        return self.reading(ticket.upstream_id)(content)

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Cancel a request; one that has been made answers 400 (ALREADY_COMPLETED)."""
        return self.ask_to_cancel(UpstreamRequest("PUT", f"{_path(ticket)}/cancel"), upstream)

    def is_signed(self, headers: Mapping[str, str], body: bytes, secrets: Collection[str]) -> bool:
        """Ed25519 over three headers and the body's digest, by any of the published keys (base64)."""
        import hashlib

        message = "\n".join([*(headers[name] for name in _SIGNED), hashlib.sha256(body).hexdigest()]).encode()
        return is_signed_by_key(message, from_hex(headers[_SIGNATURE]), [from_base64(key) for key in secrets])

    def keys_address(self, address: str) -> str:
        """Its key set has a host of its own; a proxy in front of the queue has it beside the queue."""
        return "https://rest.fal.ai" if urlsplit(address).hostname == "queue.fal.run" else address

    def signing_keys(self, upstream: Upstream) -> Sequence[str]:
        """The published key set; no key of ours goes there."""
        answer = upstream.send(UpstreamRequest("GET", "/.well-known/jwks.json"))
        entries = [as_object(entry) for entry in as_list(read_query(self.name, answer).get("keys"))]
        return [as_text(entry.get("x"))[:100] for entry in entries if entry.get("x")][:20]

    def refused(self, status: int, reported: ReportedError) -> Failure:
        """An empty account comes as 403, with a sentence."""
        if status == 403 and "balance" in reported.message.lower():
            return no_balance(self.name, reported.code)
        return super().refused(status, reported)

    def failed(self, reported: ReportedError) -> Failure:
        """A request's error, by its documented type."""
        if reported.code in _OUTAGES:
            text = provider_message(self.name, reported.message, reported.code)
            return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, reported.code)
        return super().failed(reported)

    def reading(self, *ids: str) -> Callable[[Object], Update]:
        """What reads a webhook's body, or a result put into its form."""
        read = super().reading(*ids)
        return lambda content: read(_plain(content))


def _plain(content: Object) -> Object:
    """A body with its request's id under the name that is understood, and with the model's own error."""
    if "task_id" in content:  # ours, of a result
        request: Object = by_name(content)
    else:
        request = next((layer for layer in reversed(layers(content)) if layer.get("requestid")), {})
    if not request:
        return content
    named: dict[str, Any] = {"taskid": request.get("requestid"), **request}
    details = next((as_list(layer["detail"]) for layer in layers(request) if as_list(layer.get("detail"))), [])
    if details:
        detail = as_object(details[0])
        named["error"] = {"code": as_text(detail.get("type"))[:100], "message": as_text(detail.get("msg"))}
        named.pop("payload", None)
    return named


def _payload(provider: str, body: bytes) -> Any:
    from darkroom.providers.base import Unreadable
    from darkroom.providers.reading.bodies import read_object

    try:
        return read_object(body)
    except Unreadable as error:
        raise QueryFailed(f"{provider}: {error}") from error


def _path(ticket: Ticket) -> str:
    """Where a request is: as fal said, else under the owner and the application of its model."""
    owner_and_app = "/".join(ticket.upstream_model.split("/")[:2])
    return ticket.poll_path or f"/{owner_and_app}/requests/{ticket.upstream_id}"


def _body(generation: GenerationRequest) -> dict[str, Any]:
    body: dict[str, Any] = {**generation.extra, "prompt": generation.prompt, "num_images": generation.n}
    shape = generation.shape
    if shape.pixels:  # other sizes than those that a model has are scaled there, in silence
        body["image_size"] = {"width": shape.pixels.width, "height": shape.pixels.height}
    elif shape.resolution:
        body["image_size"] = f"auto_{shape.resolution.value}"
    if generation.image_urls:
        body["image_urls"] = list(generation.image_urls)
    if generation.seed != -1:
        body["seed"] = generation.seed
    if generation.output_format:
        body["output_format"] = generation.output_format
    if generation.optimize_prompt != "standard":
        body["enhance_prompt_mode"] = generation.optimize_prompt
    return body
