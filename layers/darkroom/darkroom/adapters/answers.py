"""Reading what providers answer: tolerant of form, and never surprised by content."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from darkroom.adapters.base import OutcomeUnknown, QueryFailed, Refused, Unreadable, UpstreamAnswer
from darkroom.domain.failure import Disposition, ErrorCode, Failure
from darkroom.domain.nesting import deeper_than
from darkroom.domain.redaction import redacted
from darkroom.domain.request import MAX_IMAGES_TOGETHER
from darkroom.domain.update import MadeImage

Object = Mapping[str, Any]
MAX_MESSAGE = 300
MAX_HEARD = 4000
"""Characters of a message that are looked at."""
MAX_CODE = 100
MAX_ID = 256
MAX_NESTING = 64
SERVER_ERROR, UNAVAILABLE = 500, 503
_MODERATION = re.compile(r"(?i)sensitive|moderation|content.?policy|violat|nsfw|inappropriate|prohibited|unsafe")


def read_object(body: bytes) -> Object:
    """A body as a JSON object. Raises `Unreadable`, whatever the bytes are."""
    if deeper_than(body, MAX_NESTING):
        raise Unreadable(f"nested more than {MAX_NESTING} levels deep")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {type(error).__name__}") from error
    if not isinstance(content, dict):
        raise Unreadable(f"a JSON object was expected, not {type(content).__name__}")
    return content


def as_object(value: Any) -> Object:
    """A value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> Sequence[Any]:
    """A value if it is a list, else an empty one."""
    return value if isinstance(value, list) else ()


def as_text(value: Any) -> str:
    """A value if it is a text or a whole number (ids come as both), else an empty text."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int) and abs(value) < 10**18:
        return str(value)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def as_code(value: Any) -> str:
    """A provider's word for what went wrong: short, and without any link or token in it."""
    return redacted(as_text(value)[:MAX_HEARD])[:MAX_CODE]


def as_id(value: Any) -> str:
    """A job's id, or an empty text for what can't be one: it is recorded, and put into the path of a query."""
    text = as_text(value)
    return text if len(text) <= MAX_ID else ""


def as_progress(value: Any) -> int | None:
    """A percentage from 0 to 100, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124 - NaN
        return None
    return int(max(0, min(value, 100)))


def pictures(links: Iterable[Any]) -> tuple[MadeImage, ...]:
    """Made images out of links; a thing that is no web address is that image's own failure."""
    return tuple(_picture(as_text(link)) for _, link in zip(range(MAX_IMAGES_TOGETHER), links, strict=False))


def picture_data(data: Any) -> MadeImage:
    """A made image out of base64, with or without a `data:` prefix."""
    text = as_text(data)
    return MadeImage(base64=text.partition(",")[2] if text.startswith("data:") else text)


def _picture(link: str) -> MadeImage:
    if link.startswith("data:image/"):
        return picture_data(link)
    if link.startswith(("http://", "https://")):
        return MadeImage(url=link)
    nothing = Failure(ErrorCode.IMAGE_UNAVAILABLE, "The provider gave no web address for this image.")
    return MadeImage(failure=nothing)


def told(provider: str, message: Any, fallback: str = "gave no reason") -> str:
    """A provider's own message for the task's owner: short, on one line, without any link, token or key in it."""
    text = " ".join(as_text(message)[:MAX_HEARD].split()) or fallback
    return f"{provider}: {redacted(text)[:MAX_MESSAGE]}"


def speaks_of_content(*words: Any) -> bool:
    """Whether a provider's code or message says that the content was refused."""
    return any(_MODERATION.search(as_text(word)) for word in words)


def classify(provider: str, status: int, code: str, message: Any) -> Failure:
    """An HTTP refusal in our words, from its status, with the provider's own code and message."""
    text = told(provider, message, f"answered {status}")
    if speaks_of_content(code, message) and status < 500:
        return Failure(ErrorCode.CONTENT_POLICY, text, Disposition.FINAL, code)
    match status:
        case 401 | 403:
            return Failure(ErrorCode.PROVIDER_AUTH, text, Disposition.ELSEWHERE, code)
        case 402:
            return no_balance(provider, code)
        case 429:
            return Failure(ErrorCode.RATE_LIMITED, text, Disposition.LATER, code)
        case _ if 300 <= status < 400:
            return Failure(ErrorCode.PROVIDER_ERROR, f"{provider} answered {status}.", Disposition.ELSEWHERE, code)
        case _ if status >= 500:
            return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, code)
        case _:
            return Failure(ErrorCode.INVALID_REQUEST, text, Disposition.FINAL, code)


def no_balance(provider: str, code: str) -> Failure:
    """The account at the provider is empty: nothing that the task's owner could mend."""
    text = f"{provider}: this deployment's account there has no balance left."
    return Failure(ErrorCode.INSUFFICIENT_CREDITS, text, Disposition.ELSEWHERE, code)


def refusal(provider: str, answer: UpstreamAnswer, failure: Failure | None) -> Refused:
    """The exception for an answer that is an error: `failure` is what its envelope says, None where it has none.

    Raises `OutcomeUnknown` for a 5xx but 503, in whosever form: what broke may have broken after the job was made, and
    no provider documents otherwise (docs/providers.md). A 503 says that the request is not handled (RFC 9110, 15.6.4).
    """
    if answer.status >= SERVER_ERROR and answer.status != UNAVAILABLE:
        raise OutcomeUnknown(f"{provider} answered {answer.status}")
    return Refused(failure or classify(provider, answer.status, "", ""), _retry_after(answer))


def query_failure(provider: str, answer: UpstreamAnswer) -> QueryFailed:
    """The exception for a look that brought no answer about the task."""
    return QueryFailed(f"{provider} answered {answer.status}", gone=answer.status == 404)


def read_query(provider: str, answer: UpstreamAnswer) -> Object:
    """The object in the answer to a look. Raises `QueryFailed`."""
    if answer.status != 200:
        raise query_failure(provider, answer)
    try:
        return read_object(answer.body)
    except Unreadable as error:
        raise QueryFailed(f"{provider}: {error}") from error


def read_accepted(provider: str, answer: UpstreamAnswer) -> Object:
    """The object in a submission's 2xx answer. Raises `OutcomeUnknown`: it was taken, but as what?"""
    try:
        return read_object(answer.body)
    except Unreadable as error:
        raise OutcomeUnknown(f"{provider} accepted, but its answer is {error}") from error


def envelope(answer: UpstreamAnswer) -> Object | None:
    """An error answer's own JSON object, or None where it has none (a proxy's page, an empty body)."""
    try:
        return read_object(answer.body)
    except Unreadable:
        return None


def _retry_after(answer: UpstreamAnswer) -> float | None:
    value = answer.headers.get("retry-after", "")
    return min(float(value), 3600.0) if value.isascii() and value.isdecimal() else None
