"""The time of day, as everything here counts it."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Gives the time in Unix milliseconds."""


def now() -> int:
    """The time in Unix milliseconds."""
    return time.time_ns() // 1_000_000
