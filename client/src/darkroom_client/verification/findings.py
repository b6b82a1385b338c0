"""What was tried and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darkroom_client.verification.trial import Trial


class Outcome(StrEnum):
    """What came of a check."""

    OK = "ok"
    FAILED = "failed"
    NOT_TRIED = "not tried"


class Failed(Exception):
    """The deployment does not do what it should; the message says what it did instead."""


class NotTried(Exception):
    """A check can't be made; the message says what it would need."""


@dataclass(frozen=True)
class Check:
    """One promise and how it is tried.

    `run` returns what was found, or raises `Failed` or `NotTried`. `meaning` says what a failure means, `look` where
    to look. `needs` are checks without which this one says nothing, `wants` others that are to be made before it.
    """

    name: str
    run: "Callable[[Trial], str]"
    meaning: str
    look: str
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What came of one check, in how many seconds. `meaning` and `look` are of failures only."""

    check: str
    outcome: Outcome
    found: str
    seconds: float
    meaning: str = ""
    look: str = ""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        told = {"check": self.check, "outcome": self.outcome.value, "found": self.found, "seconds": self.seconds}
        return told | ({"meaning": self.meaning, "look": self.look} if self.outcome is Outcome.FAILED else {})


@dataclass
class Report:
    """All findings, and the seconds that the steps of one picture took."""

    findings: list[Finding] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)

    @property
    def failures(self) -> list[Finding]:
        """What failed."""
        return [finding for finding in self.findings if finding.outcome is Outcome.FAILED]

    @property
    def ok(self) -> bool:
        """Whether nothing failed. What was not tried is no failure."""
        return not self.failures

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"ok": self.ok, "checks": [each.as_json() for each in self.findings], "times": self.times}
