"""Credits, limits, events and webhook secrets where many functions run at the same time."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from local.auditing.audit import Audit
from local.soak import Soak
from tests.e2e.conftest import Api
from tests.e2e.test_webhooks import Receiver

ORDER = {"model": "seedream-4.5", "prompt": "a fox", "provider": "evolink"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def open_account(api: Api, credits: str, **limits: Any) -> httpx.Client:
    """A client of a new owner with so many credits."""
    owner, admin = f"shop-{uuid.uuid4().hex[:8]}", api.caller(api.stack.admin_key)
    admin.put(f"/v1/admin/accounts/{owner}", json={"prepaid": True}).raise_for_status()
    credit = {"amount": credits, "reference": "r"}
    admin.post(f"/v1/admin/accounts/{owner}/credits", json=credit).raise_for_status()
    made = admin.post("/v1/admin/keys", json={"owner": owner, **limits}).raise_for_status().json()
    return api.caller(made["api_key"])


def post_at_once(client: httpx.Client, times: int) -> Counter[int]:
    with ThreadPoolExecutor(times) as pool:
        return Counter(pool.map(lambda _: client.post("/v1/tasks", json=ORDER).status_code, range(times)))


def messages_left(api: Api, queue: str) -> list[int]:
    counted = api.stack.emulator.client("sqs").get_queue_attributes(
        QueueUrl=api.stack.outputs[queue], AttributeNames=["All"]
    )["Attributes"]
    return [int(value) for name, value in counted.items() if name.startswith("ApproximateNumberOf")]


def wait_for_all(client: httpx.Client) -> list[dict[str, Any]]:
    for _ in range(60):
        tasks: list[dict[str, Any]] = client.get("/v1/tasks", params={"limit": "100"}).json()["data"]
        if all(task["status"] not in {"queued", "processing"} for task in tasks):
            return tasks
        time.sleep(0.5)
    raise AssertionError("still open")


def test_credits_for_five_buy_five_however_many_ask_at_once(api: Api) -> None:
    client = open_account(api, "9.00")
    assert post_at_once(client, 12) == {202: 5, 402: 7}
    tasks = wait_for_all(client)
    assert Counter(task["status"] for task in tasks) == {"completed": 5}
    account = client.get("/v1/account").json()
    assert (account["balance"], account["open_tasks"], account["spent_this_month"]) == ("0.00", 0, "9.00")


def test_a_key_opens_no_more_than_it_may_however_many_ask_at_once(api: Api) -> None:
    client = open_account(api, "100", open_tasks=3)
    counted = post_at_once(client, 10)
    assert counted[202] >= 3
    assert counted[429] >= 1
    assert counted.total() == 10
    assert len(wait_for_all(client)) == counted[202]


def test_a_failed_task_costs_nothing(api: Api) -> None:
    client = open_account(api, "10")
    order = {**ORDER, "prompt": "a fox [[job_moderated]]"}
    client.post("/v1/tasks", json=order).raise_for_status()
    (task,) = wait_for_all(client)
    assert task["status"] == "failed"
    assert client.get("/v1/account").json()["balance"] == "10.00"
    kinds = [(line["kind"], line["amount"]) for line in client.get("/v1/account/ledger").json()["data"]]
    assert kinds == [("settle", "1.80"), ("reserve", "-1.80"), ("credit", "10.00")]


def test_a_webhook_is_signed_with_the_owners_own_secret_and_the_one_before(api: Api, receiver: Receiver) -> None:
    client = open_account(api, "10")
    before = client.get("/v1/account/webhook-secret").json()["secret"]
    secret = client.post("/v1/account/webhook-secret").json()["secret"]
    client.post("/v1/tasks", json={**ORDER, "callback_url": receiver.url}).raise_for_status()
    receiver.wait(1)
    headers, body = receiver.received[0]
    for valid in (secret, before):
        assert Webhook(valid).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(api.stack.webhook_secret()).verify(body, headers)


def test_an_event_on_the_bus_and_a_message_in_the_queue_submit_tasks(api: Api) -> None:
    emulator, outputs = api.stack.emulator, api.stack.outputs
    prompt, reference = f"fox {uuid.uuid4().hex}", uuid.uuid4().hex
    detail = {"owner": "local", "task": {**ORDER, "prompt": prompt}}
    emulator.client("events").put_events(
        Entries=[
            {
                "EventBusName": outputs["EventBus"],
                "Source": "shop.orders",
                "DetailType": "Task Requested",
                "Detail": json.dumps(detail),
            }
        ]
    )
    message = json.dumps({"id": reference, **detail})
    for _ in range(2):
        emulator.client("sqs").send_message(QueueUrl=outputs["IntakeQueueUrl"], MessageBody=message)
    ends_at = time.monotonic() + 30
    while len(api.jobs("evolink", prompt)) < 2:
        assert time.monotonic() < ends_at, "no task came of it"
        time.sleep(0.3)
    while any(messages_left(api, "IntakeQueueUrl")):
        assert time.monotonic() < ends_at, "a message is left"
        time.sleep(0.2)
    assert len(api.jobs("evolink", prompt)) == 2, "the doubled message led to a second task"


def test_a_tasks_story_is_told_from_its_acceptance_to_its_webhook(api: Api, receiver: Receiver) -> None:
    task = api.finish({**ORDER, "callback_url": receiver.url, "prompt": "a told fox [[callback_double]]"})
    receiver.wait(1)
    ends_at = time.monotonic() + 20
    while True:
        told = api.client.get(f"/v1/tasks/{task['task_id']}/events").json()["data"]
        whats = [event["what"] for event in told]
        if {"callback", "webhook_attempt"} <= set(whats):
            break
        assert time.monotonic() < ends_at, whats
        time.sleep(0.3)
    assert whats[:2] == ["accepted", "submitting"]
    assert [event["details"]["verdict"] for event in told if event["what"] == "callback"] == ["unchanged"]
    assert next(event["cause"] for event in told if event["what"] == "images_made") == "callback"


def test_measured_times_and_breakers_are_shown(api: Api) -> None:
    api.finish(ORDER)
    ends_at = time.monotonic() + 20
    while True:
        offers = [offer for model in api.client.get("/v1/models").json()["data"] for offer in model["offers"]]
        evolink = next(o for o in offers if o["upstream_model"] == "doubao-seedream-4.5" and o["provider"] == "evolink")
        if evolink["measured"]["completed"]:
            break
        assert time.monotonic() < ends_at
        time.sleep(0.3)
    assert evolink["measured"]["seconds_p50"] > 0
    assert {offer["breaker"] for offer in offers} <= {"closed", "open", "half_open"}


def test_nothing_is_lost_of_tasks_with_random_faults(api: Api) -> None:
    audit: Audit = Soak(api.stack, tasks=30, seed=11, deadline_seconds=480).run()
    assert audit.clean, audit.report()
