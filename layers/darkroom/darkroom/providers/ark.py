"""ark: the maker's own API at Volcengine (https://ark.cn-beijing.volces.com/api/v3) and BytePlus ModelArk.

The answer is the pictures: nothing calls back, and nothing can be asked about or cancelled. Sources:
volcengine.com/docs/82379/1541523 (image generation API), /1299023 (error codes); docs.byteplus.com/en/docs/ModelArk.
"""

from typing import Any

from darkroom.providers.adapter import Adapter
from darkroom.providers.base import GenerationRequest, Refused, Traits, UpstreamAnswer, UpstreamRequest
from darkroom.providers.maker_fields import maker_fields
from darkroom.providers.reading.refusals import classify, no_balance, provider_message, reported_error_in, retry_after
from darkroom.providers.reading.reported_errors import ReportedError
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.update import Update

# What is this account's or its host's trouble, and passes at another provider.
_OF_THE_ACCOUNT = ("modelnotopen", "invalidendpointormodel", "setlimitexceeded", "invalidaccountstatus", "accessdenied")
_OUTAGES = ("internalserviceerror", "contentsecuritydetectionerror")
_SERVER_ERROR = 500


class Ark(Adapter):
    """The adapter of the maker's own API, whatever its region: a key holds in one region alone."""

    traits = Traits(calls_back=False, synchronous_only=True, accepts_data_uris=True)

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """Post the request; the answer, when the pictures are made, has them."""
        return UpstreamRequest("POST", "/images/generations", json=_body(generation), long=True)

    def read_submission(self, answer: UpstreamAnswer, generation: GenerationRequest) -> Update:
        """As ever, but that a 500 in its own form is its word that nothing was made: only an answer has pictures."""
        if answer.status == _SERVER_ERROR:
            reported = reported_error_in(answer)
            if reported.code.lower() in _OUTAGES:
                raise Refused(self.refused(answer.status, reported), retry_after(answer))
        return super().read_submission(answer, generation)

    def refused(self, status: int, reported: ReportedError) -> Failure:
        """An error by its documented code."""
        code = reported.code.lower()
        text = provider_message(self.name, reported.message, reported.code or f"answered {status}")
        if code.startswith("accountoverdue"):
            return no_balance(self.name, reported.code)
        if code.startswith(_OF_THE_ACCOUNT):
            return Failure(ErrorCode.PROVIDER_AUTH, text, Disposition.ELSEWHERE, reported.code)
        if code in _OUTAGES:
            return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, reported.code)
        return classify(self.name, status, reported.code, reported.message)


def _body(generation: GenerationRequest) -> dict[str, Any]:
    """What the model knows, and nothing else: 5.0 Pro, Flash and 5.5 answer 400 to a field that they have not."""
    body: dict[str, Any] = {
        "response_format": "url",
        **generation.extra,
        "model": generation.upstream_model,
        "prompt": generation.prompt,
        "watermark": generation.watermark,
    }
    shape = generation.shape
    size = str(shape.pixels) if shape.pixels else shape.resolution.value if shape.resolution else "adaptive"
    body["size"] = size
    return body | maker_fields(generation)
