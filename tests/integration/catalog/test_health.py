"""Breakers and scores: what all functions know together of the providers."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import boto3
import pytest

from darkroom.catalog.breaker import FAILURES, REST, BreakerState
from darkroom.catalog.breaker_store import Breakers
from darkroom.catalog.routing import plan
from darkroom.catalog.score import ENOUGH
from darkroom.catalog.score_store import DAYS, ScoreStore
from darkroom.catalog.scorecard import WATCHDOG, Scorecard
from darkroom.catalog.shipped import shipped_catalog
from darkroom.tasks import transitions
from darkroom.tasks.history_entry import HistoryEntry
from darkroom.tasks.request import ImageRequest, Strategy
from darkroom.tasks.task import PlannedOffer, Task
from tests.integration.emulated_aws import ACCOUNTS, emulated_aws
from tests.unit.tasks.test_transitions import BUSY, NO, NOW, accepted, copying, sending, stored

DAY = 86_400_000
_OFFER = PlannedOffer("evolink", "doubao-seedream-4.5", False, Decimal("1.80"))


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with emulated_aws():
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


def breakers(clock: Clock) -> Breakers:
    return Breakers(boto3.client("dynamodb"), ACCOUNTS, clock=clock, scale=1)


def scores() -> ScoreStore:
    return ScoreStore(boto3.client("dynamodb"), ACCOUNTS)


def scorecard(clock: Clock) -> Scorecard:
    return Scorecard(scores=scores, breakers=lambda: breakers(clock), catalog=shipped_catalog, clock=clock)


def ended(seconds: float = 20, *, cause: str = "callback", expects_callback: bool = True) -> Task:
    task = transitions.store_image(copying(), 0, stored(0), now=NOW)
    task = transitions.store_image(task, 1, stored(1), now=NOW)
    attempt = task.attempts[0]
    made = HistoryEntry(attempt.begun_at + int(1000 * seconds), "images_made", cause)
    attempt = replace(attempt, expects_callback=expects_callback, upstream_model="doubao-seedream-4.5")
    return replace(task, attempts=(attempt,), history=(made,), plan=(_OFFER,))


# Breakers


def test_a_breaker_opens_after_outages_in_a_row_for_everybody(clock: Clock) -> None:
    mine, others = breakers(clock), breakers(clock)
    for _ in range(FAILURES - 1):
        mine.failed("evolink", "acme")
    assert others.of("evolink").state(clock()) is BreakerState.CLOSED
    mine.failed("evolink", "another")
    clock.now += 6_000  # what the others read before is old by now
    assert others.of("evolink").state(clock()) is BreakerState.OPEN
    assert others.of("evolink").concerns("a third")
    assert others.of("qingbo").state(clock()) is BreakerState.CLOSED


def test_outages_that_lie_far_apart_open_nothing(clock: Clock) -> None:
    mine = breakers(clock)
    for _ in range(3 * FAILURES):
        mine.failed("evolink", "acme")
        clock.now += 121_000
    assert mine.of("evolink").state(clock()) is BreakerState.CLOSED


def test_one_task_tries_a_provider_that_rested_and_its_outcome_decides(clock: Clock) -> None:
    mine, others = breakers(clock), breakers(clock)
    for _ in range(FAILURES):
        mine.failed("evolink", "acme")
    opened = mine.of("evolink")
    assert not mine.may_probe(opened)
    clock.now += 1000 * REST
    half_open = mine.of("evolink")
    assert half_open.state(clock()) is BreakerState.HALF_OPEN
    assert mine.may_probe(half_open)
    assert not others.may_probe(half_open), "two probes at once"
    mine.failed("evolink", "acme")
    again = mine.of("evolink")
    assert again.state(clock()) is BreakerState.OPEN
    assert again.retry_at is not None
    assert again.retry_at - clock() == 2000 * REST
    clock.now = again.retry_at
    assert mine.may_probe(mine.of("evolink"))
    mine.succeeded("evolink")
    assert mine.of("evolink").state(clock()) is BreakerState.CLOSED
    assert mine.of("evolink").opened == 0


def test_tasks_that_were_under_way_when_it_opened_do_not_prolong_the_rest(clock: Clock) -> None:
    mine = breakers(clock)
    for _ in range(FAILURES):
        mine.failed("evolink", "acme")
    opened = mine.of("evolink")
    for _ in range(3 * FAILURES):
        clock.now += 100
        mine.failed("evolink", "acme")
    assert mine.of("evolink").retry_at == opened.retry_at
    assert mine.of("evolink").opened == 1


def test_a_success_forgets_the_outages_before_it(clock: Clock) -> None:
    mine = breakers(clock)
    for _ in range(4):
        for _ in range(FAILURES - 1):
            mine.failed("evolink", "acme")
        mine.succeeded("evolink")
    assert mine.of("evolink").state(clock()) is BreakerState.CLOSED


# Steering


def choices(*providers: str) -> Any:
    request = ImageRequest(model="seedream-4.5", prompt="a fox", providers=providers)
    return plan(request, shipped_catalog(), available=set(providers))


def test_a_provider_that_is_out_comes_last(clock: Clock) -> None:
    for _ in range(FAILURES):
        breakers(clock).failed("evolink", "acme")
    steered, wait = scorecard(clock).steered(choices("evolink", "qingbo", "acedata"), "acme")
    assert [choice.offer.provider for choice in steered] == ["qingbo", "acedata", "evolink"]
    assert wait == 0


def test_where_all_are_out_the_task_waits_for_the_first(clock: Clock) -> None:
    for _ in range(FAILURES):
        breakers(clock).failed("evolink", "acme")
    steered, wait = scorecard(clock).steered(choices("evolink"), "acme")
    assert [choice.offer.provider for choice in steered] == ["evolink"]
    assert wait == clock() + 1000 * REST


def test_a_provider_that_rested_is_tried_by_one_task_only(clock: Clock) -> None:
    for _ in range(FAILURES):
        breakers(clock).failed("evolink", "acme")
    clock.now += 1000 * REST
    first, _ = scorecard(clock).steered(choices("evolink", "qingbo"), "acme")
    second, _ = scorecard(clock).steered(choices("evolink", "qingbo"), "acme")
    assert [choice.offer.provider for choice in first] == ["evolink", "qingbo"]
    assert [choice.offer.provider for choice in second] == ["qingbo", "evolink"]


def test_outages_that_one_owner_alone_has_met_close_a_provider_to_nobody_else(clock: Clock) -> None:
    """Its content may be what the provider fails at."""
    for _ in range(3 * FAILURES):
        breakers(clock).failed("evolink", "attacker")
    card = scorecard(clock)
    usual = choices("evolink", "qingbo")
    steered, _ = card.steered(usual, "attacker")
    assert [choice.offer.provider for choice in steered] == ["qingbo", "evolink"]
    assert card.steered(usual, "acme") == (tuple(usual), 0)
    assert card.state_of("evolink", "attacker") is BreakerState.OPEN
    assert card.state_of("evolink", "acme") is BreakerState.CLOSED
    breakers(clock).failed("evolink", "acme")
    assert scorecard(clock).state_of("evolink", "a third") is BreakerState.OPEN


# Scores


def test_a_completed_task_counts_for_its_offer(clock: Clock) -> None:
    scores().record(ended())
    scores().record(ended(cause="look"))
    (score,) = scores().lately(NOW).values()
    assert (score.completed, score.failed, score.asked, score.images) == (2, 0, 4, 4)
    assert (score.called_back, score.unheard) == (1, 1)
    assert score.credits == 2 * ended().usage.charged
    assert score.price == score.credits / 4


def test_a_polled_task_lost_no_callback(clock: Clock) -> None:
    scores().record(ended(cause="look", expects_callback=False))
    (score,) = scores().lately(NOW).values()
    assert (score.called_back, score.unheard) == (0, 0)


def test_a_failure_counts_against_the_provider_unless_the_request_was_to_blame(clock: Clock) -> None:
    task = sending(accepted())
    busy = transitions.refuse(sending_task(), BUSY, now=NOW)
    scores().record(transitions.cancel(busy, now=NOW))
    (score,) = scores().lately(NOW).values()
    assert (score.completed, score.failed) == (0, 1)
    scores().record(transitions.refuse(sending_task(), NO, now=NOW))
    assert task.attempts
    (score,) = scores().lately(NOW).values()
    assert score.failed == 1, "the content was refused, which says nothing of the provider"


def sending_task() -> Task:
    from tests.unit.tasks.test_transitions import a_task

    return sending(a_task())


def test_scores_are_of_the_last_days(clock: Clock) -> None:
    scores().record(ended())
    assert scores().lately(NOW + (DAYS - 1) * DAY)
    assert not scores().lately(NOW + (DAYS + 1) * DAY)


def test_the_clock_of_the_looks_is_learned(clock: Clock) -> None:
    card = scorecard(clock)
    offer = shipped_catalog().offer("evolink", "doubao-seedream-4.5")
    assert offer is not None
    assert card.seconds(offer) == offer.latency_seconds
    for _ in range(ENOUGH):
        scores().record(ended(seconds=4))
    clock.now += 61_000  # what was read before is old by now
    assert 4 <= card.seconds(offer) <= 5
    polled = replace(ended(), attempts=(replace(ended().attempts[0], expects_callback=False),))
    assert 4 <= card.latency(polled) <= 5
    p95 = card.score(offer).p95
    assert p95 is not None
    assert card.latency(ended()) == pytest.approx(WATCHDOG * p95, abs=0.01)


def test_routing_goes_by_what_was_measured(clock: Clock) -> None:
    request = ImageRequest(model="seedream-4.5", prompt="a fox")
    usual = plan(request, shipped_catalog(), available={"evolink", "qingbo"})
    last = usual[-1].offer
    steered = plan(
        replace(request, strategy=Strategy.FASTEST),
        shipped_catalog(),
        available={"evolink", "qingbo"},
        seconds=lambda offer: 1.0 if offer == last else offer.latency_seconds,
    )
    assert steered[0].offer == last


def test_a_task_is_submitted_although_nothing_is_known(clock: Clock) -> None:
    class Broken:
        def lately(self, now: int) -> Any:
            raise ConnectionError

        def all(self) -> Any:
            raise ConnectionError

        def may_probe(self, breaker: Any) -> bool:
            raise ConnectionError

    card = Scorecard(scores=Broken, breakers=Broken, catalog=shipped_catalog, clock=clock)
    offered = choices("evolink")
    assert card.steered(offered, "acme") == (tuple(offered), 0)
    assert card.seconds(offered[0].offer) == offered[0].offer.latency_seconds
    assert card.state_of("evolink", "acme") is BreakerState.CLOSED
