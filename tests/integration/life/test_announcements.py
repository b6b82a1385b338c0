"""The end of a task is told of, whatever is lost on the way; and what is marked as told of was told."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from darkroom.operations.reconciliation import MOST_FAILURES
from darkroom.tasks import transitions
from darkroom.tasks.item import read_item
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import AttemptState, Task
from darkroom.tasks.update import Status
from darkroom.webhooks.delivery import event_id
from tests.emitted import emitted
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, emulated_aws, shared_session
from tests.integration.life.world import Chaos, World
from tests.pictures import picture

REQUEST = ImageRequest(model="seedream-4.5", prompt="a lighthouse", n=1, callback_url="https://app.example/hook")
MINUTE = 60_000


@pytest.fixture
def world() -> Iterator[World]:
    with emulated_aws():
        yield World((TASKS, ACCOUNTS), BUCKET, picture())


def ended(world: World, request: ImageRequest = REQUEST, *, unheard: bool = True) -> Task:
    """A task that has ended, and whose record in the stream notify gave up on where it is to be `unheard` of."""
    world.stream_tries = 0 if unheard else 3
    submitted = world.submit(request)
    assert submitted is not None
    world.run()
    world.stream_tries = 3
    return current(world, submitted.task)


def current(world: World, task: Task) -> Task:
    found = world.tasks.get(task.task_id)
    assert found is not None
    return found


def in_index() -> set[str]:
    """The tasks that something is still to be done about."""
    items = shared_session().client("dynamodb").scan(TableName=TASKS, IndexName="by_open")["Items"]
    return {item["task_id"]["S"] for item in items}


def test_a_task_leaves_the_index_with_its_announcement_and_not_with_its_end(world: World) -> None:
    task = ended(world)
    assert task.status is Status.COMPLETED
    assert not task.announced
    assert in_index() == {task.task_id}
    world.notifier.announce(task)
    assert current(world, task) == replace(task, announced=True)
    assert in_index() == set()


def test_an_end_that_nobody_was_told_of_is_announced_once(world: World) -> None:
    task = ended(world)
    world.time += 11 * MINUTE
    assert world.reconciler.run().announced == 1
    world.run(until=MINUTE)
    assert world.announced == [(task.task_id, "completed")]
    assert world.delivered == [event_id(task)]
    world.time += 15 * MINUTE
    assert world.reconciler.run().announced == 0


def test_a_young_end_is_left_to_the_stream(world: World) -> None:
    world.provider.latency = 20 * MINUTE
    task = ended(world)
    world.time = (task.completed_at or 0) + 4 * MINUTE
    assert world.reconciler.run().announced == 0
    world.time += 2 * MINUTE
    assert world.reconciler.run().announced == 1


def test_a_cancelled_task_that_nobody_heard_of_is_also_cancelled_at_its_provider(world: World) -> None:
    world.stream_tries = 0
    submitted = world.submit(REQUEST)
    assert submitted is not None
    cancelled = world.tasks.change(submitted.task, lambda task: transitions.cancel(task, now=world.time)).after
    world.run(until=1)
    world.queues.waiting.clear()
    world.time += 11 * MINUTE
    world.reconciler.run()
    assert [(each.queue, '"cancel": true' in each.body) for each in world.queues.waiting] == [
        ("Delivery", False), ("Poll", True),
    ]  # fmt: skip
    assert world.announced == [(cancelled.task_id, "cancelled")]


def test_a_record_that_comes_late_is_not_announced_a_second_time(world: World) -> None:
    ended(world)
    (record,) = [each for each in world.kept if each["dynamodb"]["NewImage"]["status"]["S"] == "completed"]
    world.time += 11 * MINUTE
    world.reconciler.run()
    world.notifier.changed(record)
    assert len(world.announced) == 1


def test_a_record_that_was_kept_is_announced_where_nobody_else_did(world: World) -> None:
    task = ended(world)
    world.time += 11 * MINUTE
    for record in world.kept:
        world.notifier.changed(record)
    assert world.announced == [(task.task_id, "completed")]
    assert current(world, task).announced


def test_a_task_that_was_deleted_is_told_of_no_more(world: World) -> None:
    task = ended(world)
    world.tasks.delete(task)
    world.time += 11 * MINUTE
    assert world.reconciler.run().announced == 0
    for record in world.kept:
        world.notifier.changed(record)
    assert world.announced == []


def test_a_task_that_has_expired_is_told_of_no_more_and_leaves_the_index(world: World) -> None:
    task = ended(world)
    world.time = 1000 * task.expires_at + MINUTE
    world.reconciler.run()
    assert world.announced == []
    assert in_index() == set()


def test_the_same_id_posted_anew_is_another_task(world: World) -> None:
    task = ended(world)
    world.tasks.delete(task)
    world.tasks.create(replace(task, created_at=task.created_at + MINUTE, status=Status.PROCESSING, completed_at=None))
    assert not world.tasks.mark_announced(task)
    assert in_index() == {task.task_id}


def test_what_is_noted_on_a_cancelled_task_neither_undoes_nor_forges_the_mark(world: World) -> None:
    submitted = world.submit(REQUEST)
    assert submitted is not None

    def cancel_while_sending(task: Task) -> Task:
        sending = replace(task.attempts[-1], state=AttemptState.SENDING, upstream_id="")
        return transitions.cancel(replace(task, attempts=(sending,), status=Status.QUEUED), now=world.time)

    unmarked = world.tasks.change(submitted.task, cancel_while_sending).after
    world.tasks.mark_announced(unmarked)
    # As read before the mark: the write meets a record that somebody else wrote meanwhile.
    noted = world.tasks.change(unmarked, lambda task: transitions.accept(task, "job-1", now=world.time)).after
    assert noted.attempts[-1].upstream_id == "job-1"
    assert current(world, noted) == noted
    assert noted.announced
    assert in_index() == set()


def test_an_end_that_cannot_be_told_stands_before_no_other(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = [ended(world) for _ in range(MOST_FAILURES + 5)]
    poison = {task.task_id for task in tasks[: MOST_FAILURES - 1]}
    announce = world.announce

    def refuse(task: Task) -> None:
        if task.task_id in poison:
            raise ConnectionError("too large for the bus")
        announce(task)

    world.announce = refuse  # type: ignore[method-assign]
    world.time += 11 * MINUTE
    found = world.reconciler.run()
    assert found.announced == len(tasks) - len(poison)
    assert {task_id for task_id, _ in world.announced} == {task.task_id for task in tasks} - poison
    assert emitted(capsys.readouterr().out).count(("RecordFailed", 1, {})) == len(poison)
    world.time += 15 * MINUTE
    assert world.reconciler.run().overdue == len(poison)


def test_a_bus_that_is_down_is_not_asked_a_thousand_times(world: World) -> None:
    tasks = [ended(world) for _ in range(MOST_FAILURES + 3)]
    world.time += 11 * MINUTE
    asked: list[str] = []

    def down(task: Task) -> None:
        asked.append(task.task_id)
        raise ConnectionError("no bus")

    world.announce = down  # type: ignore[method-assign]
    assert world.reconciler.run().announced == 0
    assert len(asked) == MOST_FAILURES
    assert in_index() == {task.task_id for task in tasks}


def test_an_ended_task_is_counted_once_however_often_it_is_told_of(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    task = ended(world)
    capsys.readouterr()
    for _ in range(3):
        world.notifier.announce(task)
    assert [each for each in emitted(capsys.readouterr().out) if each[0] == "TaskEnded"] == [
        ("TaskEnded", 1, {"status": "completed"})
    ]
    scores = (
        shared_session()
        .client("dynamodb")
        .query(
            TableName=ACCOUNTS,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "scores"}},
        )["Items"]
    )
    assert [item["completed"]["N"] for item in scores] == ["1"]


def calls_of_an_announcement() -> list[str]:
    with emulated_aws():
        chaos = Chaos()
        world = World((TASKS, ACCOUNTS), BUCKET, picture(), chaos)
        task = ended(world)
        before = len(chaos.calls)
        world.notifier.announce(task)
        return chaos.calls[before:]


def test_the_order_is_message_event_mark() -> None:
    message, event, mark, *rest = calls_of_an_announcement()
    assert (message, event, mark) == ("sqs.send Delivery", "events.put_events", "dynamodb.update_item")
    assert set(rest) <= {"dynamodb.update_item"}


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
@pytest.mark.parametrize("dies", [True, False], ids=["killed", "error"])
def test_an_announcement_that_breaks_off_for_good_at_any_call_is_made_up_for(after: bool, dies: bool) -> None:
    for number, lost in enumerate(calls_of_an_announcement(), start=1):
        with emulated_aws():
            chaos = Chaos()
            world = World((TASKS, ACCOUNTS), BUCKET, picture(), chaos)
            task = ended(world)
            chaos.kill_at, chaos.after = len(chaos.calls) + number, after
            chaos.error = None if dies else EndpointConnectionError(endpoint_url="https://aws.example")
            world.stream_tries = 1
            world._notify(world.kept[-1])
            marked = current(world, task).announced
            # What is marked was told: never the other way round.
            assert not marked or world.announced, lost
            world.time += 11 * MINUTE
            made_up = world.reconciler.run().announced
            assert made_up == (0 if marked else 1), lost
            world.run(until=MINUTE)
            assert world.delivered == [event_id(task)], lost
            assert set(world.announced) == {(task.task_id, "completed")}, lost
            assert len(world.announced) <= 2, lost
            assert current(world, task).announced


def test_every_record_of_the_stream_is_read_as_it_is_written(world: World) -> None:
    task = ended(world, unheard=False)
    (item,) = [each for each in _items() if each["task_id"]["S"] == task.task_id]
    assert read_item(item) == task
    assert task.announced


def _items() -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = shared_session().client("dynamodb").scan(TableName=TASKS)["Items"]
    return items
