"""evolink (https://api.evolink.ai): generations with a callback and a query."""

import re
from typing import Any

from darkroom.providers.adapter import Adapter
from darkroom.providers.base import GenerationRequest, Ticket, Traits, UpstreamRequest
from darkroom.providers.reading.refusal_codes import Topic, topic_of_code
from darkroom.providers.reading.refusals import no_balance, provider_message
from darkroom.providers.reading.reported_errors import ReportedError
from darkroom.tasks.failure import Disposition, ErrorCode, Failure

# A task's error codes, as its documentation groups them: an outage on its side, against the client's own doing.
_OUTAGES = frozenset({"service_error", "generation_timeout", "resource_exhausted", "service_unavailable"})
_CLIENTS = frozenset({"invalid_parameters", "image_processing_error", "image_dimension_mismatch"})
_NUMBER_WORDS = re.compile(
    r"(?i)\d|\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen)\b"
    r"|[两二三四五六七八九十]"
)


class Evolink(Adapter):
    """The adapter of evolink. A callback has the query's body (its callback page); it comes once billing is settled."""

    # `task_info.can_cancel` is shown, but no call to cancel is documented.
    traits = Traits(calls_back=True)

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Post the generation; the answer is its task, pending."""
        return UpstreamRequest("POST", "/v1/images/generations", json=_body(generation))

    def poll(self, ticket: Ticket) -> UpstreamRequest:
        """Read one task."""
        return UpstreamRequest("GET", f"/v1/tasks/{ticket.upstream_id}")

    def refused(self, status: int, reported: ReportedError) -> Failure:
        """A quota is the account's at this deployment's provider, whatever the status."""
        if "quota" in reported.code or "insufficient" in reported.code:
            return no_balance(self.name, reported.code)
        return super().refused(status, reported)

    def failed(self, reported: ReportedError) -> Failure:
        """A task's error, by the group in which its documentation has the code."""
        code = reported.code
        text = provider_message(self.name, reported.message, code or "gave no reason")
        if code == "request_cancelled":
            return self.cancelled(reported)
        if code in _OUTAGES:
            return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, code)
        if code == "quota_exceeded":
            return no_balance(self.name, code)
        if code in _CLIENTS and topic_of_code(code) is not Topic.CONTENT:
            return Failure(ErrorCode.INVALID_REQUEST, text, upstream_code=code)
        return super().failed(reported)


def _body(generation: GenerationRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        **generation.extra,
        "model": generation.upstream_model,
        "prompt": _with_number(generation.prompt, generation.n),
        "n": generation.n,
    }
    if generation.shape.pixels:
        body["size"] = str(generation.shape.pixels)
    elif generation.shape.ratio and generation.shape.resolution:  # the spelling of 5.0 lite and of what came after it
        body |= {"size": str(generation.shape.ratio), "quality": generation.shape.resolution.value}
    elif generation.shape.resolution:
        body["size"] = generation.shape.resolution.value
    if generation.optimize_prompt != "standard":
        body["prompt_priority"] = generation.optimize_prompt
    if generation.image_urls:
        body["image_urls"] = list(generation.image_urls)
    if generation.callback_url:
        body["callback_url"] = generation.callback_url
    return body


def _with_number(prompt: str, n: int) -> str:
    """Its page asks to say the number of images in the prompt too; a prompt that names any is left as it is."""
    if n == 1 or _NUMBER_WORDS.search(prompt):
        return prompt
    return f"{prompt}\nGenerate {n} images."
