"""A webhook that nobody takes is tried for three days, whoever keeps its long waits."""

import pytest

from benchmarks import waits
from darkroom.webhooks.delivery_log import DeliveryState
from darkroom.webhooks.retry_schedule import WEBHOOKS

MOMENTS = [sum(WEBHOOKS.waits[:place]) for place in range(len(WEBHOOKS.waits) + 1)]


def test_waits_that_are_booked_take_an_invocation_for_each_attempt_and_no_other() -> None:
    bill = waits.measured(booked=True)
    assert bill.attempts == 10
    assert dict(bill.asked) == {"attempt": 10, "SQS": 30, "schedule": 5}
    assert 72 <= bill.hours < 73


def test_waits_that_cannot_be_booked_are_walked_in_hops_and_end_at_the_same_time() -> None:
    bill = waits.measured(booked=False)
    assert bill.attempts == 10
    assert dict(bill.asked) == {"attempt": 10, "hop": 283, "SQS": 879}
    assert 72 <= bill.hours < 73


@pytest.mark.parametrize("late", [-59, 0, 59])
def test_a_schedule_that_comes_early_or_late_makes_no_attempt_before_its_time(
    monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    monkeypatch.setattr(waits, "LATE", late)
    monkeypatch.setattr("darkroom.webhooks.delivery.random", lambda: 0.5)
    clockwork = waits.Clockwork(booked=True)
    clockwork.run()
    begun = [(moment - clockwork.posts[0]) / 1000 for moment in clockwork.posts]
    assert len(begun) == len(MOMENTS)
    for moment, (attempt, due) in enumerate(zip(begun, MOMENTS, strict=True)):
        assert due - 0.001 <= attempt <= due + 60 * moment + 0.001
    (log,) = clockwork.logs.values()
    assert log.state is DeliveryState.FAILED
