"""Every function, called by its handler with the events that AWS sends, over an AWS in this process."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest

from darkroom.tasks import transitions
from darkroom.tasks.item import write_item
from tests.integration.deployment import FAR, call, deployed, event, store
from tests.integration.emulated_aws import BUCKET
from tests.unit.tasks.test_transitions import NOW, a_task, accepted, copying, stored

TASK_ID = "task_01M7Y0K4SK2HQR5V5B4CM148FG"


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with deployed(monkeypatch):
        yield


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
    ended = replace(transitions.cancel(accepted(), now=NOW, charge_made=False), expires_at=FAR)
    store().create(ended)
    for function, name in (("track", "sqs.look"), ("generate", "sqs.submission"), ("ingest", "sqs.copy")):
        sent = event(name)
        del sent["Records"][1]
        assert call(function, sent) == {"batchItemFailures": []}
    left = store().get(TASK_ID)
    assert left == ended
    assert a_task().task_id == TASK_ID


@pytest.mark.parametrize(("receives", "ended"), [("4", False), ("5", True)])
def test_a_poisoned_message_marks_its_task_when_it_fails_for_the_last_time(
    monkeypatch: pytest.MonkeyPatch, receives: str, ended: bool
) -> None:
    from darkroom.images.copying import ImageCopier

    def poisoned(*_: object, **__: object) -> None:
        raise RuntimeError("poison")

    monkeypatch.setattr(ImageCopier, "copy", poisoned)
    task = copying()
    store().create(task)
    sent = event("sqs.copy")
    del sent["Records"][1]
    sent["Records"][0]["attributes"]["ApproximateReceiveCount"] = receives
    failed = call("ingest", sent)["batchItemFailures"]
    assert [each["itemIdentifier"] for each in failed] == [sent["Records"][0]["messageId"]]
    left = store().get(task.task_id)
    assert left is not None
    index = json.loads(sent["Records"][0]["body"])["index"]
    assert (left.images[index].state.value == "failed") is ended
    if ended:
        assert left.history[-1].cause == "given_up"
