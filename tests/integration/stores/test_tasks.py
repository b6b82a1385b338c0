"""The tasks table: conditional writes, transactions and lists."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from darkroom.domain import transitions
from darkroom.domain.task import Task
from darkroom.domain.update import Status
from darkroom.stores.accounts import AccountStore
from darkroom.stores.contention import Contention
from darkroom.stores.task_list import BadCursor, Filters, TaskList
from darkroom.stores.tasks import NoSuchTask, TaskExists, TaskStore
from tests.integration.aws import ACCOUNTS, TASKS, emulated_aws
from tests.unit.domain.test_transitions import NOW, a_task, copying, stored


@pytest.fixture
def store() -> Iterator[TaskStore]:
    with emulated_aws():
        yield TaskStore(boto3.client("dynamodb"), TASKS, ACCOUNTS)


def usage() -> list[tuple[str, int, str]]:
    lines = AccountStore(boto3.client("dynamodb"), ACCOUNTS).usage("owner", "2026-05")
    return [(line.provider, line.completed, line.credits) for line in lines]


def finish(task: Task) -> Task:
    task = transitions.store_image(task, 0, stored(0), now=NOW)
    return transitions.store_image(task, 1, stored(1), now=NOW)


def test_an_id_is_taken_once(store: TaskStore) -> None:
    task = a_task()
    store.create(task)
    with pytest.raises(TaskExists) as caught:
        store.create(replace(task, fingerprint="other"))
    assert caught.value.task == task
    assert store.get(task.task_id) == task
    assert store.get("task_other") is None


def test_a_change_is_applied_again_to_what_others_wrote_meanwhile(store: TaskStore) -> None:
    store.create(copying())
    stale = copying()
    store.change(stale, lambda task: transitions.store_image(task, 0, stored(0), now=NOW))
    changed = store.change(stale, lambda task: transitions.store_image(task, 1, stored(1), now=NOW))
    assert changed.after.status is Status.COMPLETED
    assert changed.after.version == 3
    assert store.get(stale.task_id) == changed.after


def test_a_change_that_does_nothing_writes_nothing(store: TaskStore) -> None:
    store.create(a_task())
    changed = store.change(a_task().task_id, lambda task: task)
    assert not changed.happened
    assert store.get(a_task().task_id) == a_task()


def test_the_charge_is_part_of_the_write_that_ends_the_task(store: TaskStore) -> None:
    store.create(copying())
    assert usage() == []
    store.change(copying(), finish)
    store.change(copying(), finish)
    assert usage() == [("evolink", 1, "3.60")]


def test_a_deleted_task_does_not_come_back(store: TaskStore) -> None:
    task = finish(copying())
    store.create(task)
    assert store.delete(replace(task, version=9)) is False
    assert store.delete(task) is True
    with pytest.raises(NoSuchTask):
        store.change(copying(), finish)
    assert store.get(task.task_id) is None


class Busy:
    """A client whose writes lose a race as often as told, as only AWS makes them."""

    def __init__(self, code: str, times: int) -> None:
        self._client = boto3.client("dynamodb")
        self._code, self._times = code, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **parameters: Any) -> Any:
        if self._times:
            self._times -= 1
            reasons = [{"Code": "None"}, {"Code": self._code}]
            error = {"Error": {"Code": "TransactionCanceledException", "Message": "x"}, "CancellationReasons": reasons}
            raise ClientError(error, "TransactWriteItems")  # type: ignore[arg-type]
        return self._client.transact_write_items(**parameters)


def test_a_transaction_that_met_another_is_repeated(store: TaskStore) -> None:
    store.create(copying())
    busy: Any = Busy("TransactionConflict", 2)
    changed = TaskStore(busy, TASKS, ACCOUNTS).change(copying(), finish)
    assert changed.after.status is Status.COMPLETED
    assert usage() == [("evolink", 1, "3.60")]


def test_contention_without_end_gives_up(store: TaskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    store.create(copying())
    busy: Any = Busy("TransactionConflict", 10**6)
    with pytest.raises(Contention):
        TaskStore(busy, TASKS, ACCOUNTS).change(copying(), finish)


def test_other_trouble_of_a_transaction_is_not_taken_for_a_race(store: TaskStore) -> None:
    store.create(copying())
    busy: Any = Busy("ValidationError", 1)
    with pytest.raises(ClientError):
        TaskStore(busy, TASKS, ACCOUNTS).change(copying(), finish)


def numbered(number: int, **fields: Any) -> Task:
    return a_task(task_id=f"task_{number:026d}", created_at=NOW + number // 3, **fields)


def test_many_tasks_are_read_at_once(store: TaskStore) -> None:
    tasks = [numbered(number) for number in range(5)]
    for task in tasks:
        store.create(task)
    wanted = [task.task_id for task in tasks]
    found = store.get_many([*wanted, *wanted, "task_" + "9" * 26])
    assert found == {task.task_id: task for task in tasks}
    assert store.get_many([]) == {}


@pytest.mark.parametrize("limit", [1, 2, 5, 7, 100])
def test_pages_give_every_task_once_newest_first(store: TaskStore, limit: int) -> None:
    for number in range(7):
        store.create(numbered(number))
    store.create(numbered(50, owner="another"))
    tasks = TaskList(boto3.client("dynamodb"), TASKS, store.get_many)
    seen: list[Task] = []
    cursor: str | None = None
    while True:
        page = tasks.page("owner", Filters(), limit=limit, cursor=cursor)
        assert len(page.tasks) <= limit
        seen += page.tasks
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(task.task_id for task in seen) == [numbered(number).task_id for number in range(7)]
    assert [task.created_at for task in seen] == sorted((task.created_at for task in seen), reverse=True)


def test_a_list_can_be_narrowed(store: TaskStore) -> None:
    for number in range(6):
        store.create(numbered(number, status=Status.COMPLETED if number % 2 else Status.QUEUED))
    tasks = TaskList(boto3.client("dynamodb"), TASKS, store.get_many)
    done = tasks.page("owner", Filters({"status": "completed", "provider": "evolink"}), limit=10)
    assert len(done.tasks) == 3
    assert tasks.page("owner", Filters({"model": "seedream-3.0"}), limit=10).tasks == ()
    early = tasks.page("owner", Filters(created_before=NOW), limit=10)
    assert {task.created_at for task in early.tasks} == {NOW}


def test_usage_is_spread_over_several_items_and_added_up(store: TaskStore) -> None:
    for number in range(12):
        task = replace(copying(), task_id=numbered(number).task_id)
        store.create(task)
        store.change(task, finish)
    assert usage() == [("evolink", 12, "43.20")]
    items = boto3.client("dynamodb").scan(TableName=ACCOUNTS)["Items"]
    assert len([item for item in items if item["sk"]["S"].startswith("usage#")]) > 4


def test_a_task_that_moved_on_since_the_index_was_written_is_left_out(store: TaskStore) -> None:
    for number in range(3):
        store.create(numbered(number))
    gone, ended = numbered(0), replace(numbered(1), status=Status.COMPLETED)
    read_later = {**store.get_many([numbered(2).task_id]), ended.task_id: ended}
    assert gone.task_id not in read_later
    tasks = TaskList(boto3.client("dynamodb"), TASKS, lambda _: read_later)
    assert tasks.page("owner", Filters({"status": "queued"}), limit=10).tasks == (numbered(2),)


@pytest.mark.parametrize("cursor", ["x", "e30", "W10", "AAAA", "WyJ4IiwxXQ", "!!!", "é", "WyJ0YXNrXzEiLCJhIl0" * 10])
def test_a_cursor_from_elsewhere_is_refused(store: TaskStore, cursor: str) -> None:
    with pytest.raises(BadCursor):
        TaskList(boto3.client("dynamodb"), TASKS, store.get_many).page("owner", Filters(), limit=1, cursor=cursor)
