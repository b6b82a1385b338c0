"""How long a message waits in a queue."""

import math

MAX_QUEUE_DELAY = 900
"""The longest delay that SQS takes (AWS: SQS quotas, DelaySeconds)."""


def jittered(seconds: float, chance: float) -> float:
    """Spread a wait by up to a tenth either way; `chance` is from 0 to 1."""
    return seconds * (0.9 + 0.2 * chance)


def queue_delay(seconds: float) -> int:
    """Whole seconds for a queue, from 0 to its limit. Rounded up: a poll must not come before its time."""
    return max(0, min(math.ceil(seconds), MAX_QUEUE_DELAY))
