"""The tasks table: conditional writes, transactions and lists."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from darkroom.accounts.keys import AccountStore
from darkroom.accounts.ledger import AccountLedger
from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.aws.contention import Contention
from darkroom.callbacks.notes import CallbackNote, CallbackNotes
from darkroom.submission.in_flight_calls import InFlightCalls, InFlightCallStore
from darkroom.submission.repetition import Wait
from darkroom.tasks import transitions
from darkroom.tasks.listing import BadCursor, Filters, Page, TaskList
from darkroom.tasks.retention import oldest_kept
from darkroom.tasks.store import NoSuchTask, TaskExists, TaskStore
from darkroom.tasks.task import Task, Terms, Usage
from darkroom.tasks.update import Status
from darkroom.webhooks.delivery_log import DeliveryAttempt, DeliveryConflict, DeliveryLog, DeliveryStore
from tests.integration.emulated_aws import ACCOUNTS, TASKS, emulated_aws
from tests.unit.tasks.test_transitions import NOW, PRICE, a_task, copying, stored


@pytest.fixture
def store() -> Iterator[TaskStore]:
    with emulated_aws():
        yield at(NOW)


def at(now: int, *, retention_days: int | None = None, client: Any = None) -> TaskStore:
    """The store at some moment (Unix milliseconds)."""
    dynamodb: Any = client or boto3.client("dynamodb")
    return TaskStore(dynamodb, TASKS, TaskAccounting(ACCOUNTS), clock=lambda: now, retention_days=retention_days)


def usage() -> list[tuple[str, int, str]]:
    lines = AccountStore(boto3.client("dynamodb"), ACCOUNTS).usage("owner", "2026-05")
    return [(line.provider, line.completed, line.credits) for line in lines]


def finish(task: Task, now: int = NOW) -> Task:
    task = transitions.store_image(task, 0, stored(0), now=now)
    return transitions.store_image(task, 1, stored(1), now=now)


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


DAY = 86_400_000


def over(**fields: Any) -> Task:
    """A task that completed, and whose time is over a day after NOW."""
    return replace(finish(copying()), **fields)


def test_a_task_is_gone_from_the_moment_it_expires_whenever_its_item_is_deleted(store: TaskStore) -> None:
    task = over()
    store.create(task)
    late = at(task.expires_at * 1000)
    assert at(task.expires_at * 1000 - 1).get(task.task_id) == task
    assert late.get(task.task_id) is None
    assert late.get_many([task.task_id]) == {}
    assert TaskList(boto3.client("dynamodb"), TASKS, late.get_many).page("owner", Filters(), limit=5).tasks == ()
    with pytest.raises(NoSuchTask):
        late.change(task.task_id, lambda found: replace(found, progress=1))


def test_an_open_task_is_there_until_it_has_ended_however_late_that_is(store: TaskStore) -> None:
    store.create(copying())
    late = at(NOW + 40 * DAY)
    assert late.get(copying().task_id) == copying()
    with pytest.raises(TaskExists):
        late.create(replace(copying(), created_at=NOW + 40 * DAY))
    assert late.change(copying().task_id, finish).after.status is Status.COMPLETED


def test_a_task_whose_pictures_a_shorter_retention_has_removed_is_gone_with_them(store: TaskStore) -> None:
    task = over(expires_at=NOW // 1000 + 30 * 86_400)
    store.create(task)
    assert at(NOW + 7 * DAY - 1, retention_days=7).get(task.task_id) == task
    assert at(NOW + 7 * DAY, retention_days=7).get(task.task_id) is None
    assert at(NOW + 29 * DAY, retention_days=90).get(task.task_id) == task
    assert at(NOW + 31 * DAY, retention_days=90).get(task.task_id) is None


def test_an_id_is_free_again_once_its_task_is_over_and_nothing_is_charged_anew(store: TaskStore) -> None:
    first = replace(copying(), terms=Terms("k", metered=True), usage=Usage(reserved=PRICE * 2))
    book = AccountLedger(boto3.client("dynamodb"), ACCOUNTS)
    book.put_terms("owner", prepaid=True, budget=None)
    book.credit("owner", Decimal(100), reference="r", note="", now=NOW)
    store.create(first)
    store.change(first, finish)
    spent = Decimal(100) - balance(book)
    later = NOW + 2 * DAY
    again = replace(first, created_at=later, expires_at=later // 1000 + 86_400, fingerprint="another")
    at(later).create(again)
    assert at(later).get(first.task_id) == again
    assert balance(book) == Decimal(100) - spent - PRICE * 2
    with pytest.raises(TaskExists):
        at(later).create(replace(again, fingerprint="third"))
    ended = at(later).change(again, lambda task: finish(task, later)).after
    assert balance(book) == Decimal(100) - spent - ended.usage.charged
    lines, _ = book.ledger("owner", limit=20)
    assert sum(line.amount for line in lines) == balance(book)
    assert [line.kind for line in lines].count("settle") == 2


def test_of_two_that_make_a_task_anew_under_one_id_one_wins(store: TaskStore) -> None:
    store.create(over())
    later = NOW + 2 * DAY

    class Overtaken:
        """A client before whose second try somebody else makes the task."""

        def __init__(self) -> None:
            self._client = boto3.client("dynamodb")

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

        def put_item(self, **parameters: Any) -> Any:
            if "version" in parameters.get("ConditionExpression", ""):
                at(later).create(replace(a_task(), created_at=later, fingerprint="faster"))
            return self._client.put_item(**parameters)

    with pytest.raises(TaskExists) as caught:
        at(later, client=Overtaken()).create(replace(a_task(), created_at=later, fingerprint="slower"))
    assert caught.value.task.fingerprint == "faster"


def test_what_lay_beside_a_task_that_is_over_is_not_the_new_ones(store: TaskStore) -> None:
    client = boto3.client("dynamodb")
    task = over(expires_at=NOW // 1000 + 30 * 86_400)
    store.create(task)
    old = DeliveryLog(task.task_id, "owner", "https://app.example/", task.expires_at)
    DeliveryStore(client, TASKS, clock=lambda: NOW).save(old.with_attempt(DeliveryAttempt(1, 0, 1, NOW)))
    CallbackNotes(client, TASKS, clock=lambda: NOW).add(task.task_id, CallbackNote(1, "x", "old"), task.expires_at)
    later = NOW + 8 * DAY  # the record would last, but the pictures are gone
    new = replace(a_task(), created_at=later, expires_at=later // 1000 + 86_400)
    at(later, retention_days=7).create(new)
    deliveries = DeliveryStore(client, TASKS, clock=lambda: later)
    notes = CallbackNotes(client, TASKS, clock=lambda: later)
    assert deliveries.get(task.task_id) is None
    assert notes.of_task(task.task_id) == []
    saved = deliveries.save(replace(old, expires_at=new.expires_at))
    assert deliveries.get(task.task_id) == saved
    for verdict in ("one", "two"):
        notes.add(task.task_id, CallbackNote(later, "x", verdict), new.expires_at)
    assert [note.verdict for note in notes.of_task(task.task_id)] == ["one", "two"]


def test_a_log_and_notes_end_with_their_time_and_begin_anew(store: TaskStore) -> None:
    client = boto3.client("dynamodb")
    store.create(a_task())
    log = DeliveryLog(a_task().task_id, "owner", "https://app.example/", NOW // 1000 + 60)
    DeliveryStore(client, TASKS, clock=lambda: NOW).save(log)
    CallbackNotes(client, TASKS, clock=lambda: NOW).add(log.task_id, CallbackNote(1, "x", "old"), log.expires_at)
    late = NOW + 60_000
    deliveries = DeliveryStore(client, TASKS, clock=lambda: late)
    notes = CallbackNotes(client, TASKS, clock=lambda: late)
    assert deliveries.get(log.task_id) is None
    assert notes.of_task(log.task_id) == []
    assert deliveries.save(replace(log, expires_at=late)).version == 1
    notes.add(log.task_id, CallbackNote(2, "x", "new"), late // 1000 + 60)
    assert [note.verdict for note in notes.of_task(log.task_id)] == ["new"]


def test_nothing_is_written_beside_a_task_that_was_deleted(store: TaskStore) -> None:
    client = boto3.client("dynamodb")
    task = finish(copying())
    store.create(task)
    deliveries = DeliveryStore(client, TASKS, clock=lambda: NOW)
    log = deliveries.save(DeliveryLog(task.task_id, "owner", "https://app.example/", task.expires_at))
    assert store.delete(task) is True
    for version in (log, replace(log, version=0)):
        with pytest.raises(DeliveryConflict):
            deliveries.save(version)
    CallbackNotes(client, TASKS, clock=lambda: NOW).add(task.task_id, CallbackNote(1, "x", "v"), task.expires_at)
    assert client.scan(TableName=TASKS)["Items"] == []


def test_an_awaited_answer_ends_with_its_time() -> None:
    with emulated_aws():
        client = boto3.client("dynamodb")
        answers = InFlightCallStore(client, TASKS, clock=lambda: NOW)
        assert answers.replace(InFlightCalls("k"), (Wait("a", NOW, NOW, NOW + 1000, task_id="task_1"),))
        assert not answers.replace(InFlightCalls("k"), ()), "somebody else wrote since"
        assert InFlightCallStore(client, TASKS, clock=lambda: NOW + 899_999).find("k").waits
        later = InFlightCallStore(client, TASKS, clock=lambda: NOW + 900_000)
        assert later.find("k").waits == ()
        assert later.replace(later.find("k"), (Wait("b", NOW, NOW, NOW),)), "what is over makes room"


def test_a_list_does_not_page_through_what_is_over(store: TaskStore) -> None:
    store.create(over())
    reads = []
    late = at(NOW + 9 * DAY, retention_days=7)

    def get_many(ids: Any) -> Any:
        reads.extend(ids)
        return late.get_many(ids)

    def oldest() -> int:
        return oldest_kept(NOW + 12 * DAY, 7)

    tasks = TaskList(boto3.client("dynamodb"), TASKS, get_many, oldest=oldest)
    assert tasks.page("owner", Filters(), limit=5) == Page((), None)
    assert tasks.page("owner", Filters(created_before=NOW), limit=5) == Page((), None)
    cursor = TaskList(boto3.client("dynamodb"), TASKS, get_many).page("owner", Filters(), limit=1).next_cursor
    reads.clear()
    assert cursor is None or tasks.page("owner", Filters(), limit=5, cursor=cursor) == Page((), None)
    assert tasks.page("owner", Filters(), limit=5, cursor=_cursor_at(NOW)) == Page((), None)
    assert reads == []


def test_a_cursor_behind_which_everything_wanted_lies_is_no_obstacle(store: TaskStore) -> None:
    """DynamoDB refuses a starting key outside the range that is asked for."""
    store.create(a_task(created_at=NOW - 1000))
    told: list[Any] = []
    client = boto3.client("dynamodb")
    client.meta.events.register("provide-client-params.dynamodb.Query", lambda params, **_: told.append(params))
    tasks = TaskList(client, TASKS, store.get_many)
    page = tasks.page("owner", Filters(created_before=NOW - 500), limit=5, cursor=_cursor_at(NOW))
    assert [task.created_at for task in page.tasks] == [NOW - 1000]
    assert all("ExclusiveStartKey" not in params for params in told)


def _cursor_at(created_at: int) -> str:
    place = json.dumps([a_task().task_id, created_at])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def balance(book: AccountLedger) -> Decimal:
    account = book.find("owner")
    assert account is not None
    return account.balance


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
    changed = at(NOW, client=busy).change(copying(), finish)
    assert changed.after.status is Status.COMPLETED
    assert usage() == [("evolink", 1, "3.60")]


def test_contention_without_end_gives_up(store: TaskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    store.create(copying())
    busy: Any = Busy("TransactionConflict", 10**6)
    with pytest.raises(Contention):
        at(NOW, client=busy).change(copying(), finish)


def test_other_trouble_of_a_transaction_is_not_taken_for_a_race(store: TaskStore) -> None:
    store.create(copying())
    busy: Any = Busy("ValidationError", 1)
    with pytest.raises(ClientError):
        at(NOW, client=busy).change(copying(), finish)


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
