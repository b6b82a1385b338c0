"""What is seldom done, by the deployed functions with their own roles: looking for what was lost, sending on what was
given up, erasing an owner, events that can't be taken."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.aws.queues import message_body
from darkroom.images.object_store import image_key
from darkroom.operations.erasure_store import Erasures
from darkroom.operations.kept_failures import PREFIX
from darkroom.tasks import transitions
from darkroom.tasks.ids import new_task_id
from darkroom.tasks.item import write_item
from darkroom.tasks.messages import Copy, Poll, Submission
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import Task
from darkroom.webhooks.messages import Delivery
from tests.e2e.conftest import Api
from tests.e2e.test_accounts import open_account
from tests.e2e.test_schedules import until
from tests.e2e.test_webhooks import Receiver
from tests.integration.deployment import event as sample
from tests.pictures import picture
from tests.unit.tasks.test_transitions import a_task, copying, stored

LONG_AGO = 3_600_000
DATA_URI = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def admin(api: Api) -> httpx.Client:
    return api.caller(api.stack.admin_key)


def store(api: Api) -> TaskStore:
    tables = api.stack.state()["tables"]
    return TaskStore(api.stack.emulator.client("dynamodb"), tables["tasks"], TaskAccounting(tables["accounts"]))


def now() -> int:
    return int(time.time() * 1000)


def present(tasks: TaskStore, task: Task) -> Task:
    """A task as it is now."""
    found = tasks.get(task.task_id)
    assert found is not None
    return found


def reconcile(api: Api) -> dict[str, int]:
    """Let the reconciler run once, as its schedule would."""
    client = api.stack.emulator.client("lambda")
    (name,) = [
        each["FunctionName"] for each in client.list_functions()["Functions"] if "Reconcile" in each["FunctionName"]
    ]
    answer = client.invoke(FunctionName=name, Payload=b"{}")
    found: dict[str, int] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, found
    return found


def an_end_unheard_of(callback_url: str) -> Task:
    """A task that ended an hour ago, and nobody was told."""
    then = now() - LONG_AGO
    task = replace(
        copying(),
        task_id=new_task_id(then),
        created_at=then,
        deadline_at=then + 1_800_000,
        expires_at=now() // 1000 + 86_400,
        copying_at=then,
    )
    task = replace(task, request=replace(task.request, callback_url=callback_url))
    for index in (0, 1):
        task = transitions.store_image(task, index, stored(index), now=then)
    return task


def test_the_reconciler_finds_what_was_lost(api: Api, receiver: Receiver) -> None:
    """An open task without a message, an end without an announcement, a picture without a record."""
    tasks, then = store(api), now() - LONG_AGO
    kept_until = now() // 1000 + 86_400
    lost = a_task(task_id=new_task_id(then), created_at=then, deadline_at=then + 1_800_000, expires_at=kept_until)
    tasks.create(lost)
    unheard = an_end_unheard_of(receiver.url)
    tasks.create(unheard)
    copied = replace(
        copying(),
        task_id=new_task_id(then),
        created_at=then,
        deadline_at=now() + 1_800_000,
        expires_at=now() // 1000 + 86_400,
        copying_at=then,
    )
    tasks.create(copied)
    key = image_key(copied, 0, "png")
    facts = {"sha256": "0" * 64, "width": "1", "height": "1"}
    api.stack.emulator.client("s3").put_object(
        Bucket=api.stack.outputs["Bucket"], Key=key, Body=picture(), ContentType="image/png", Metadata=facts
    )
    found = reconcile(api)
    assert found["looked_after"] >= 2
    assert found["announced"] >= 1
    assert found["recorded"] >= 1
    receiver.wait(1)
    until(lambda: present(tasks, lost).status.terminal, 60)  # its deadline has passed
    until(lambda: present(tasks, copied).images[0].stored, 60)
    tasks.change(copied.task_id, lambda current: transitions.cancel(current, now=now()))


@pytest.mark.parametrize("by", ["admin", "reconcile"])
def test_an_erased_owner_leaves_nothing(api: Api, admin: httpx.Client, by: str) -> None:
    """Whether the calls go on with it, or the reconciler does."""
    client = open_account(api, "10.00")
    owner = client.get("/v1/account").json()["owner"]

    def go_on() -> dict[str, Any]:
        if by == "reconcile":
            reconcile(api)
        erasure: dict[str, Any] = admin.request("DELETE", f"/v1/admin/owners/{owner}").raise_for_status().json()
        return erasure

    body = {"prompt": "a fox", "model": "seedream-4.5", "provider": "evolink", "image_urls": [DATA_URI]}
    task_id = client.post("/v1/tasks", json=body).raise_for_status().json()["task_id"]
    until(lambda: client.get(f"/v1/tasks/{task_id}").json()["status"] == "completed", 60)

    def left() -> list[str]:
        s3 = api.stack.emulator.client("s3")
        found = s3.list_objects_v2(Bucket=api.stack.outputs["Bucket"]).get("Contents", [])
        return [each["Key"] for each in found if f"/{owner}/" in each["Key"]]

    assert left()
    open_body = {**body, "prompt": "slow [[latency=60]]", "image_urls": []}
    client.post("/v1/tasks", json=open_body).raise_for_status()
    if by == "reconcile":
        Erasures(api.stack.emulator.client("dynamodb"), api.stack.state()["tables"]["accounts"]).begin(owner, now())
    go_on()
    assert client.get("/v1/account").status_code == 403
    assert not left()
    let_its_wait_end(api, owner)
    go_on()
    let_its_wait_end(api, owner)
    done = go_on()
    assert done["status"] == "erased", done
    assert done["removed"]["tasks"] == 2
    assert store(api).get(task_id) is None


def let_its_wait_end(api: Api, owner: str) -> None:
    """Pass over the wait for functions that may still run when an owner is erased: 960 s on AWS."""
    dynamodb, table = api.stack.emulator.client("dynamodb"), api.stack.state()["tables"]["accounts"]
    items = dynamodb.query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "erasures"}}
    )["Items"]
    (item,) = [each for each in items if each.get("owner", {}).get("S") == owner]
    dynamodb.update_item(
        TableName=table,
        Key={"pk": item["pk"], "sk": item["sk"]},
        UpdateExpression="SET due_at = :now",
        ExpressionAttributeValues={":now": {"N": str(now())}},
    )


@pytest.mark.parametrize(
    ("queue", "message"),
    [
        ("look", Poll("task_01M7Y0K4SK2HQR5V5B4CM148FZ", once=True)),
        ("generate", Submission("task_01M7Y0K4SK2HQR5V5B4CM148FZ")),
        ("ingest", Copy("task_01M7Y0K4SK2HQR5V5B4CM148FZ", 0)),
        ("webhook", Delivery("task_01M7Y0K4SK2HQR5V5B4CM148FZ", 1)),
    ],
)
def test_what_a_queue_gave_up_on_is_sent_on_its_way_again(
    api: Api, admin: httpx.Client, queue: str, message: Any
) -> None:
    dead = api.stack.state()["queues"][f"{queue}-dead-letters"]
    api.stack.emulator.client("sqs").send_message(QueueUrl=dead, MessageBody=message_body(message))
    sent = admin.post(f"/v1/admin/dead-letters/{queue}/redrive", json={"limit": 10})
    assert sent.raise_for_status().json()["sent"] == 1


def wish(**task: Any) -> str:
    """An event that asks for a task, as its message."""
    envelope = json.loads(sample("sqs.task_requested")["Records"][0]["body"])
    named = {"owner": task.pop("owner", "local"), "key_id": task.pop("key_id", None)}
    detail = {**named, "task": {**envelope["detail"]["task"], **task}}
    return json.dumps({**envelope, "id": str(uuid.uuid4()), "detail": detail})


def test_an_event_that_was_given_up_on_is_taken_after_all(api: Api, admin: httpx.Client) -> None:
    dead = api.stack.state()["queues"]["intake-dead-letters"]
    api.stack.emulator.client("sqs").send_message(QueueUrl=dead, MessageBody=wish())
    sent = admin.post("/v1/admin/dead-letters/intake/redrive", json={"limit": 10})
    assert sent.raise_for_status().json()["sent"] == 1


def test_an_event_of_an_account_is_paid_for_and_its_reference_kept(api: Api, admin: httpx.Client) -> None:
    client = open_account(api, "10.00")
    owner = client.get("/v1/account").json()["owner"]
    key = admin.post("/v1/admin/keys", json={"owner": owner, "open_tasks": 1}).raise_for_status().json()
    queue = api.stack.state()["queues"]["intake"]
    sqs = api.stack.emulator.client("sqs")
    for _ in range(3):  # more than may be open at once: the others wait
        sqs.send_message(
            QueueUrl=queue,
            MessageBody=wish(prompt="slow [[latency=1]]", owner=owner, key_id=key["key_id"], image_urls=[DATA_URI]),
        )
    sqs.send_message(QueueUrl=queue, MessageBody=wish(owner=owner, model="no-such-model"))

    def paid() -> bool:
        tasks = client.get("/v1/tasks").json()["data"]
        return [task["status"] for task in tasks] == ["completed"] * 3

    until(paid, 90)
    assert client.get("/v1/account").json()["balance"] == "4.60"


def test_a_batch_that_notify_gave_up_on_is_announced_after_all(
    api: Api, admin: httpx.Client, receiver: Receiver
) -> None:
    task = an_end_unheard_of(receiver.url)
    store(api).create(task)
    kept = sample("s3.notify_given_up")
    (record,) = kept["payload"]["Records"]
    kept["payload"]["Records"] = [{**record, "dynamodb": {**record["dynamodb"], "NewImage": write_item(task)}}]
    key = f"{PREFIX}6a1b1f52-7d1c-4d4b-9b1e-0f1c2d3e4f50/shardId-0/2026/11/21/2026-11-21T03.13.49-{uuid.uuid4()}"
    api.stack.emulator.client("s3").put_object(
        Bucket=api.stack.outputs["Bucket"], Key=key, Body=json.dumps(kept).encode()
    )
    sent = admin.post("/v1/admin/dead-letters/notify/redrive", json={"limit": 10})
    assert sent.raise_for_status().json()["sent"] == 1
    receiver.wait(1)


@pytest.mark.parametrize("provider", ["acedata", "qingbo"])
@pytest.mark.parametrize("lost", [False, True])
def test_a_result_that_comes_as_data_is_stored_whoever_takes_it(api: Api, provider: str, lost: bool) -> None:
    """By a callback, and by a look where the callback is lost; removed with the task."""
    prompt = "as data [[callback_drop]]" if lost else "as data"
    task = api.finish({"prompt": prompt, "provider": provider, "extra": {"response_format": "b64_json"}})
    assert task["status"] == "completed", task
    assert api.client.get(f"/v1/tasks/{task['task_id']}/dispute").raise_for_status().json()["object"] == "dispute"
    assert api.client.delete(f"/v1/tasks/{task['task_id']}").status_code == 204


def test_a_metered_task_that_a_look_finds_failed_is_paid_back(api: Api) -> None:
    client = open_account(api, "10.00")
    body = {"prompt": "a fox [[job_moderated]]", "model": "seedream-4.5", "provider": "deepspace"}
    task_id = client.post("/v1/tasks", json=body).raise_for_status().json()["task_id"]
    until(lambda: client.get(f"/v1/tasks/{task_id}").json()["status"] == "failed", 60)
    assert client.get("/v1/account").json()["balance"] == "10.00"


def test_a_picture_that_a_callback_says_has_failed_is_tried_at_the_next_provider(api: Api) -> None:
    task = api.finish({"prompt": "a fox [[job_fail]]", "provider": ["evolink", "qingbo"]})
    assert [attempt["provider"] for attempt in task["attempts"]] == ["evolink", "qingbo"]


def test_a_dialects_call_is_paid_for_has_its_reference_kept_and_is_paid_back(api: Api) -> None:
    client = open_account(api, "10.00")
    body = {"prompt": "a fox", "model": "seedream-4.5", "image_urls": [DATA_URI]}

    def post(prompt: str) -> httpx.Response:
        return client.post("/evolink/v1/images/generations", json={**body, "prompt": prompt})

    task_id = post("a fox").raise_for_status().headers["x-darkroom-task-id"]
    until(lambda: client.get(f"/v1/tasks/{task_id}").json()["status"] == "completed", 60)
    left = client.get("/v1/account").json()["balance"]
    assert left != "10.00"
    assert post("refused [[submit_status=400]]").status_code >= 400
    assert client.get("/v1/account").json()["balance"] == left
