"""A write that DynamoDB throttles is waited out like a race that was lost, and only then an error.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and
APIReference/API_TransactWriteItems.html name the errors, and the reasons of a cancelled transaction.
"""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from darkroom.accounts.admission import NotAdmitted
from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.aws import contention
from darkroom.aws.contention import MAX_THROTTLES, PATIENCE
from darkroom.tasks import transitions
from darkroom.tasks.item import write_item
from darkroom.tasks.store import NoSuchTask, TaskExists, TaskStore
from darkroom.tasks.task import Task, Terms
from tests.unit.tasks.test_transitions import NOW, a_task, accepted, copying, stored

THROTTLES = ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"]
REASONS = ["ThrottlingError", "ProvisionedThroughputExceeded"]


class Clock:
    """Time that goes by only while somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def monotonic(self) -> float:
        return sum(self.slept)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(contention, "time", clock)
    return clock


@pytest.fixture
def stub() -> Iterator[tuple[TaskStore, Stubber]]:
    client = boto3.client("dynamodb", region_name="us-east-1")
    with Stubber(client) as stubber:
        yield TaskStore(client, "tasks", TaskAccounting("accounts")), stubber


def cancelled(stubber: Stubber, *codes: str, **item: Any) -> None:
    reasons = [{"Code": code, **(item if code == "ConditionalCheckFailed" else {})} for code in codes]
    stubber.add_client_error(
        "transact_write_items", "TransactionCanceledException", modeled_fields={"CancellationReasons": reasons}
    )


def finish(task: Task) -> Task:
    task = transitions.store_image(task, 0, stored(0), now=NOW)
    return transitions.store_image(task, 1, stored(1), now=NOW)


def begin(task: Task) -> Task:
    return transitions.begin_attempt(task, credential="c", expects_callback=True, now=NOW)


@pytest.mark.parametrize("code", THROTTLES)
def test_a_throttled_change_is_made_a_little_later(stub: tuple[TaskStore, Stubber], clock: Clock, code: str) -> None:
    store, stubber = stub
    for _ in range(3):
        stubber.add_client_error("put_item", code)
    stubber.add_response("put_item", {})
    changed = store.change(a_task(), begin)
    assert changed.happened
    assert changed.after.version == 2
    assert len(clock.slept) == 3


@pytest.mark.parametrize("code", REASONS)
def test_a_throttled_end_is_written_a_little_later_charge_and_all(
    stub: tuple[TaskStore, Stubber], clock: Clock, code: str
) -> None:
    store, stubber = stub
    cancelled(stubber, "None", code)
    stubber.add_client_error("transact_write_items", "ThrottlingException")
    stubber.add_response("transact_write_items", {})
    assert store.change(copying(), finish).after.status.terminal
    assert len(clock.slept) == 2


def test_throttles_and_lost_races_in_turn_are_both_waited_out(stub: tuple[TaskStore, Stubber]) -> None:
    store, stubber = stub
    theirs = transitions.store_image(copying(), 0, stored(0), now=NOW)
    cancelled(stubber, "ThrottlingError", "None")
    cancelled(stubber, "ConditionalCheckFailed", "None", Item=write_item(theirs))
    cancelled(stubber, "None", "TransactionConflict")
    stubber.add_response("get_item", {"Item": write_item(theirs)})
    stubber.add_client_error("transact_write_items", "TransactionInProgressException")
    stubber.add_response("get_item", {"Item": write_item(theirs)})
    stubber.add_response("transact_write_items", {})
    assert store.change(copying(), finish).after.status.terminal


@pytest.mark.parametrize("metered", [False, True])
def test_a_throttled_creation_is_made_a_little_later(
    stub: tuple[TaskStore, Stubber], clock: Clock, metered: bool
) -> None:
    store, stubber = stub
    if metered:
        cancelled(stubber, "None", "ThrottlingError", "None")
        stubber.add_client_error("transact_write_items", "ThrottlingException")
        stubber.add_response("transact_write_items", {})
    else:
        stubber.add_client_error("put_item", "ThrottlingException")
        stubber.add_client_error("put_item", "ProvisionedThroughputExceededException")
        stubber.add_response("put_item", {})
    store.create(a_task(terms=Terms("k", metered=metered)))
    assert len(clock.slept) == 2


def test_a_condition_counts_beside_a_throttle(stub: tuple[TaskStore, Stubber], clock: Clock) -> None:
    # One part of the transaction was throttled, another was refused: the refusal is the answer.
    store, stubber = stub
    there = a_task(terms=Terms("k", metered=True))
    cancelled(stubber, "ConditionalCheckFailed", "ThrottlingError", "None", Item=write_item(there))
    with pytest.raises(TaskExists):
        store.create(there)
    account = {"prepaid": {"BOOL": True}, "balance": {"N": "0"}}
    cancelled(stubber, "ThrottlingError", "ConditionalCheckFailed", "None", Item=account)
    with pytest.raises(NotAdmitted):
        store.create(there)
    assert clock.slept == []


def test_throttling_without_end_is_an_error_in_some_seconds(stub: tuple[TaskStore, Stubber], clock: Clock) -> None:
    store, stubber = stub
    for _ in range(MAX_THROTTLES):
        stubber.add_client_error("put_item", "ThrottlingException")
    with pytest.raises(ClientError, match="ThrottlingException"):
        store.change(a_task(), begin)
    assert sum(clock.slept) < PATIENCE + 1


@pytest.mark.parametrize("code", ["ValidationException", "ResourceNotFoundException", "AccessDeniedException"])
def test_other_trouble_is_an_error_at_once(stub: tuple[TaskStore, Stubber], clock: Clock, code: str) -> None:
    store, stubber = stub
    stubber.add_client_error("put_item", code)
    with pytest.raises(ClientError, match=code):
        store.change(a_task(), begin)
    assert clock.slept == []


def test_a_task_that_is_deleted_meanwhile_is_gone(stub: tuple[TaskStore, Stubber]) -> None:
    store, stubber = stub
    stubber.add_client_error("put_item", "ThrottlingException")
    stubber.add_client_error("put_item", "ConditionalCheckFailedException")
    stubber.add_response("get_item", {})
    with pytest.raises(NoSuchTask):
        store.change(accepted(), lambda task: transitions.keep_open_until(task, NOW * 2))


def test_waits_grow_and_are_spread(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: high - low)
    tries = contention.Tries("x")
    error = ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")
    for _ in range(6):
        tries.throttled(error)
    assert clock.slept == [0.2, 0.4, 0.8, 1.0, 1.0, 1.0]
    with pytest.raises(ClientError):
        tries.throttled(error)
