"""A breaker opens, rests longer each time, and lets one task try."""

import pytest

from darkroom.catalog.breaker import LONGEST_REST, REST, Breaker, BreakerState, rest


@pytest.mark.parametrize(
    ("retry_at", "now", "state"),
    [
        (None, 0, BreakerState.CLOSED),
        (100, 99, BreakerState.OPEN),
        (100, 100, BreakerState.HALF_OPEN),
    ],
)
def test_the_state_follows_from_the_clock(retry_at: int | None, now: int, state: BreakerState) -> None:
    assert Breaker("evolink", retry_at=retry_at).state(now) is state


def test_a_rest_doubles_up_to_its_limit() -> None:
    assert [rest(times) for times in (1, 2, 3)] == [REST, 2 * REST, 4 * REST]
    assert rest(20) == LONGEST_REST
