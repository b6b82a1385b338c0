"""The time that an invocation has: one deadline, from which all waiting and calling out is subtracted.

Lambda ends a function at its time-out, in the middle of whatever it does (AWS: Lambda Developer Guide, "Configure
Lambda function timeout"), and a process serves one invocation at a time: so there is one deadline a process, set anew
at the start of every invocation by `observed`. Outside of an invocation there is all the time in the world.
"""

import math
import time
from collections.abc import Callable

ANSWERING = 2.5
"""Seconds that are kept back to record an outcome and to answer."""
GATEWAY = 28.5
"""Seconds that a call through API Gateway has: its limit is 30 (AWS: HTTP API quotas), less a cold start's."""


class Deadline:
    """A moment, and how far off it is."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ends_at = math.inf

    def begin(self, seconds: float) -> None:
        """An invocation begins that has so many seconds."""
        self._ends_at = self._monotonic() + seconds

    def shorten(self, seconds: float) -> None:
        """Whoever waits for the answer has no more than so many seconds from now on."""
        self._ends_at = min(self._ends_at, self._monotonic() + seconds)

    def end(self) -> None:
        """The invocation is over."""
        self._ends_at = math.inf

    def as_it_stands(self) -> "Deadline":
        """The same moment, whatever becomes of this one: for what goes on after its handler has returned."""
        same = Deadline(self._monotonic)
        same._ends_at = self._ends_at
        return same

    def left(self, *, reserve: float = 0.0) -> float:
        """The seconds that are left, but for a reserve; never less than 0."""
        return max(0.0, self._ends_at - reserve - self._monotonic())


invocation = Deadline()
"""The one of this process."""
