"""The queues: messages arrive as they were sent, at their time."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from darkroom.aws.queues import NotQueued, Queues, read_message, readable
from darkroom.settings import Settings
from darkroom.tasks.messages import Copy, Poll, Submission
from darkroom.webhooks.messages import Delivery
from tests.integration.emulated_aws import emulated_aws


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with emulated_aws():
        yield


@pytest.fixture
def queues() -> Queues:
    sqs = boto3.client("sqs")
    names = ("look", "generate", "ingest", "webhook")
    urls = {f"DARKROOM_{name.upper()}_QUEUE_URL": sqs.create_queue(QueueName=name)["QueueUrl"] for name in names}
    return Queues(sqs, Settings({**urls, "DARKROOM_TIME_SCALE": "2"}))


def received(queue: str) -> list[str]:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    return [entry["Body"] for entry in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]


def test_a_message_arrives_as_it_was_sent(queues: Queues) -> None:
    sent: list[tuple[str, Any]] = [
        ("look", Poll("t", 3, sent_at=5)),
        ("generate", Submission("t")),
        ("ingest", Copy("t", 2, 4)),
        ("webhook", Delivery("t", 2, 1, 99)),
    ]
    for queue, message in sent:
        queues.send(message)
        (body,) = received(queue)
        assert read_message(type(message), body) == message


class Recorder:
    def __init__(self, failed: bool = False) -> None:
        self.delays: list[int] = []
        self.failed = failed

    def send_message(self, **parameters: Any) -> None:
        self.delays.append(parameters["DelaySeconds"])

    def send_message_batch(self, **parameters: Any) -> dict[str, Any]:
        assert len(parameters["Entries"]) <= 10
        self.delays.append(len(parameters["Entries"]))
        return {"Failed": [{"Message": "no"}]} if self.failed else {}


def test_waits_are_scaled_and_kept_to_what_sqs_takes() -> None:
    recorder: Any = Recorder()
    url = {"DARKROOM_LOOK_QUEUE_URL": "u", "DARKROOM_INGEST_QUEUE_URL": "u", "DARKROOM_TIME_SCALE": "10"}
    queues = Queues(recorder, Settings(url))
    queues.send(Poll("t"), wait=100_000)
    queues.send(Poll("t"), wait=0)
    queues.send_at(Poll("t"), 5_000, now=0)
    queues.send_at(Poll("t"), 0, now=5_000)
    assert recorder.delays == [900, 0, 5, 0]
    queues.send_all(Copy("t", index) for index in range(15))
    assert recorder.delays[4:] == [10, 5]
    refused: Any = Recorder(failed=True)
    with pytest.raises(NotQueued):
        Queues(refused, Settings(url)).send_all([Copy("t", 0)])


@pytest.mark.parametrize("body", ["", "x", "[]", "1", "null", '{"task": 1}', "{}", "[" * 10**5])
def test_a_strange_message_is_no_message(body: str) -> None:
    with pytest.raises(ValueError, match="not a Poll message"):
        read_message(Poll, body)
    assert list(readable(Poll, [("1", body), ("2", '{"task_id": "t"}')])) == [("2", Poll("t"))]
