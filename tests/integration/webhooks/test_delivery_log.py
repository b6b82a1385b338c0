"""The record of a webhook, and the event of an end."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.tasks.store import TaskStore
from darkroom.webhooks.delivery_log import DeliveryAttempt, DeliveryConflict, DeliveryLog, DeliveryStore
from darkroom.webhooks.event_bus import EventNotTaken, TaskEvents
from tests.integration.emulated_aws import ACCOUNTS, TASKS, emulated_aws
from tests.unit.tasks.test_transitions import NOW, a_task


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with emulated_aws():
        yield


def test_a_delivery_log_is_written_by_one_at_a_time() -> None:
    client = boto3.client("dynamodb")
    TaskStore(client, TASKS, TaskAccounting(ACCOUNTS), clock=lambda: NOW).create(a_task(task_id="t"))
    store = DeliveryStore(client, TASKS, clock=lambda: 0)
    log = DeliveryLog("t", "o", "https://app.example/", 9)
    saved = store.save(log.with_attempt(DeliveryAttempt(1, 0, 1, 5)))
    with pytest.raises(DeliveryConflict):
        store.save(log)
    done = store.save(saved.with_attempt(DeliveryAttempt(1, 0, 1, 5, done=True, status=200)))
    assert store.get("t") == done
    assert len(done.attempts) == 1


def test_an_event_that_is_not_taken_is_an_error() -> None:
    class Bus:
        def put_events(self, **_: Any) -> dict[str, Any]:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorMessage": "no"}]}

    bus: Any = Bus()
    task = a_task(status="completed")
    with pytest.raises(EventNotTaken, match="no"):
        TaskEvents(bus, "bus", lambda task: {}).announce(task)
