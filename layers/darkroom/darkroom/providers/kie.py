"""kie (https://api.kie.ai/api/v1): jobs with a callback and a look-up.

Its callback's signature covers the task's id and the time, not the body: what it says counts once the look-up says the
same. Sources: docs.kie.ai/market/common/get-task-detail, docs.kie.ai/common-api/webhook-verification.
"""

from collections.abc import Collection, Mapping
from typing import Any

from darkroom.catalog.geometry import Resolution
from darkroom.providers.adapter import Adapter
from darkroom.providers.base import GenerationRequest, Ticket, Traits, Unreadable, UpstreamRequest
from darkroom.providers.reading.bodies import read_object
from darkroom.providers.reading.envelopes import layers, names_of
from darkroom.providers.reading.refusals import provider_message
from darkroom.providers.reading.reported_errors import ReportedError
from darkroom.providers.signatures import CallbackTrust, from_base64, sha256_hmac
from darkroom.tasks.failure import Disposition, ErrorCode, Failure

_MAINTENANCE = 455
_QUALITIES = {
    "seedream/5-pro": {Resolution.ONE_K: "basic", Resolution.TWO_K: "high"},
    "seedream/5-lite": {Resolution.TWO_K: "basic", Resolution.THREE_K: "high", Resolution.FOUR_K: "ultra"},
    "seedream/4.5": {Resolution.TWO_K: "basic", Resolution.FOUR_K: "high"},
}
"""What a model calls a class of resolution, by the beginning of its name."""


class Kie(Adapter):
    """The adapter of kie."""

    traits = Traits(calls_back=True, callback_trust=CallbackTrust.CONFIRM, signs_callbacks=True)
    signature_headers = ("x-webhook-timestamp", "x-webhook-signature")
    timestamp_header = "x-webhook-timestamp"

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Make a task."""
        body: dict[str, Any] = {"model": generation.upstream_model, "input": _input(generation)}
        if generation.callback_url:
            body["callBackUrl"] = generation.callback_url
        return UpstreamRequest("POST", "/jobs/createTask", json=body)

    def poll(self, ticket: Ticket) -> UpstreamRequest:
        """Read one task."""
        return UpstreamRequest("GET", "/jobs/recordInfo", query={"taskId": ticket.upstream_id})

    def is_signed(self, headers: Mapping[str, str], body: bytes, secrets: Collection[str]) -> bool:
        """An HMAC over the task's id and the time, where the account's key for it is switched on."""
        from hmac import compare_digest

        given = from_base64(headers["x-webhook-signature"])
        message = f"{_task_id(body)}.{headers[self.timestamp_header]}".encode()
        return any(compare_digest(sha256_hmac(secret.encode(), message), given) for secret in secrets)

    def refused(self, status: int, reported: ReportedError) -> Failure:
        """Its own 455 is maintenance."""
        if _MAINTENANCE in {status, _number(reported.code)}:
            text = provider_message(self.name, reported.message, "is being maintained")
            return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, reported.code)
        return super().refused(status, reported)


def _task_id(body: bytes) -> str:
    try:
        levels = layers(read_object(body))
    except Unreadable:
        return ""
    return next(iter(names_of(levels, len(levels) - 1)), "")


def _number(code: str) -> int:
    return int(code) if code.isascii() and code.isdecimal() else 0


def _input(generation: GenerationRequest) -> dict[str, Any]:
    shape = generation.shape
    given: dict[str, Any] = {**generation.extra, "prompt": generation.prompt}
    if shape.ratio:
        given["aspect_ratio"] = str(shape.ratio)
    qualities = next((q for begins, q in _QUALITIES.items() if generation.upstream_model.startswith(begins)), {})
    if shape.resolution:
        given["quality"] = qualities.get(shape.resolution, shape.resolution.value)
    if generation.image_urls:
        given["image_urls"] = list(generation.image_urls)
    if generation.output_format:
        given["output_format"] = generation.output_format
    return given
