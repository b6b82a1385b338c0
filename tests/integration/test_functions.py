"""Every function, called by its handler with the events that AWS sends, over an AWS in this process."""

import copy
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from darkroom.domain import transitions
from darkroom.stores import clients, secrets
from darkroom.stores.accounts import key_digest
from darkroom.stores.tasks import TaskStore, write_item
from local.paths import FUNCTIONS, ROOT
from tests.integration.aws import ACCOUNTS, BUCKET, TASKS, emulated_aws
from tests.unit.domain.test_transitions import NOW, a_task, accepted, copying, stored

TASK_ID = "task_01M7Y0K4SK2HQR5V5B4CM148FG"
CONTEXT = SimpleNamespace(
    function_name="test", memory_limit_in_mb=512, invoked_function_arn="arn:aws:lambda:x", aws_request_id="r"
)


def event(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((ROOT / "events" / "aws" / f"{name}.json").read_text())
    return read


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with emulated_aws():
        clients._client.cache_clear()
        clients.session.cache_clear()
        monkeypatch.setattr(secrets, "_provider", None)
        _environment(monkeypatch)
        yield
    clients._client.cache_clear()


def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs, manager = boto3.client("sqs"), boto3.client("secretsmanager")
    for name in ("LOOK", "GENERATE", "INGEST", "WEBHOOK"):
        monkeypatch.setenv(f"DARKROOM_{name}_QUEUE_URL", sqs.create_queue(QueueName=name)["QueueUrl"])
    manager.create_secret(Name="signing", SecretString='{"identity": "i", "callback": []}')
    manager.create_secret(Name="webhook", SecretString='{"current": "c"}')
    manager.create_secret(Name="provider", SecretString='{"evolink": {"api_key": "k"}}')
    boto3.client("events").create_event_bus(Name="bus")
    settings = {
        "TASKS_TABLE": TASKS, "ACCOUNTS_TABLE": ACCOUNTS, "BUCKET": BUCKET, "EVENT_BUS": "bus",
        "SIGNING_SECRET": "signing", "WEBHOOK_SECRET": "webhook", "PROVIDER_SECRET": "provider",
        "PUBLIC_URL": "https://gateway.example", "EVOLINK_BASE_URL": "http://127.0.0.1:9", "LOCAL_MODE": "true",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(f"DARKROOM_{name}", value)
    boto3.client("dynamodb").put_item(
        TableName=ACCOUNTS,
        Item={"pk": {"S": f"key#{key_digest('dk_test')}"}, "sk": {"S": "key"}, "owner": {"S": "owner"}},
    )


def call(function: str, sent: dict[str, Any]) -> dict[str, Any]:
    """Load a function anew, as a cold start does, and call its handler."""
    path: Path = FUNCTIONS / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"function_{function}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    answer: dict[str, Any] = module.handler(sent, CONTEXT)
    return answer


def store() -> TaskStore:
    return TaskStore(boto3.client("dynamodb"), TASKS, ACCOUNTS)


@pytest.mark.parametrize(
    ("function", "name"),
    [("track", "sqs.look"), ("generate", "sqs.submission"), ("ingest", "sqs.copy"), ("deliver", "sqs.delivery")],
)
def test_a_message_that_cannot_be_read_comes_back_alone_by_its_own_id(function: str, name: str) -> None:
    sent = event(name)
    answer = call(function, sent)
    assert answer == {"batchItemFailures": [{"itemIdentifier": sent["Records"][1]["messageId"]}]}


def test_a_posted_task_is_recorded_with_its_look_before_it_is_sent() -> None:
    answer = call("submit", event("http.post_task"))
    assert answer["statusCode"] == 202
    task = json.loads(answer["body"])
    assert answer["headers"]["x-request-id"] == "JKJaXmPLvHcESHA="
    # Nobody listens at the provider's address: the task is put off, not lost.
    assert task["attempts"][0]["status"] == "refused"
    recorded = store().get(task["task_id"])
    assert recorded is not None
    assert recorded.awaits_submission
    sqs = boto3.client("sqs")
    for name in ("LOOK", "GENERATE"):
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesDelayed"])
        assert counted["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1", name


def test_a_task_is_looked_up_by_its_owner() -> None:
    store().create(accepted())
    answer = call("status", event("http.get_task"))
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["task_id"] == TASK_ID
    stranger = event("http.get_task")
    stranger["headers"]["authorization"] = "Bearer dk_other"
    assert call("status", stranger)["statusCode"] == 401


def test_a_forged_callback_is_forbidden_and_not_kept() -> None:
    store().create(accepted())
    assert call("callback", event("http.callback"))["statusCode"] == 403
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=BUCKET)


def test_an_ended_task_in_the_stream_is_announced_once_it_ended_and_never_otherwise() -> None:
    ended = transitions.store_image(copying(), 0, stored(0), now=NOW)
    ended = transitions.store_image(ended, 1, stored(1), now=NOW)
    sent = event("stream.task_completed")
    sent["Records"][0]["dynamodb"]["NewImage"] = write_item(ended)
    assert call("notify", sent) == {"batchItemFailures": []}
    again = copy.deepcopy(sent)
    again["Records"][0]["dynamodb"]["OldImage"] = write_item(ended)
    assert call("notify", again) == {"batchItemFailures": []}
    broken = copy.deepcopy(sent)
    broken["Records"][0]["dynamodb"]["NewImage"]["document"] = {"S": "{}"}
    failed = call("notify", broken)["batchItemFailures"]
    assert failed == [{"itemIdentifier": "4421584500000000017450439091"}]


def test_a_webhooks_log_is_no_task_to_the_stream() -> None:
    sent = event("stream.task_completed")
    sent["Records"][0]["dynamodb"]["NewImage"] = {"task_id": {"S": f"webhook#{TASK_ID}"}, "log": {"S": "{}"}}
    assert call("notify", sent) == {"batchItemFailures": []}


def test_what_has_ended_is_left_alone_by_every_queue() -> None:
    store().create(transitions.cancel(accepted(), now=NOW))
    for function, name in (("track", "sqs.look"), ("generate", "sqs.submission"), ("ingest", "sqs.copy")):
        sent = event(name)
        del sent["Records"][1]
        assert call(function, sent) == {"batchItemFailures": []}
    left = store().get(TASK_ID)
    assert left == transitions.cancel(accepted(), now=NOW)
    assert a_task().task_id == TASK_ID
