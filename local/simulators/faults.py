"""Faults that a simulator can be told to have.

A fault is set to a value, or to `{"value": …, "times": N}` (the next N submissions), `{"every": K}` (each K-th) or
`{"chance": 0.2}`. It is drawn once for each submission and then holds for that job.

Submission: submit_hang (seconds, then no answer), submit_delay (seconds), submit_status (HTTP status, or chanjing's
code), submit_proxy_error (HTTP status with a proxy's page), submit_lost (the job is made, the answer breaks off),
submit_own_error (HTTP status: the job is made, and the answer says in the provider's own form that it failed).
The job: job_fail (code, or true), job_moderated, job_stuck, fewer_images (how many), more_images (how many beyond),
latency (seconds), echo (its answers and callbacks repeat the submission, callback address and links, so many times).
Callbacks: callback_drop, callback_double, callback_delay (seconds), callback_first (before the submission's answer),
callback_late_failure (a failure after the completion), callback_stranger (first one about a job that nobody
submitted), callback_garbage (empty, text, list, wrong, deep, huge), callback_unsigned, callback_forged (signed for
another body), callback_old (seconds since it was signed), keys_status (HTTP status of the keys of signatures).
Pictures: image_missing, image_stale (403 until the task is queried again), image_truncated, image_endless,
image_slow (seconds), image_type (html, svg), image_redirect (an address), image_oversized, image_hops (redirects).
Queries: query_status (HTTP status), query_hang (seconds).
"""

import random
import re
from dataclasses import dataclass, field
from typing import Any

NAMES = frozenset(
    [
        "submit_hang",
        "submit_delay",
        "submit_status",
        "submit_proxy_error",
        "submit_lost",
        "submit_own_error",
        "job_fail",
        "job_moderated",
        "job_stuck",
        "fewer_images",
        "more_images",
        "echo",
        "callback_stranger",
        "latency",
        "callback_drop",
        "callback_double",
        "callback_delay",
        "callback_first",
        "callback_late_failure",
        "callback_garbage",
        "callback_unsigned",
        "callback_forged",
        "callback_old",
        "keys_status",
        "image_missing",
        "image_stale",
        "image_truncated",
        "image_endless",
        "image_slow",
        "image_type",
        "image_redirect",
        "image_oversized",
        "image_hops",
        "query_status",
        "query_hang",
    ]
)
_MARKER = re.compile(r"\[\[([a-z_]+)(?:=([^\]]*))?\]\]")


class UnknownFault(ValueError):
    """No fault has this name."""


@dataclass
class _Switch:
    value: Any = True
    times: int | None = None
    every: int | None = None
    chance: float | None = None
    seen: int = 0

    def draw(self, dice: random.Random) -> Any:
        self.seen += 1
        if self.every and self.seen % self.every:
            return None
        if self.chance is not None and dice.random() >= self.chance:
            return None
        if self.times is not None:
            if self.times <= 0:
                return None
            self.times -= 1
        return self.value


@dataclass
class Faults:
    """The faults that are set, and the dice for those that come by chance."""

    switches: dict[str, _Switch] = field(default_factory=dict)
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def set(self, wanted: dict[str, Any]) -> None:
        """Set faults. Raises `UnknownFault`."""
        for name, value in wanted.items():
            if name not in NAMES:
                raise UnknownFault(f"no fault is called {name!r}: use {', '.join(sorted(NAMES))}")
            self.switches[name] = _Switch(**value) if isinstance(value, dict) else _Switch(value)

    def clear(self) -> None:
        """Have no fault any more."""
        self.switches.clear()

    def draw(self, prompt: str) -> dict[str, Any]:
        """The faults of one submission: those that are set, and those that its prompt asks for."""
        drawn = {name: value for name, switch in self.switches.items() if (value := switch.draw(self.dice)) is not None}
        for name, text in _MARKER.findall(prompt):
            if name in NAMES:
                drawn[name] = _plain(text)
        return {name: value for name, value in drawn.items() if value is not False}


def _plain(text: str) -> Any:
    if not text:
        return True
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text
