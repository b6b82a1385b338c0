"""Refusals and failures of providers in our words: the code first, then the status, and words for what is left."""

import re
from typing import Any

from darkroom.providers.base import OutcomeUnknown, QueryFailed, Refused, Unreadable, UpstreamAnswer
from darkroom.providers.reading.bodies import read_object
from darkroom.providers.reading.envelopes import layers, says_no, status_of
from darkroom.providers.reading.refusal_codes import Topic, topic_of_code
from darkroom.providers.reading.reported_errors import ReportedError, read_reported_error
from darkroom.providers.reading.values import MAX_HEARD, Object, as_text, plain
from darkroom.providers.redaction import redacted
from darkroom.tasks.failure import Disposition, ErrorCode, Failure

MAX_MESSAGE = 300
SERVER_ERROR, UNAVAILABLE = 500, 503
_INSIDE = re.compile(r"internal|servererror|serviceerror|systemerror|unknownerror|^apierror$|timeout|gateway|upstream")
"""Codes that say that something broke inside a provider, which may have been after the job was made."""


def provider_message(provider: str, message: Any, fallback: str = "gave no reason") -> str:
    """A provider's own message for the task's owner: short, on one line, without any link, token or key in it."""
    text = " ".join(as_text(message)[:MAX_HEARD].split()) or fallback
    return f"{provider}: {redacted(text)[:MAX_MESSAGE]}"


def classify(provider: str, status: int, code: str, message: Any) -> Failure:
    """An HTTP refusal in our words, from its code, its status and its message, in that order of weight."""
    text = provider_message(provider, message, f"answered {status}")
    match _topic(status, code, as_text(message)):
        case Topic.CONTENT:
            return Failure(ErrorCode.CONTENT_POLICY, text, Disposition.FINAL, code)
        case Topic.BALANCE:
            return no_balance(provider, code)
        case Topic.RATE:
            return Failure(ErrorCode.RATE_LIMITED, text, Disposition.LATER, code)
        case Topic.KEY:
            return Failure(ErrorCode.PROVIDER_AUTH, text, Disposition.ELSEWHERE, code)
        case None if 300 <= status < 400:
            return Failure(ErrorCode.PROVIDER_ERROR, f"{provider} answered {status}.", Disposition.ELSEWHERE, code)
        case None if status >= SERVER_ERROR:
            return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, code)
        case None:
            return Failure(ErrorCode.INVALID_REQUEST, text, Disposition.FINAL, code)


_OF_STATUS = {401: Topic.KEY, 402: Topic.BALANCE, 429: Topic.RATE}


def _topic(status: int, code: str, message: str) -> Topic | None:
    """What a refusal is about. A code of content is believed with any status; words with 400, 403 and their kind."""
    by_code = topic_of_code(code)
    if by_code is Topic.CONTENT and status < SERVER_ERROR:
        return by_code
    if by_code is Topic.BALANCE and status in {400, 402, 403, 429}:
        return by_code
    if status in _OF_STATUS:
        return _OF_STATUS[status]
    if by_code is None and (status == 403 or 400 <= status < SERVER_ERROR):
        from darkroom.providers.reading.refusal_words import (
            topic_of_words,  # its many patterns are compiled when needed
        )

        by_words = topic_of_words(message)
        return by_words if status != 403 or by_words is Topic.CONTENT else Topic.KEY
    return by_code if 400 <= status < SERVER_ERROR else None


def speaks_of_content(message: str) -> bool:
    """Whether a sentence refuses what was asked for, or what was made, for what it says or shows."""
    from darkroom.providers.reading import refusal_words

    return refusal_words.speaks_of_content(message)


def failed_task(provider: str, reported: ReportedError, fallback: str = "gave no reason") -> Failure:
    """Why a task that was accepted failed at its provider, where no code of its own says more."""
    text = provider_message(provider, reported.message, reported.code or fallback)
    by_code = topic_of_code(reported.code) or topic_of_code(reported.kind)
    if by_code is Topic.CONTENT or (by_code is None and speaks_of_content(reported.message)):
        return Failure(ErrorCode.CONTENT_POLICY, text, upstream_code=reported.code)
    return Failure(ErrorCode.PROVIDER_ERROR, text, upstream_code=reported.code)


def cancelled_task(provider: str, reported: ReportedError) -> Failure:
    """A task that was cancelled at its provider."""
    text = provider_message(provider, reported.message, reported.code or "the task was cancelled there")
    return Failure(ErrorCode.CANCELLED, text, upstream_code=reported.code)


def no_balance(provider: str, code: str) -> Failure:
    """The account at the provider is empty: nothing that the task's owner could mend."""
    text = f"{provider}: this deployment's account there has no balance left."
    return Failure(ErrorCode.INSUFFICIENT_CREDITS, text, Disposition.ELSEWHERE, code)


def refusal(provider: str, answer: UpstreamAnswer, failure: Failure | None) -> Refused:
    """The exception for an answer that is an error: `failure` is what it says, None where it says nothing.

    Raises `OutcomeUnknown` for a 5xx but 503, in whosever form: what broke may have broken after the job was made, and
    no provider documents otherwise (docs/providers.md). A 503 says that the request is not handled (RFC 9110, 15.6.4).
    """
    if answer.status >= SERVER_ERROR and answer.status != UNAVAILABLE:
        raise OutcomeUnknown(f"{provider} answered {answer.status}")
    return Refused(failure or classify(provider, answer.status, "", ""), retry_after(answer))


def reported_error_in(answer: UpstreamAnswer) -> ReportedError:
    """What an error answer's body says, in whatever form; nothing for a proxy's page or an empty body."""
    try:
        return read_reported_error(layers(read_object(answer.body)))
    except Unreadable:
        return ReportedError()


def refused_inside(provider: str, content: Object) -> tuple[int, ReportedError] | None:
    """The status and the reported of a 2xx answer that says of itself that it took nothing, None where it does not.

    Raises `OutcomeUnknown` where what it says may have happened after the job was made.
    """
    levels = layers(content)
    reported = read_reported_error(levels)
    if not reported or not (reported.explicit or says_no(levels)):
        return None
    status = status_of(levels) or 400
    broke_inside = status >= SERVER_ERROR and status != UNAVAILABLE
    if broke_inside or _INSIDE.search(plain(reported.code)) or _INSIDE.search(plain(reported.kind)):
        raise OutcomeUnknown(f"{provider} accepted, and says that something broke")
    return status, reported


def query_failure(provider: str, answer: UpstreamAnswer) -> QueryFailed:
    """The exception for a poll that brought no answer about the task."""
    return QueryFailed(f"{provider} answered {answer.status}", gone=answer.status == 404)


def retry_after(answer: UpstreamAnswer) -> float | None:
    """The seconds that a provider asks us to wait, an hour at most; None where it asks for nothing."""
    value = answer.headers.get("retry-after", "")
    return min(float(value), 3600.0) if value.isascii() and value.isdecimal() else None
