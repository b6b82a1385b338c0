"""The restore runbook, walked through: point-in-time recovery beside the table, then `make restore`."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from darkroom.tasks.keys import keys_beside, record_key
from local.paths import LAYER, ROOT
from tests.e2e.conftest import Api
from tests.e2e.test_accounts import open_account
from tests.e2e.test_schedules import until
from tests.e2e.test_webhooks import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def recovered(api: Api, table: str) -> str:
    """A table as it is now, recovered beside it."""
    dynamodb, name = api.stack.emulator.client("dynamodb"), f"recovered-{uuid.uuid4().hex[:8]}"
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=name, RestoreDateTime=datetime.now(UTC)
    )
    until(lambda: dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE", 30)
    return name


def restore(api: Api, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": api.stack.emulator.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "PYTHONPATH": f"{LAYER}:{ROOT}",
    }
    command = [sys.executable, "-m", "local.restore.restore", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_tasks_that_were_lost_are_put_back_and_nobody_is_told_again(api: Api, receiver: Receiver) -> None:
    dynamodb, table = api.stack.emulator.client("dynamodb"), api.stack.outputs["TasksTable"]
    task = api.finish({"callback_url": receiver.url})
    receiver.wait(1)
    client = open_account(api, "10.00")
    owner = client.get("/v1/account").json()["owner"]
    erased_id = client.post("/v1/tasks", json={"prompt": "x", "model": "seedream-4.5"}).json()["task_id"]
    until(lambda: client.get(f"/v1/tasks/{erased_id}").json()["status"] == "completed", 60)
    until(lambda: api.client.get(f"/v1/tasks/{task['task_id']}/webhook").json()["state"] == "delivered", 30)
    still_open = api.post({"prompt": "slow [[latency=30]]", "provider": "evolink"}).json()["task_id"]
    deleted = api.finish({})["task_id"]
    copy = recovered(api, table)
    api.caller(api.stack.admin_key).request("DELETE", f"/v1/admin/owners/{owner}").raise_for_status()
    assert api.client.delete(f"/v1/tasks/{deleted}").status_code == 204
    for key in [record_key(task["task_id"]), *keys_beside(task["task_id"]), record_key(erased_id)]:
        dynamodb.delete_item(TableName=table, Key=key)
    assert api.client.get(f"/v1/tasks/{task['task_id']}").status_code == 404

    counted = restore(api, copy)
    assert "Nothing was changed: add APPLY=yes" in counted.stdout, counted.stderr
    assert api.client.get(f"/v1/tasks/{task['task_id']}").status_code == 404
    done = restore(api, copy, "--apply")
    assert done.returncode == 0, done.stderr
    assert "left out: of an owner who was erased" in done.stdout
    assert "left out: tasks whose pictures are gone" in done.stdout
    assert api.client.get(f"/v1/tasks/{deleted}").status_code == 404
    assert still_open not in done.stdout, "what is there is not said to be lost"
    found = api.client.get(f"/v1/tasks/{task['task_id']}").json()
    assert (found["status"], found["images"][0]["sha256"]) == ("completed", task["images"][0]["sha256"])
    assert api.client.get(found["images"][0]["url"].partition("?")[0]).status_code == 403
    assert api.client.get(f"/v1/tasks/{task['task_id']}/webhook").json()["state"] == "delivered"
    assert "       0  put back into" in restore(api, copy, "--apply").stdout
    assert "       0  missing in" in restore(api, copy).stdout
    api.client.post(f"/v1/tasks/{still_open}/cancel")
    another = api.finish({"callback_url": receiver.url})
    receiver.wait(2)
    assert [another["task_id"] in body.decode() for _, body in receiver.received] == [False, True]


def test_an_account_that_was_lost_is_put_back(api: Api) -> None:
    dynamodb, table = api.stack.emulator.client("dynamodb"), api.stack.outputs["AccountsTable"]
    client = open_account(api, "10.00")
    owner = client.get("/v1/account").json()["owner"]
    copy = recovered(api, table)
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": f"owner#{owner}"}, "sk": {"S": "account"}})
    assert restore(api, copy, "--apply").returncode == 0
    assert client.get("/v1/account").json()["balance"] == "10.00"


def test_an_account_that_was_settled_on_since_is_named(api: Api) -> None:
    """A settlement makes the account's item anew, without its terms: it must not pass for one that is there."""
    dynamodb, table = api.stack.emulator.client("dynamodb"), api.stack.outputs["AccountsTable"]
    owner = open_account(api, "10.00").get("/v1/account").json()["owner"]
    copy = recovered(api, table)
    key: Any = {"pk": {"S": f"owner#{owner}"}, "sk": {"S": "account"}}
    dynamodb.put_item(TableName=table, Item={**key, "balance": {"N": "2"}})
    assert "1  left out: accounts that were settled on" in restore(api, copy, "--apply").stdout


@pytest.mark.parametrize(("source", "fault"), [("no-such-table", "there is no table"), ("", "is the deployment's own")])
def test_a_table_that_cannot_be_meant_is_refused(api: Api, source: str, fault: str) -> None:
    done = restore(api, source or api.stack.outputs["TasksTable"], "--apply")
    assert done.returncode == 1
    assert fault in done.stderr
