"""How often a webhook is tried, and how long after one another. Waits are seconds of real time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often one webhook is tried: the waits between its attempts, and how long an answer may take. Seconds."""

    waits: tuple[float, ...]
    timeout: float = 15

    def wait(self, attempt: int) -> float | None:
        """The wait between attempt number `attempt` (from 1) and the next, or None where that was the last."""
        return self.waits[attempt - 1] if attempt <= len(self.waits) else None


WEBHOOKS = RetryRule((5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 31 * 3600))
"""Our own rule: ten attempts to deliver one webhook, in 72 h."""

ANNOUNCEMENT_GRACE = 300
"""How long the end of a task may stay unannounced before the reconciler announces it."""
