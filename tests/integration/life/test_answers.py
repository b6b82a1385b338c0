"""What was made and not paid for is shown to nobody: every answer, whatever became of a task."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from darkroom.callbacks.receiver import Verdict
from darkroom.tasks.cancellation import cancel
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import ImageState, Task
from darkroom.tasks.update import Status
from local.auditing.leaks import leaks
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, emulated_aws, shared_session
from tests.integration.life.told import everything_told
from tests.integration.life.world import FILES, World
from tests.pictures import picture

REQUEST = ImageRequest(
    model="seedream-4.5", prompt="a lighthouse", providers=("evolink",), callback_url="https://app.example/hook"
)


@pytest.fixture
def world() -> Iterator[World]:
    with emulated_aws():
        yield World((TASKS, ACCOUNTS), BUCKET, picture())


def submit(world: World, key: str | None = None) -> Task:
    submitted = world.submit(REQUEST, key)
    assert submitted is not None
    return submitted.task


def completed(world: World) -> Task:
    return submit(world)


def failed(world: World) -> Task:
    world.provider.fails = True
    return submit(world)


def denied(world: World) -> Task:
    world.provider.denies = lambda number: True
    return submit(world)


def cancelled(world: World) -> Task:
    task = submit(world)
    cancel(world.tasks, task, world.clock, charge_made=True)
    return task


def gone(world: World) -> Task:
    task = submit(world)
    world.missing = {f"https://{FILES}/task-unified-1/0"}
    return task


@pytest.mark.parametrize("life", [completed, failed, denied, cancelled, gone])
def test_no_answer_shows_a_link_a_callback_address_or_a_token(world: World, life: Callable[[World], Task]) -> None:
    world.provider.echo = 3
    task = life(world)
    told = []
    for _ in range(12):
        found = world.tasks.get(task.task_id)
        assert found is not None
        told += list(everything_told(world, found))
        world.run(until=5_000)
    world.run()
    found = world.tasks.get(task.task_id)
    assert found is not None
    assert found.status.terminal
    told += list(everything_told(world, found))
    assert len(told) > 12 * 15
    for each in told:
        assert leaks(each, [FILES]) == []


def test_what_is_looked_for_is_found() -> None:
    address = "https://gateway.example/callbacks/evolink/task_01M7Y0K4SK2HQR5V5B4CM148FG/0123456789abcdef." + "x" * 43
    assert len(leaks(f"see {address}", [])) == 2
    assert leaks("https:\\/\\/pictures.example\\/0", [FILES]) == [f"a link at {FILES}"]
    assert leaks("[link at pictures.example], https://app.example/hook", [FILES]) == []


def test_a_callback_for_a_record_that_is_gone_says_nothing_of_the_one_after_it(world: World) -> None:
    world.provider.callbacks = lambda number: 0
    first = submit(world, "key")
    old = world.provider.jobs["task-unified-1"]["callback_url"]
    shared_session().client("dynamodb").delete_item(TableName=TASKS, Key={"task_id": {"S": first.task_id}})
    world.time += 1000
    # Of the second submission nothing is known yet, so that no provider's id speaks against the old callback.
    world.provider.denies = lambda number: True
    second = submit(world, "key")
    assert (second.task_id, second.nonce != first.nonce) == (first.task_id, True)
    world.time += 11_000
    world.receive_callback(old, b'{"id": "task-unified-1", "status": "completed", "results": ["https://x.example/1"]}')
    found = world.tasks.get(second.task_id)
    assert found is not None
    assert found.images == ()
    provider, task_id, token = old.rsplit("/", 3)[1:]
    assert world.callbacks.receive(provider, task_id, token, {}, b"{}") is Verdict.NO_TASK
    world.provider._call_back("task-unified-2")
    found = world.tasks.get(second.task_id)
    assert found is not None
    assert len(found.images) == 1


@pytest.mark.parametrize("kept", [True, False])
def test_images_beyond_those_asked_for_are_kept_or_not_and_never_charged(world: World, kept: bool) -> None:
    world.provider.extra = 4
    task = submit(world)
    world.tasks.change(task, lambda current: replace(current, terms=replace(current.terms, keep_extra=kept)), cause="t")
    world.run()
    found = world.tasks.get(task.task_id)
    assert found is not None
    assert found.status is Status.COMPLETED
    assert [image.state for image in found.images] == [ImageState.STORED] * (5 if kept else 1)
    assert found.usage.charged == found.usage.reserved == found.offer.price
