"""Writes that DynamoDB did not take this time: races that others won, and throttling. Both are waited out, with jitter.

Codes as AWS has them: docs.aws.amazon.com/amazondynamodb, developerguide/Programming.Errors and
APIReference/API_TransactWriteItems (the reasons of a cancelled transaction).
"""

import random
import time
from typing import Any

from botocore.exceptions import ClientError

MAX_CONFLICTS = 40
"""Lost races after which a write gives up: far more than the fifteen images of one task can cause."""
MAX_THROTTLES = 8
PATIENCE = 4.0
"""Seconds for which throttling is waited out, beside the SDK's own four tries each time: a callback has ten in all."""

_RACES = frozenset({"TransactionConflictException", "TransactionInProgressException"})
_RACE_REASONS = frozenset({"TransactionConflict"})
_THROTTLES = frozenset({"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"})
_THROTTLE_REASONS = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError"})
_CONDITION = "ConditionalCheckFailed"


class Contention(Exception):
    """The record changed under every try to change it; the caller should come back later."""


class Tries:
    """The tries of one write, and the waits between them. `subject` names the write in errors."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._lost = 0
        self._throttled = 0
        self._throttled_at: float | None = None

    def lost(self) -> None:
        """Wait after a race that somebody else won. Raises `Contention` where that goes on and on."""
        self._lost += 1
        if self._lost >= MAX_CONFLICTS:
            raise Contention(f"{self._subject} was changed by others {MAX_CONFLICTS} times in a row")
        time.sleep(random.uniform(0, min(0.005 * 2**self._lost, 0.25)))

    def throttled(self, error: ClientError) -> None:
        """Wait after a write that came too fast for the table. Raises the error itself where that goes on."""
        now = time.monotonic()
        self._throttled += 1
        if self._throttled_at is None:
            self._throttled_at = now
        if self._throttled >= MAX_THROTTLES or now - self._throttled_at >= PATIENCE:
            raise error
        time.sleep(random.uniform(0, min(0.1 * 2**self._throttled, 1.0)))


def reasons(error: ClientError) -> list[dict[str, Any]]:
    """Why a transaction was cancelled, part by part; nothing for any other error."""
    found: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return found


def condition_failed(error: ClientError) -> bool:
    """Whether a condition stood against the write, or against a part of it."""
    return _code(error) == f"{_CONDITION}Exception" or _CONDITION in _reason_codes(error)


def lost_race(error: ClientError) -> bool:
    """Whether another transaction was at the same items."""
    return _code(error) in _RACES or bool(_reason_codes(error) & _RACE_REASONS)


def throttled(error: ClientError) -> bool:
    """Whether the table (or one key of it) did not keep up."""
    return _code(error) in _THROTTLES or bool(_reason_codes(error) & _THROTTLE_REASONS)


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _reason_codes(error: ClientError) -> set[str]:
    return {reason.get("Code", "") for reason in reasons(error)}
