"""Asking many providers at once: what is slow keeps nobody else waiting, and nothing outlasts the time that there is."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from darkroom.providers.base import QueryFailed, Refused, Ticket
from darkroom.providers.registry import UnknownProvider
from darkroom.providers.upstreams import Destination
from darkroom.submission.provider_queries import SIDE_BY_SIDE, Answered, ProviderQueries
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.task import Attempt, Task
from darkroom.tasks.update import Status, Update
from tests.unit.tasks.test_transitions import a_task, accepted


@dataclass
class Provider:
    """A provider that answers when it is let."""

    page_size: int = 1
    answers: Callable[[], object] = lambda: None
    asked: list[list[str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def traits(self) -> Any:
        return SimpleNamespace(page_size=self.page_size)

    def query(self, tickets: Sequence[Ticket], upstream: Any) -> Mapping[str, Update]:
        with self.lock:
            self.asked.append([ticket.upstream_id for ticket in tickets])
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.answers()
        finally:
            with self.lock:
                self.at_once -= 1
        return {ticket.upstream_id: Update(Status.PROCESSING, ticket.upstream_id, progress=50) for ticket in tickets}


class Ways:
    """Every provider can be reached, but for those without a credential."""

    def __init__(self, *without: str) -> None:
        self.without = without

    def reach(self, attempt: Attempt) -> Any:
        if attempt.provider in self.without:
            raise Refused(Failure(ErrorCode.PROVIDER_AUTH, "no credential", Disposition.ELSEWHERE))
        return attempt.provider

    def destination(self, provider: str) -> Destination:
        return Destination(provider, "", "default", "token")


def running(provider: str, number: int) -> Task:
    task = accepted()
    assert task.attempt
    attempt = replace(task.attempt, provider=provider, upstream_id=f"{provider}-{number}")
    return replace(task, task_id=f"task_{provider}_{number}", attempts=(attempt,))


def queries(providers: Mapping[str, Provider], *, left: float = 60.0, ways: Any = None, **more: Any) -> ProviderQueries:
    def find(name: str, protocol: str) -> Any:
        if name not in providers:
            raise UnknownProvider(name)
        return providers[name]

    return ProviderQueries(adapters=find, upstreams=ways or Ways(), time_left=lambda: left, **more)


def told(answers: Iterator[Answered]) -> dict[str, bool]:
    """Every task that was told of, and whether with an update."""
    found: dict[str, bool] = {}
    for answered in answers:
        for task in answered.tasks:
            assert task.task_id not in found, "told twice"
            found[task.task_id] = task.task_id in answered.updates
    return found


def test_tasks_of_a_provider_are_asked_about_as_many_at_once_as_it_takes() -> None:
    provider = Provider(page_size=20)
    assert all(told(queries({"evolink": provider}).answers(running("evolink", n) for n in range(50))).values())
    assert sorted(map(len, provider.asked)) == [10, 20, 20]


def test_a_provider_is_asked_few_questions_at_the_same_time() -> None:
    barrier = threading.Barrier(SIDE_BY_SIDE)
    provider = Provider(answers=lambda: barrier.wait(10))
    tasks = [running("evolink", n) for n in range(3 * SIDE_BY_SIDE)]
    assert all(told(queries({"evolink": provider}).answers(tasks)).values())
    assert provider.most_at_once == SIDE_BY_SIDE


def test_a_provider_that_hangs_keeps_no_other_waiting() -> None:
    released = threading.Event()
    slow, quick = Provider(answers=lambda: released.wait(30)), Provider()
    tasks = [*(running("qingbo", n) for n in range(10)), *(running("evolink", n) for n in range(10))]
    answers = queries({"qingbo": slow, "evolink": quick}).answers(tasks)
    first = [next(answers) for _ in range(10)]
    assert {answered.tasks[0].task_id for answered in first} == {f"task_evolink_{n}" for n in range(10)}
    assert all(answered.updates for answered in first)
    released.set()
    assert all(told(answers).values())


def test_a_provider_that_runs_into_its_time_out_is_asked_no_more_in_this_round() -> None:
    ticks = iter(range(0, 10**9, 14))

    def fail() -> None:
        raise QueryFailed("no answer in time")

    provider = Provider(answers=fail)
    made = queries({"qingbo": provider}, monotonic=lambda: next(ticks))
    assert list(told(made.answers(running("qingbo", n) for n in range(50))).values()) == [False] * 50
    assert len(provider.asked) <= 2 * SIDE_BY_SIDE


def test_a_quick_refusal_of_one_question_does_not_silence_the_others() -> None:
    failed = iter([True])

    def once() -> None:
        if next(failed, False):
            raise QueryFailed("no such task")

    provider = Provider(answers=once)
    found = told(queries({"qingbo": provider}).answers(running("qingbo", n) for n in range(12)))
    assert sorted(found.values()) == [False] + [True] * 11


def test_nothing_is_asked_without_time_and_everything_is_told_of_all_the_same() -> None:
    provider = Provider()
    found = told(queries({"evolink": provider}, left=0.5).answers(running("evolink", n) for n in range(9)))
    assert (len(found), any(found.values())) == (9, False)
    assert provider.asked == []


def test_what_is_not_answered_in_time_is_told_of_without_an_answer() -> None:
    released = threading.Event()
    provider = Provider(answers=lambda: released.wait(30))
    left = iter([30.0] * 2 + [0.0] * 1000)
    made = ProviderQueries(
        adapters=lambda name, protocol: provider,  # type: ignore[arg-type,return-value]
        upstreams=Ways(),
        time_left=lambda: next(left) if threading.current_thread() is threading.main_thread() else 30.0,
    )
    next(left), next(left)  # the main thread has no time at all
    try:
        found = told(made.answers([running("evolink", 1), running("evolink", 2)]))
    finally:
        released.set()
    assert found == {"task_evolink_1": False, "task_evolink_2": False}


@pytest.mark.parametrize("broken", [RuntimeError("a bug"), QueryFailed("no answer")])
def test_one_providers_trouble_is_nobody_elses(broken: Exception) -> None:
    def fail() -> None:
        raise broken

    found = told(
        queries({"qingbo": Provider(answers=fail), "evolink": Provider()}).answers(
            [running("qingbo", 1), running("evolink", 1), running("chanjing", 1), a_task()]
        )
    )
    assert found == {"task_qingbo_1": False, "task_evolink_1": True, "task_chanjing_1": False, a_task().task_id: False}


def test_a_provider_without_a_credential_is_not_asked() -> None:
    provider = Provider()
    found = told(queries({"evolink": provider}, ways=Ways("evolink")).answers([running("evolink", 1)]))
    assert (found, provider.asked) == ({"task_evolink_1": False}, [])
