"""Percentiles kept as counts, exact to a quarter."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.catalog.score import ENOUGH, STEP, Score, merged, percentile, step_of

TIMES = st.lists(st.floats(0.6, 3000), min_size=1, max_size=60)


@given(times=TIMES, share=st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_at_least_the_true_one_and_at_most_a_quarter_more(times: list[float], share: float) -> None:
    steps: dict[int, int] = {}
    for seconds in times:
        steps[step_of(seconds)] = steps.get(step_of(seconds), 0) + 1
    ordered = sorted(times)
    true = next(seconds for place, seconds in enumerate(ordered, 1) if place >= share * len(times))
    found = percentile(steps, share)
    assert found is not None
    assert true <= found + 0.01 <= true * STEP + 0.02


@pytest.mark.parametrize(("seconds", "step"), [(0, 0), (0.5, 0), (0.51, 1), (10**9, 42)])
def test_every_time_has_its_step(seconds: float, step: int) -> None:
    assert step_of(seconds) == step


def test_a_few_tasks_are_no_measure() -> None:
    steps = {3: ENOUGH - 1}
    assert Score(completed=ENOUGH - 1, steps=steps).p50 is None
    assert Score(completed=ENOUGH, steps={3: ENOUGH}).p50 is not None
    assert Score().price is None
    assert percentile({}, 0.5) is None


def test_days_add_up() -> None:
    day = Score(
        completed=2, failed=1, images=3, asked=4, credits=Decimal("5.4"), called_back=1, unheard=1, steps={1: 2}
    )
    both = merged([day, day])
    assert (both.completed, both.failed, both.images, both.asked) == (4, 2, 6, 8)
    assert (both.called_back, both.unheard, both.steps) == (2, 2, {1: 4})
    assert both.price == Decimal("1.8")
