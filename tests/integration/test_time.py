"""Functions that have little time left answer before they are ended, and begin nothing that they can't finish."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from darkroom.deadline import ANSWERING
from darkroom.providers.upstreams import HttpUpstream
from tests.integration.deployment import call, deployed, event, store
from tests.unit.tasks.test_transitions import accepted


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with deployed(monkeypatch):
        yield


def delayed(queue: str) -> int:
    client = boto3.client("sqs")
    url = client.get_queue_url(QueueName=queue)["QueueUrl"]
    names: Any = ["ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessages"]
    counted = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(map(int, counted.values()))


def test_a_submission_that_might_not_be_recorded_is_left_to_generate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpUpstream, "send", lambda *_: pytest.fail("a provider was asked"))
    answer = call("submit", event("http.post_task"), seconds=10)
    assert answer["statusCode"] == 202
    task = store().get(json.loads(answer["body"])["task_id"])
    assert task is not None
    assert task.awaits_submission
    assert delayed("GENERATE") == 1


@pytest.mark.parametrize(("function", "name"), [("submit", "http.post_task"), ("status", "http.get_task")])
def test_a_caller_who_wants_to_wait_is_answered_in_time(
    monkeypatch: pytest.MonkeyPatch, function: str, name: str
) -> None:
    monkeypatch.setattr(HttpUpstream, "send", lambda *_: pytest.fail("a provider was asked"))
    store().create(accepted())
    sent = event(name)
    sent["headers"]["prefer"] = "wait=25"
    begun = time.monotonic()
    answer = call(function, sent, seconds=ANSWERING + 0.6)
    assert answer["statusCode"] in {200, 202}
    assert time.monotonic() - begun < 20, "not the 25 s that were asked for"


def test_a_dialects_call_through_the_gateway_is_told_in_time_that_its_time_is_up() -> None:
    sent = event("http.dialect")
    sent["rawPath"] = sent["requestContext"]["http"]["path"] = "/openai/v1/images/generations"
    sent["requestContext"]["http"]["method"] = "POST"
    sent["body"], sent["isBase64Encoded"] = json.dumps({"model": "seedream-4.5", "prompt": "a fox"}), False
    answer = call("dialects", sent, seconds=ANSWERING + 0.6)
    assert answer["statusCode"] in {408, 429, 500, 503, 504}
    assert "error" in json.loads(answer["body"])


def test_what_a_batch_has_no_time_for_is_said_to_be_not_taken() -> None:
    sent = event("http.post_task")
    sent["routeKey"] = sent["requestContext"]["routeKey"] = "POST /v1/batches"
    sent["rawPath"] = sent["requestContext"]["http"]["path"] = "/v1/batches"
    sent["body"] = json.dumps({"tasks": [{"model": "seedream-4.5", "prompt": "a fox"}] * 3})
    lines = json.loads(call("submit", sent, seconds=4)["body"])["data"]
    assert [line["status"] for line in lines] == [503] * 3
    assert "post it again" in lines[0]["error"]["message"]
    assert boto3.client("dynamodb").scan(TableName="tasks")["Count"] == 0
