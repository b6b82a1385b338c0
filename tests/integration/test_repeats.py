"""Equal calls and their repetitions at the same time: each repetition has a task of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import boto3
import pytest

from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.submission.deduplication import Deduplication, Place
from darkroom.submission.in_flight_calls import InFlightCallStore
from darkroom.submission.repetition import Caller
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import Task
from tests.integration.emulated_aws import ACCOUNTS, TASKS, emulated_aws
from tests.unit.tasks.test_transitions import NOW, a_task

AT_ONCE = 10


@pytest.fixture
def deduplication() -> Iterator[Deduplication]:
    with emulated_aws():
        client = boto3.client("dynamodb")
        tasks = TaskStore(client, TASKS, TaskAccounting(ACCOUNTS), clock=lambda: NOW, retention_days=30)
        made = [replace(a_task("evolink"), task_id=f"task_{number:026d}") for number in range(AT_ONCE)]
        for task in made:
            tasks.create(task)
        kept = Deduplication(
            answers=InFlightCallStore(client, TASKS, clock=lambda: NOW), tasks=tasks, clock=lambda: NOW
        )

        def begin(task: Task) -> None:
            kept.made("k", kept.begun("k", Caller(NOW, NOW + 26_000)), task)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(begin, made))
        yield kept


def together(deduplication: Deduplication, caller: Caller) -> list[Place | None]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda _: deduplication.joined("k", caller), range(AT_ONCE)))


@pytest.mark.parametrize(
    "caller",
    [
        Caller(NOW + 28_000, NOW + 54_000),
        Caller(NOW + 2_500, NOW + 28_500, tries=1),
        Caller(NOW + 2_500, NOW + 28_500, silent=True),
    ],
    ids=["told to come back", "marked", "silent"],
)
def test_each_of_many_repetitions_at_once_has_a_task_of_its_own(deduplication: Deduplication, caller: Caller) -> None:
    found = together(deduplication, caller)
    assert len({joined.task.task_id for joined in found if joined and joined.task}) == AT_ONCE
    assert deduplication.joined("k", replace(caller, tries=caller.tries)) is None, "nothing is left to repeat"


def test_equal_calls_at_once_that_repeat_nothing_join_nothing(deduplication: Deduplication) -> None:
    assert together(deduplication, Caller(NOW + 10, NOW + 26_010)) == [None] * AT_ONCE


def test_an_answer_that_was_given_is_not_owed_again(deduplication: Deduplication) -> None:
    for joined in together(deduplication, Caller(NOW + 28_000, NOW + 54_000)):
        assert joined is not None
        deduplication.answered("k", joined)
    assert deduplication.joined("k", Caller(NOW + 90_000, NOW + 120_000)) is None


def test_a_repetition_of_a_call_that_is_still_making_its_task_waits_for_that_one() -> None:
    with emulated_aws():
        client = boto3.client("dynamodb")
        tasks = TaskStore(client, TASKS, TaskAccounting(ACCOUNTS), clock=lambda: NOW, retention_days=30)
        task = a_task("evolink")
        tasks.create(task)
        answers = InFlightCallStore(client, TASKS, clock=lambda: NOW)
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            deduplication.made("k", first, task)

        deduplication = Deduplication(answers=answers, tasks=tasks, clock=lambda: NOW + 2_500, sleep=sleep)
        first = deduplication.begun("k", Caller(NOW, NOW + 26_000))
        again = deduplication.joined("k", Caller(NOW + 2_500, NOW + 28_500, tries=1))
        assert again is not None
        assert again.task is not None
        assert (again.task.task_id, len(slept)) == (task.task_id, 1)


def test_a_repetition_of_a_call_that_was_refused_is_a_wish_of_its_own() -> None:
    with emulated_aws():
        client = boto3.client("dynamodb")
        tasks = TaskStore(client, TASKS, TaskAccounting(ACCOUNTS), clock=lambda: NOW, retention_days=30)
        answers = InFlightCallStore(client, TASKS, clock=lambda: NOW)
        deduplication = Deduplication(
            answers=answers, tasks=tasks, clock=lambda: NOW, sleep=lambda _: deduplication.refused("k", first)
        )
        first = deduplication.begun("k", Caller(NOW, NOW + 26_000))
        assert deduplication.joined("k", Caller(NOW + 2_500, NOW + 28_500, tries=1)) is None
