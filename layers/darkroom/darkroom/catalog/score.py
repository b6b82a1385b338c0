"""How an offer did lately: counted from real tasks, its percentiles kept as counts in steps of a quarter."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

STEP = 1.25
FASTEST = 0.5
"""Seconds of the first step: what is faster counts as that."""
STEPS = 42
"""The last step is at 1.25^42 x 0.5 s, an hour and a half."""
ENOUGH = 20
"""Completed tasks below which a measured time is not relied on."""


def step_of(seconds: float) -> int:
    """The step that a time falls into."""
    if seconds <= FASTEST:
        return 0
    return min(STEPS, math.ceil(math.log(seconds / FASTEST, STEP)))


def percentile(steps: Mapping[int, int], share: float) -> float | None:
    """The time (seconds) that this share of all tasks needed at most; exact to a quarter."""
    total = sum(steps.values())
    if not total:
        return None
    seen = 0
    for step in sorted(steps):
        seen += steps[step]
        if seen >= share * total:
            return round(FASTEST * STEP**step, 2)
    raise AssertionError("the steps hold all tasks")


@dataclass(frozen=True, slots=True)
class Score:
    """What one offer did: tasks, images, credits, and how the ends became known.

    `called_back` are completions that its callback told of, `unheard` those that a poll found although a callback was
    expected.
    """

    completed: int = 0
    failed: int = 0
    images: int = 0
    asked: int = 0
    credits: Decimal = Decimal(0)
    called_back: int = 0
    unheard: int = 0
    steps: Mapping[int, int] = field(default_factory=dict)
    callback_steps: Mapping[int, int] = field(default_factory=dict)

    @property
    def p50(self) -> float | None:
        """Seconds that half of the completed tasks needed at most, where there are enough of them."""
        return percentile(self.steps, 0.5) if self.completed >= ENOUGH else None

    @property
    def p95(self) -> float | None:
        """Seconds that nineteen of twenty needed at most, where there are enough of them."""
        return percentile(self.steps, 0.95) if self.completed >= ENOUGH else None

    @property
    def price(self) -> Decimal | None:
        """Credits for each image that was delivered."""
        return self.credits / self.images if self.images else None


def merged(scores: Iterable[Score]) -> Score:
    """Several days as one."""
    days = list(scores)
    return Score(
        completed=sum(day.completed for day in days),
        failed=sum(day.failed for day in days),
        images=sum(day.images for day in days),
        asked=sum(day.asked for day in days),
        credits=sum((day.credits for day in days), Decimal(0)),
        called_back=sum(day.called_back for day in days),
        unheard=sum(day.unheard for day in days),
        steps=_added(day.steps for day in days),
        callback_steps=_added(day.callback_steps for day in days),
    )


def _added(many: Iterable[Mapping[int, int]]) -> dict[int, int]:
    total: dict[int, int] = {}
    for steps in many:
        for step, count in steps.items():
            total[step] = total.get(step, 0) + count
    return total
