"""openai-images: any reseller that speaks OpenAI's images API, under the reseller's own address (`https://host/v1`).

The answer is the pictures, or (where a reseller has a queue) 202 with a job that is asked about. Edits go as OpenAI has
them, in a form with files (`OpenAiImages`), or as links in a field `image` of a generation, as the resellers of
Seedream take them (`OpenAiImagesByLink`). Source: platform.openai.com/docs/api-reference/images.
"""

from typing import Any

from darkroom.providers.adapter import Adapter
from darkroom.providers.base import FormFile, GenerationRequest, Ticket, Traits, UpstreamRequest
from darkroom.providers.reading.refusals import no_balance
from darkroom.providers.reading.reported_errors import ReportedError
from darkroom.tasks.failure import Failure

_JOB_LINKS = ("status_url", "polling_url", "poll_url", "job_url", "urls")


class OpenAiImages(Adapter):
    """The adapter of an OpenAI-compatible reseller; references go as files."""

    traits = Traits(calls_back=False, answers_with_jobs=True)
    poll_links = _JOB_LINKS

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Post a generation as JSON, an edit as a form."""
        body = _body(generation)
        if not generation.image_urls:
            return UpstreamRequest("POST", "/images/generations", json=body, long=True)
        name = "image" if len(generation.image_urls) == 1 else "image[]"
        files = tuple(FormFile(name, url) for url in generation.image_urls)
        fields = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in body.items()}
        return UpstreamRequest("POST", "/images/edits", form=fields, files=files, long=True)

    def poll(self, ticket: Ticket) -> UpstreamRequest:
        """Read one job where the reseller said that it is, else where most have them."""
        return UpstreamRequest("GET", ticket.poll_path or f"/jobs/{ticket.upstream_id}")

    def refused(self, status: int, reported: ReportedError) -> Failure:
        """A quota (`insufficient_quota`, `billing_hard_limit_reached`) comes as a rate limit: 429."""
        if "quota" in reported.code or "billing" in reported.code:
            return no_balance(self.name, reported.code)
        return super().refused(status, reported)


class OpenAiImagesByLink(OpenAiImages):
    """The same, but that references go as links beside the prompt."""

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Post a generation, with its references' links."""
        body = _body(generation)
        if generation.image_urls:
            body["image"] = list(generation.image_urls)
        return UpstreamRequest("POST", "/images/generations", json=body, long=True)


def _body(generation: GenerationRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        **generation.extra,
        "model": generation.upstream_model,
        "prompt": generation.prompt,
        "n": generation.n,
    }
    shape = generation.shape
    body["size"] = str(shape.pixels) if shape.pixels else shape.resolution.value if shape.resolution else "auto"
    if generation.output_format:
        body["output_format"] = generation.output_format
    if not generation.watermark:
        body["watermark"] = False
    if generation.seed != -1:
        body["seed"] = generation.seed
    if generation.guidance_scale is not None:
        body["guidance_scale"] = generation.guidance_scale
    return body
