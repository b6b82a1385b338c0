"""The request headers that mean something to us."""

from collections.abc import Mapping

from darkroom.api.errors import bad_request
from darkroom.api.numbers import whole_number

LONGEST_WAIT = 25


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """`Idempotency-Key`, or None. Raises `ApiError` (400)."""
    key = headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not all("!" <= letter <= "~" for letter in key):
        raise bad_request("Idempotency-Key must have 1 to 255 visible ASCII characters", "Idempotency-Key")
    return key


def wait_seconds(headers: Mapping[str, str]) -> int:
    """The seconds of `Prefer: wait=N`, at most 25, or 0. Other preferences are not ours to heed (RFC 7240)."""
    for preference in (headers.get("prefer") or "").split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            seconds = whole_number(value.strip().strip('"'))
            if seconds is None:
                raise bad_request(f"Prefer: wait must be a whole number of seconds up to {LONGEST_WAIT}", "Prefer")
            return min(seconds, LONGEST_WAIT)
    return 0


def matches_etag(headers: Mapping[str, str], etag: str) -> bool:
    """Whether `If-None-Match` names this entity tag, compared weakly as RFC 9110 says."""
    given = headers.get("if-none-match") or ""
    return any(tag.strip().removeprefix("W/") in {etag, "*"} for tag in given.split(","))
