"""Why a task, an image or a submission failed, in the words of the API."""

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """The `error.code` of a task; the list is part of the API."""

    INVALID_REQUEST = "invalid_request"
    CONTENT_POLICY = "content_policy"
    INSUFFICIENT_CREDITS = "insufficient_credits"
    RATE_LIMITED = "rate_limited"
    PROVIDER_AUTH = "provider_auth"
    PROVIDER_ERROR = "provider_error"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    IMAGE_UNAVAILABLE = "image_unavailable"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    SUBMISSION_UNKNOWN = "submission_unknown"
    CANCELLED = "cancelled"


class Disposition(StrEnum):
    """What may be done about a failure without asking the user.

    FINAL: nothing; the request itself was refused (content, a field) and every provider would be asked in vain.
    LATER: the same provider said 'not now' (rate limit); the same submission may be repeated after a while.
    ELSEWHERE: this provider can't do it now (outage, our key, our balance); another may.
    """

    FINAL = "final"
    LATER = "later"
    ELSEWHERE = "elsewhere"


RETRYABLE = frozenset(
    {
        ErrorCode.RATE_LIMITED,
        ErrorCode.PROVIDER_ERROR,
        ErrorCode.PROVIDER_UNAVAILABLE,
        ErrorCode.IMAGE_UNAVAILABLE,
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.SUBMISSION_UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A classified failure: `message` is for the task's owner, `upstream_code` is the provider's own word."""

    code: ErrorCode
    message: str
    disposition: Disposition = Disposition.FINAL
    upstream_code: str = ""

    @property
    def retryable(self) -> bool:
        """Whether the owner may post the same task again with some hope."""
        return self.code in RETRYABLE
