"""The life of a task: what changes it, what changes nothing, and what holds whatever happens."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from darkroom.tasks import transitions
from darkroom.tasks.charge import stopped_in_time
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.record import from_record, to_record
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.schedule import MAX_TRIES
from darkroom.tasks.task import AttemptState, Entry, ImageState, PlannedOffer, StoredImage, Task, Usage
from darkroom.tasks.update import MadeImage, Status, Update

NOW = 1_780_000_000_000
PRICE = Decimal("1.80")


def a_task(*providers: str, **fields: Any) -> Task:
    offers = tuple(PlannedOffer(name, f"model-at-{name}", False, PRICE) for name in providers or ("evolink",))
    return Task(
        **{
            "task_id": "task_01M7Y0K4SK2HQR5V5B4CM148FG",
            "owner": "owner",
            "request": ImageRequest("seedream-4.5", "a fox", n=2, extra={"strength": 0.5, "ü": [None, {"x": 1}]}),
            "fingerprint": "f",
            "plan": offers,
            "created_at": NOW,
            "deadline_at": NOW + 1_800_000,
            "expires_at": NOW // 1000 + 86400,
            "correlation_id": "c",
            "nonce": "0123456789abcdef",
            "usage": Usage(reserved=PRICE * 2),
            **fields,
        }
    )


def sending(task: Task, *, callback: bool = True) -> Task:
    return transitions.begin_attempt(task, credential="default", expects_callback=callback, now=NOW)


def accepted(*providers: str) -> Task:
    return transitions.accept(sending(a_task(*providers)), "up-1", now=NOW)


def done(*links: str, upstream_id: str = "up-1") -> Update:
    return Update(Status.COMPLETED, upstream_id, 100, tuple(MadeImage(url=link) for link in links))


def failed(disposition: Disposition = Disposition.FINAL) -> Update:
    return Update(Status.FAILED, "up-1", failure=Failure(ErrorCode.PROVIDER_ERROR, "no", disposition))


def copying() -> Task:
    return transitions.apply_update(accepted(), "evolink", done("https://a/0", "https://a/1"), now=NOW)


def stored(index: int) -> StoredImage:
    return StoredImage(f"tasks/o/t/{index}.png", "image/png", 10, 2, 2, "ab")


LATE = Failure(ErrorCode.IMAGE_UNAVAILABLE, "late")
BUSY = Failure(ErrorCode.RATE_LIMITED, "busy", Disposition.LATER)
DOWN = Failure(ErrorCode.PROVIDER_UNAVAILABLE, "down", Disposition.ELSEWHERE)
NO = Failure(ErrorCode.CONTENT_POLICY, "no", Disposition.FINAL)


def test_acceptance_starts_the_task() -> None:
    task = accepted()
    assert (task.status, task.started_at) == (Status.PROCESSING, NOW)
    assert task.attempt is not None
    assert (task.attempt.state, task.attempt.upstream_id) == (AttemptState.ACCEPTED, "up-1")


def test_a_live_attempt_is_the_only_one() -> None:
    for task in (sending(a_task()), accepted(), transitions.mark_submission_unknown(sending(a_task()), now=NOW)):
        assert sending(task) is task


def test_the_images_settle_the_task_one_by_one() -> None:
    task = transitions.store_image(copying(), 0, stored(0), now=NOW)
    assert task.status is Status.PROCESSING
    task = transitions.store_image(task, 1, stored(1), now=NOW + 5)
    assert (task.status, task.progress, task.completed_at) == (Status.COMPLETED, 100, NOW + 5)
    assert task.usage.charged == 2 * PRICE


def test_an_image_that_fails_does_not_fail_the_others() -> None:
    task = transitions.fail_image(copying(), 0, LATE, now=NOW)
    task = transitions.store_image(task, 1, stored(1), now=NOW)
    assert (task.status, task.usage.charged, task.error) == (Status.COMPLETED, PRICE, None)


def test_a_task_without_any_stored_image_has_failed() -> None:
    task = transitions.fail_image(transitions.fail_image(copying(), 0, LATE, now=NOW), 1, LATE, now=NOW)
    assert (task.status, task.error, task.usage.charged) == (Status.FAILED, LATE, Decimal(0))


def test_a_callback_may_come_before_the_submissions_own_answer() -> None:
    early = transitions.apply_update(sending(a_task()), "evolink", done("https://a/0"), now=NOW)
    assert len(early.pending_images) == 1
    assert early.attempt is not None
    assert early.attempt.upstream_id == "up-1"
    assert transitions.accept(early, "up-1", now=NOW) is early


def test_an_early_callback_without_an_id_leaves_the_id_to_the_answer() -> None:
    early = transitions.apply_update(sending(a_task()), "evolink", done("https://a/0", upstream_id=""), now=NOW)
    answered = transitions.accept(early, "up-9", now=NOW)
    assert answered.attempt is not None
    assert (answered.attempt.upstream_id, answered.images) == ("up-9", early.images)


@pytest.mark.parametrize(
    ("task", "update"),
    [
        (copying(), done("https://b/0")),
        (copying(), failed()),
        (accepted(), replace(done("https://a/0"), upstream_id="another")),
        (transitions.cancel(accepted(), now=NOW, charge_made=False), done("https://a/0")),
        (a_task(), done("https://a/0")),
        (transitions.refuse(sending(a_task("evolink", "qingbo")), DOWN, now=NOW), done("https://a/0")),
    ],
    ids=["completed twice", "failed after completed", "another job", "after the end", "never sent", "refused"],
)
def test_a_late_doubled_or_strange_word_changes_nothing(task: Task, update: Update) -> None:
    assert transitions.apply_update(task, "evolink", update, now=NOW) is task


def test_another_providers_word_changes_nothing() -> None:
    task = accepted()
    assert transitions.apply_update(task, "qingbo", done("https://a/0"), now=NOW) is task


def test_progress_never_falls_and_is_full_only_at_the_end() -> None:
    task = transitions.apply_update(accepted(), "evolink", Update(Status.PROCESSING, "up-1", 60), now=NOW)
    again = transitions.apply_update(task, "evolink", Update(Status.QUEUED, "up-1", 100), now=NOW)
    assert (task.progress, again.progress) == (60, 99)
    assert transitions.apply_update(again, "evolink", Update(Status.PROCESSING, "up-1", 10), now=NOW) is again


def test_refused_content_ends_the_task_at_once() -> None:
    task = transitions.refuse(sending(a_task("evolink", "qingbo")), NO, now=NOW)
    assert (task.status, task.error) == (Status.FAILED, NO)


def test_an_outage_goes_to_the_next_offer_without_waiting() -> None:
    task = transitions.refuse(sending(a_task("evolink", "qingbo")), DOWN, now=NOW)
    assert (task.offer.provider, task.retry_at, task.status) == ("qingbo", NOW, Status.QUEUED)


def test_a_limit_waits_for_the_same_offer_and_heeds_retry_after() -> None:
    task = transitions.refuse(sending(a_task("evolink", "qingbo")), BUSY, now=NOW)
    assert (task.offer.provider, task.retry_at) == ("evolink", NOW + 2000)
    asked = transitions.refuse(sending(a_task("evolink")), BUSY, now=NOW, retry_after=30, scale=10)
    assert asked.retry_at == NOW + 30_000


def test_refusals_without_end_end() -> None:
    task = a_task("evolink", "qingbo")
    for _ in range(2 * MAX_TRIES):
        assert task.awaits_submission
        task = transitions.refuse(sending(task), BUSY, now=NOW)
    assert (task.status, task.error) == (Status.FAILED, BUSY)
    assert len(task.attempts) == 2 * MAX_TRIES


def test_an_outage_after_acceptance_goes_elsewhere_and_never_back() -> None:
    task = transitions.apply_update(accepted("evolink", "qingbo"), "evolink", failed(Disposition.ELSEWHERE), now=NOW)
    assert (task.awaits_submission, task.offer.provider) == (True, "qingbo")
    task = transitions.refuse(sending(task), DOWN, now=NOW)
    assert task.offer.provider == "qingbo"


def test_an_unknown_outcome_is_never_submitted_again() -> None:
    task = transitions.mark_submission_unknown(sending(a_task("evolink", "qingbo")), now=NOW)
    assert task.attempt is not None
    assert task.attempt.state is AttemptState.UNKNOWN
    assert not task.awaits_submission
    settled = transitions.apply_update(task, "evolink", done("https://a/0"), now=NOW)
    assert len(settled.images) == 1
    overdue = transitions.expire(task, now=NOW)
    assert overdue.error is not None
    assert overdue.error.code is ErrorCode.SUBMISSION_UNKNOWN


def test_an_unknown_outcome_that_nothing_can_settle_ends_the_task() -> None:
    task = transitions.mark_submission_unknown(sending(a_task(), callback=False), now=NOW)
    assert task.error is not None
    assert (task.status, task.error.code) == (Status.FAILED, ErrorCode.SUBMISSION_UNKNOWN)


def test_a_cancellation_while_sending_keeps_the_id_to_cancel_by() -> None:
    task = transitions.cancel(sending(a_task()), now=NOW)
    told = transitions.accept(task, "up-1", now=NOW)
    assert told.attempt is not None
    assert (told.status, told.attempt.upstream_id) == (Status.CANCELLED, "up-1")


def test_nothing_is_charged_for_a_cancellation_before_anybody_was_asked() -> None:
    task = transitions.cancel(a_task(), now=NOW)
    assert (task.usage.charged, task.withheld) == (Decimal(0), False)


@pytest.mark.parametrize("task", [accepted(), sending(a_task())])
def test_what_a_provider_makes_of_a_cancelled_task_is_charged_and_not_shown(task: Task) -> None:
    cancelled = transitions.cancel(task, now=NOW)
    assert (cancelled.status, cancelled.usage.charged, cancelled.usage.withheld) == (
        Status.CANCELLED,
        Decimal(0),
        2 * PRICE,
    )
    assert transitions.apply_update(cancelled, "evolink", Update(Status.PROCESSING, "up-1", 50), now=NOW).withheld
    made = transitions.apply_update(cancelled, "evolink", done("https://a/0"), now=NOW + 5)
    assert (made.status, made.images, made.usage.withheld) == (Status.CANCELLED, (), Decimal(0))
    assert (made.usage.charged, made.usage.settled_at) == (PRICE, NOW + 5)
    assert transitions.apply_update(made, "evolink", done("https://a/0", "https://a/1"), now=NOW) is made
    too_many = transitions.apply_update(cancelled, "evolink", done(*(f"https://a/{i}" for i in range(9))), now=NOW)
    assert too_many.usage.charged == 2 * PRICE


@pytest.mark.parametrize(
    "end",
    [
        lambda task: transitions.apply_update(task, "evolink", failed(), now=NOW),
        lambda task: transitions.apply_update(task, "evolink", Update(Status.CANCELLED, "up-1"), now=NOW),
        lambda task: transitions.expire(task, now=NOW),
        lambda task: transitions.abandon(task, LATE, now=NOW),
        lambda task: stopped_in_time(task, now=NOW),
    ],
)
def test_what_a_cancelled_task_withheld_is_given_back_where_nothing_was_made(end: Callable[[Task], Task]) -> None:
    task = end(transitions.cancel(accepted(), now=NOW))
    assert (task.status, task.usage.charged, task.withheld, task.usage.settled_at) == (
        Status.CANCELLED,
        Decimal(0),
        False,
        NOW,
    )


def test_a_submission_that_is_refused_after_the_cancellation_costs_nothing() -> None:
    task = transitions.refuse(transitions.cancel(sending(a_task()), now=NOW), DOWN, now=NOW)
    assert (task.status, task.usage.charged, task.withheld) == (Status.CANCELLED, Decimal(0), False)
    lost = transitions.mark_submission_unknown(transitions.cancel(sending(a_task()), now=NOW), now=NOW)
    assert lost.withheld, "a callback may still tell"
    silent = transitions.mark_submission_unknown(
        transitions.cancel(sending(a_task(), callback=False), now=NOW), now=NOW
    )
    assert not silent.withheld


def test_a_cancellation_while_pictures_are_copied_costs_what_was_made() -> None:
    task = transitions.cancel(transitions.fail_image(copying(), 1, LATE, now=NOW), now=NOW)
    assert (task.status, task.usage.charged, task.withheld) == (Status.CANCELLED, PRICE, False)
    assert transitions.cancel(copying(), now=NOW, charge_made=False).usage.charged == 0
    assert not transitions.cancel(accepted(), now=NOW, charge_made=False).withheld


def test_the_deadline_ends_a_task_with_what_it_has() -> None:
    half = transitions.store_image(copying(), 0, stored(0), now=NOW)
    task = transitions.expire(half, now=NOW)
    assert (task.status, task.usage.charged) == (Status.COMPLETED, PRICE)
    assert [image.state for image in task.images] == [ImageState.STORED, ImageState.FAILED]
    late = transitions.expire(accepted(), now=NOW)
    assert late.error is not None
    assert late.error.code is ErrorCode.DEADLINE_EXCEEDED


def test_a_fresh_link_replaces_a_stale_one_only_while_it_is_needed() -> None:
    task = transitions.refresh_source(copying(), 0, "https://b/0")
    assert task.images[0].source == "https://b/0"
    kept = transitions.store_image(task, 0, stored(0), now=NOW)
    assert transitions.refresh_source(kept, 0, "https://c/0") is kept


def test_an_overlong_link_is_that_images_own_failure() -> None:
    update = done("https://a/" + "x" * 9000, "https://a/1")
    task = transitions.apply_update(accepted(), "evolink", update, now=NOW)
    assert [image.state for image in task.images] == [ImageState.FAILED, ImageState.PENDING]


def test_pictures_that_nobody_asked_for_are_kept_and_not_charged() -> None:
    links = [f"https://a/{index}" for index in range(40)]
    task = transitions.apply_update(accepted(), "evolink", done(*links), now=NOW)
    assert len(task.images) == 15
    for index in range(15):
        task = transitions.store_image(task, index, stored(index), now=NOW)
    assert (task.status, task.usage.charged, task.usage.reserved) == (Status.COMPLETED, 2 * PRICE, 2 * PRICE)


def test_no_end_costs_more_than_was_held_back() -> None:
    """Whatever offer it ended at: a reserve is counted by the dearest one that is planned."""
    task = replace(copying(), usage=Usage(reserved=PRICE))
    for index in (0, 1):
        task = transitions.store_image(task, index, stored(index), now=NOW)
    assert task.usage.charged == PRICE


def test_a_record_is_the_whole_task() -> None:
    by_dialect = replace(a_task(), entry=Entry("acedata", "doubao-seedream-4-5-251128", {"image": ["x"]}, base64=True))
    ended = (transitions.expire(copying(), now=NOW), transitions.cancel(accepted(), now=NOW))
    for task in (a_task(), copying(), by_dialect, *ended):
        assert from_record(json.loads(json.dumps(to_record(task)))) == task


class Life(RuleBasedStateMachine):
    """Anything may happen to a task, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.task = a_task("evolink", "qingbo", "acedata")
        self.now = NOW
        self.submitted = 0

    def go(self, after: Task) -> None:
        before = self.task
        self.now += 1000
        if before.status.terminal:
            same = ("status", "images", "error", "completed_at", "progress")
            assert all(getattr(before, name) == getattr(after, name) for name in same)
            assert before.usage == after.usage or before.withheld, "settled twice"
        assert (after is before) == (after == before)
        assert after.progress >= before.progress
        self.task = after

    @rule(callback=st.booleans())
    def begin(self, callback: bool) -> None:
        live = self.task.attempt is not None and self.task.attempt.state.live
        before = self.task
        self.go(sending(before, callback=callback))
        if self.task is not before:
            assert not live, "a second submission while one may bear fruit"
            self.submitted += 1

    @rule(failure=st.sampled_from([BUSY, DOWN, NO]))
    def refuse(self, failure: Failure) -> None:
        self.go(transitions.refuse(self.task, failure, now=self.now))

    @rule()
    def lose(self) -> None:
        self.go(transitions.mark_submission_unknown(self.task, now=self.now))

    @rule(upstream_id=st.sampled_from(["up-1", "up-2"]))
    def accept(self, upstream_id: str) -> None:
        self.go(transitions.accept(self.task, upstream_id, now=self.now))

    @rule(
        provider=st.sampled_from(["evolink", "qingbo", "acedata"]),
        update=st.sampled_from(
            [
                done("https://a/0", "https://a/1"),
                done(*(f"https://a/{index}" for index in range(5))),  # more than were asked for
                done("https://a/0", upstream_id=""),
                Update(Status.COMPLETED, "up-1"),
                failed(),
                failed(Disposition.ELSEWHERE),
                Update(Status.PROCESSING, "up-1", 50),
                Update(Status.CANCELLED, "up-2"),
            ]
        ),
    )
    def hear(self, provider: str, update: Update) -> None:
        self.go(transitions.apply_update(self.task, provider, update, now=self.now))

    @rule(index=st.integers(-1, 5))
    def store(self, index: int) -> None:
        self.go(transitions.store_image(self.task, index, stored(index), now=self.now))

    @rule(index=st.integers(-1, 3))
    def lose_image(self, index: int) -> None:
        self.go(transitions.fail_image(self.task, index, LATE, now=self.now))

    @rule(index=st.integers(0, 2), link=st.sampled_from(["https://b/0", "https://c/0"]))
    def refresh(self, index: int, link: str) -> None:
        self.go(transitions.refresh_source(self.task, index, link))

    @rule()
    def hand_out(self) -> None:
        self.go(transitions.requeue_copies(self.task, now=self.now))

    @precondition(lambda self: self.task.attempts)
    @rule()
    def keep_open(self) -> None:
        self.go(transitions.keep_open_until(self.task, self.now + 10_000_000))

    @rule()
    def cancel(self) -> None:
        self.go(transitions.cancel(self.task, now=self.now))

    @rule()
    def expire(self) -> None:
        self.go(transitions.expire(self.task, now=self.now))

    @invariant()
    def what_always_holds(self) -> None:
        task = self.task
        got = sum(image.state is ImageState.STORED for image in task.images)
        assert sum(attempt.state.live for attempt in task.attempts) <= 1
        if task.status is not Status.CANCELLED:
            assert task.usage.charged == (PRICE * min(got, task.request.n) if task.status.terminal else 0)
            assert not task.withheld
        assert 0 <= task.usage.charged + task.usage.withheld <= task.usage.reserved
        assert (task.status is Status.COMPLETED) <= (got > 0)
        assert (task.status is Status.FAILED) <= (task.error is not None)
        assert len(task.attempts) == self.submitted <= 3 * MAX_TRIES
        assert from_record(json.loads(json.dumps(to_record(task)))) == task

    def teardown(self) -> None:
        assert transitions.expire(self.task, now=self.now).status.terminal


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
