"""A circuit breaker: a provider that is out again and again is left alone for a while, then tried by one task.

Outages that one owner alone has met may come from what it asks for, and close the provider to nobody else.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

FAILURES = 5
"""Outages in a row that open a breaker."""
WINDOW = 120
"""Seconds after which an outage no longer counts towards the next."""
REST = 30
"""Seconds that a breaker stays open at first; each time that the probe fails twice as long."""
LONGEST_REST = 600


class BreakerState(StrEnum):
    """Whether a provider is asked."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """One provider's breaker. Times are Unix milliseconds; `retry_at` is when one task may try it, if it is open;
    `probing` says that one does."""

    provider: str
    failures: int = 0
    last_failure_at: int = 0
    opened: int = 0
    retry_at: int | None = None
    probing: bool = False
    owners: frozenset[str] = frozenset()
    """Marks of those who met the outages."""

    def concerns(self, owner: str) -> bool:
        """Whether an owner goes by it: not where the outages are another one's alone."""
        return len(self.owners) != 1 or mark_of(owner) in self.owners

    def state(self, now: int) -> BreakerState:
        """Whether the provider is asked now."""
        if self.retry_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self.retry_at else BreakerState.HALF_OPEN

    def opens(self, now: int) -> bool:
        """Whether an outage that was just counted opens it (again): the last of several, or that of a probe.

        Tasks that were under way when it opened say nothing new.
        """
        if self.retry_at is None:
            return self.failures >= FAILURES
        return self.probing or now >= self.retry_at


def mark_of(owner: str) -> str:
    """How an owner is told from others in a breaker, without its name."""
    return hashlib.sha256(owner.encode()).hexdigest()[:16]


def rest(opened: int) -> int:
    """Seconds that a breaker rests when it opens for the `opened`-th time in a row (from 1)."""
    return min(REST << (opened - 1), LONGEST_REST)
