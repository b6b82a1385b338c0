"""A process killed at any call: the task still ends, and nothing is paid, stored, charged or delivered twice."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from darkroom.accounts.keys import AccountStore
from darkroom.accounts.ledger import AccountLedger
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Task
from darkroom.tasks.update import Status
from darkroom.webhooks.delivery import event_id
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, emulated_aws, shared_session
from tests.integration.life.world import Chaos, Killed, World
from tests.pictures import picture

REQUEST = ImageRequest(model="seedream-4.5", prompt="two lighthouses", n=2, callback_url="https://app.example/hook")
PICTURE = picture()
KEY = "intent-1"
MARK = "dynamodb.update_item"
QUARTER = 900_000
"""Milliseconds between two runs of the reconciler."""


def live(chaos: Chaos, arrange: Callable[[World], None] = lambda world: None) -> tuple[World, Task | None]:
    """One task from an app that repeats its POST until it is accepted, to the end of everything."""
    world = World((TASKS, ACCOUNTS), BUCKET, PICTURE, chaos)
    world.open_account(Decimal(100))
    arrange(world)
    submitted = None
    for _ in range(3):
        submitted = world.submit(REQUEST, KEY)
        if submitted:
            break
    world.run()
    world.calls = len(chaos.calls)
    chaos.kill_at = None
    assert submitted is not None
    return world, world.tasks.get(submitted.task.task_id)


def never_called_back(world: World) -> None:
    world.provider.callbacks = lambda number: 0


def called_back_twice(world: World) -> None:
    world.provider.callbacks = lambda number: 2


ARRANGEMENTS = [called_back_twice, never_called_back]


def number_of_calls(arrange: Callable[[World], None]) -> int:
    with emulated_aws():
        world, _ = live(Chaos(), arrange)
        return world.calls


def check(world: World, task: Task | None) -> None:
    assert task is not None
    assert task.status.terminal
    assert world.provider.submissions <= 1, "a submission was paid for twice"
    objects = shared_session().client("s3").list_objects_v2(Bucket=BUCKET, Prefix="tasks/").get("Contents", [])
    stored = [image for image in task.images if image.stored]
    assert len(objects) == len(stored)
    usage = AccountStore(shared_session().client("dynamodb"), ACCOUNTS).usage("owner", "2026-05")
    assert [(line.completed + line.failed + line.cancelled, line.images) for line in usage] == [(1, len(stored))]
    assert Decimal(usage[0].credits) == task.usage.charged == Decimal("1.80") * len(stored)
    check_account(Decimal(100) - task.usage.charged)
    assert set(world.delivered) == {event_id(task)}
    assert set(world.announced) == {(task.task_id, task.status.value)}
    assert task.announced
    assert not world.kept, "notify gave up on a record"
    assert not world.queues.dead, "a message was given up on"


def check_account(balance: Decimal) -> None:
    """Nothing is held back any more, and the ledger adds up to what is left."""
    book = AccountLedger(shared_session().client("dynamodb"), ACCOUNTS)
    account = book.find("owner")
    assert account is not None
    lines, _ = book.ledger("owner", limit=100)
    assert account.balance == sum(line.amount for line in lines) == balance
    assert sum(account.spent.values()) == 100 - balance
    assert account.open_tasks == 0
    key: dict[str, Any] = {"pk": {"S": "limits#k1"}, "sk": {"S": "open"}}
    counted = shared_session().client("dynamodb").get_item(TableName=ACCOUNTS, Key=key).get("Item", {})
    assert counted.get("open_tasks", {}).get("N", "0") == "0"


@pytest.mark.parametrize("arrange", ARRANGEMENTS)
def test_without_any_crash_everything_happens_exactly_once(arrange: Callable[[World], None]) -> None:
    with emulated_aws():
        chaos = Chaos()
        world, task = live(chaos, arrange)
        check(world, task)
        assert task is not None
        assert task.status is Status.COMPLETED
        assert world.provider.submissions == 1
        assert world.delivered == [event_id(task)]
        assert world.announced == [(task.task_id, "completed")]
        told = [chaos.calls.index(call) for call in ("sqs.send Delivery", "events.put_events")]
        mark = max(place for place, call in enumerate(chaos.calls) if call == MARK and place < told[1] + 2)
        assert [*told, mark] == sorted([*told, mark]), "a mark came before what it says"
        assert all(times == 1 for times in world.downloads.values())


@pytest.mark.parametrize("arrange", ARRANGEMENTS)
@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
@pytest.mark.parametrize("dies", [True, False], ids=["killed", "error"])
def test_a_task_survives_the_loss_of_any_one_call(arrange: Callable[[World], None], after: bool, dies: bool) -> None:
    outcomes: Counter[str] = Counter()
    total = number_of_calls(arrange)
    assert total > 20
    for number in range(1, total + 1):
        error: Any = None if dies else EndpointConnectionError(endpoint_url="https://aws.example")
        with emulated_aws():
            chaos = Chaos(kill_at=number, after=after, error=error)
            world, task = live(chaos, arrange)
            try:
                check(world, task)
            except AssertionError as problem:
                lost = chaos.calls[number - 1]
                raise AssertionError(f"call {number} ({lost}) was lost: {problem}") from problem
            assert task is not None
            outcomes[task.status.value] += 1
    # Only a loss around the submission itself may cost the picture: its outcome is unknown, and it is not sent again.
    assert outcomes["completed"] >= total - 3
    assert set(outcomes) <= {"completed", "failed"}


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_task_survives_a_stream_that_gives_up_at_the_first_loss(after: bool) -> None:
    """As above, but whatever `notify` meets is not repeated: the reconciler finds it, and may die at any call too."""

    def never_repeated(world: World) -> None:
        world.stream_tries = 1

    total = number_of_calls(never_repeated)
    given_up = 0
    for number in range(total // 2, total + 8):
        with emulated_aws():
            chaos = Chaos(kill_at=number, after=after)
            world = World((TASKS, ACCOUNTS), BUCKET, PICTURE, chaos)
            world.open_account(Decimal(100))
            world.stream_tries = 1
            submitted = world.submit(REQUEST, KEY) or world.submit(REQUEST, KEY)
            assert submitted is not None
            world.run()
            for _ in range(3):
                world.time += QUARTER
                try:
                    world.reconciler.run()
                except Killed:
                    world.crashes += 1
                world.run()
            chaos.kill_at = None
            given_up += len(world.kept)
            world.kept.clear()
            try:
                check(world, world.tasks.get(submitted.task.task_id))
            except AssertionError as problem:
                raise AssertionError(f"call {number} ({chaos.calls[number - 1]}) was lost: {problem}") from problem
    assert given_up >= 2, "nothing was lost for good"
