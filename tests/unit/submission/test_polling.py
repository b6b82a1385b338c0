"""A batch of looks: recorded as the answers come, deadlines kept whatever the providers do."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from darkroom.aws.queues import Message
from darkroom.observability import logger
from darkroom.providers.base import QueryFailed, Ticket
from darkroom.submission.polling import Poller
from darkroom.tasks.messages import Poll
from darkroom.tasks.outbox import Outbox
from darkroom.tasks.task import Attempt, Task
from darkroom.tasks.update import MadeImage, Status, Update
from tests.memory import TaskMemory
from tests.unit.tasks.test_transitions import NOW, accepted

LATE = 10**9


@pytest.fixture(autouse=True, scope="module")
def quietly() -> Iterator[None]:
    before = logger.log_level
    logger.setLevel("CRITICAL")
    yield
    logger.setLevel(before)


def running(provider: str, number: int, *, deadline: int = NOW + LATE) -> Task:
    task = accepted()
    assert task.attempt
    attempt = replace(task.attempt, provider=provider, upstream_id=f"{provider}-{number}")
    offer = replace(task.plan[0], provider=provider)
    return replace(task, task_id=f"task_{provider}_{number}", attempts=(attempt,), plan=(offer,), deadline_at=deadline)


class World:
    """Providers that finish every task at once, but for those that are told to hang or to fail."""

    traits = SimpleNamespace(page_size=1, can_cancel=False)

    def __init__(self, *tasks: Task, left: float = 60.0) -> None:
        self.tasks = TaskMemory(*tasks)
        self.sent: list[Message] = []
        self.released = threading.Event()
        self.fails = False
        outbox = Outbox(self, lambda: NOW)  # type: ignore[arg-type]
        parts: Any = {"tasks": self.tasks, "queues": self, "upstreams": self, "adapters": lambda name, protocol: self}
        objects: Any = SimpleNamespace()
        self.poller = Poller(
            objects=lambda: objects, latency=lambda task: 10.0, outbox=outbox, clock=lambda: NOW, scale=1,
            time_left=lambda: left, **parts,
        )  # fmt: skip

    def reach(self, attempt: Attempt) -> str:
        return attempt.provider

    def query(self, tickets: Sequence[Ticket], provider: str) -> Mapping[str, Update]:
        if provider == "qingbo":
            self.released.wait(30)
            raise QueryFailed("no answer in 14 s")
        return {
            ticket.upstream_id: Update(Status.COMPLETED, ticket.upstream_id, images=(MadeImage(url="https://a/b.png"),))
            for ticket in tickets
        }

    def send(self, message: Message, *, wait: float = 0) -> None:
        self.sent.append(message)

    def send_all(self, messages: Any) -> None:
        self.sent += list(messages)


def looks(tasks: Sequence[Task]) -> list[Poll]:
    return [Poll(task.task_id, sent_at=NOW) for task in tasks]


def test_a_provider_that_hangs_delays_no_other_providers_pictures() -> None:
    slow = [running("qingbo", number) for number in range(25)]
    quick = [running("evolink", number) for number in range(25)]
    world = World(*slow, *quick)
    both = [look for pair in zip(looks(slow), looks(quick), strict=True) for look in pair]
    done = threading.Thread(target=world.poller.poll_all, args=(both,))
    done.start()
    try:
        for _ in range(1000):
            if all(world.tasks.tasks[task.task_id].images for task in quick):
                break
            done.join(0.01)
        assert all(world.tasks.tasks[task.task_id].images for task in quick), "recorded while the other still hangs"
        assert done.is_alive()
    finally:
        world.released.set()
        done.join(30)
    again = [message.task_id for message in world.sent if isinstance(message, Poll)]
    assert sorted(again) == sorted(look.task_id for look in both), "every open task has its next look"


def test_deadlines_are_kept_though_no_provider_can_be_asked() -> None:
    due = [running("qingbo", number, deadline=NOW - 1) for number in range(50)]
    world = World(*due, left=0.0)
    assert world.poller.poll_all(looks(due)) == [None] * 50
    assert {task.status for task in world.tasks.tasks.values()} == {Status.FAILED}
    assert world.sent == []


def test_a_task_whose_time_is_up_is_asked_about_once_more_first() -> None:
    due = running("evolink", 1, deadline=NOW - 1)
    world = World(due)
    world.poller.poll(Poll(due.task_id, sent_at=NOW))
    assert world.tasks.tasks[due.task_id].images, "the picture was there, and is not thrown away"


def test_one_look_that_fails_is_nobody_elses_trouble() -> None:
    tasks = [running("evolink", number) for number in range(3)]
    world = World(*tasks)
    change = world.tasks.change

    def broken(task: Any, transition: Any, *, cause: str = "") -> Any:
        if getattr(task, "task_id", task) == tasks[1].task_id:
            raise RuntimeError("no table")
        return change(task, transition, cause=cause)

    world.tasks.change = broken  # type: ignore[method-assign]
    problems = world.poller.poll_all(looks(tasks))
    assert [type(problem) for problem in problems] == [type(None), RuntimeError, type(None)]


def test_two_looks_at_one_task_in_a_batch_are_each_answered_for() -> None:
    task = running("evolink", 1)
    world = World(task)
    assert world.poller.poll_all([*looks([task]), Poll(task.task_id, once=True, sent_at=NOW)]) == [None, None]
    assert sum(isinstance(message, Poll) for message in world.sent) == 1
