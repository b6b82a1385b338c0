"""Webhooks out of the stream: signed, retried, once per change; and events on the bus."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.e2e.conftest import Api


class Receiver:
    """An app's webhook endpoint on loopback, which answers as it is told to."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status = receiver.answers.pop(0) if receiver.answers else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("location", receiver.url)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait(self, count: int, patience: float = 30) -> None:
        ends_at = time.monotonic() + patience
        while len(self.received) < count:
            assert time.monotonic() < ends_at, f"{len(self.received)} of {count} webhooks came"
            time.sleep(0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def without_links(task: dict[str, Any]) -> dict[str, Any]:
    """A task without what each function signs with its own credentials."""
    images = [{**image, "url": image["url"].partition("?")[0]} for image in task["images"]]
    return {**task, "images": images}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_a_webhook_carries_the_task_and_a_signature_that_verifies(api: Api, receiver: Receiver) -> None:
    task = api.finish({"callback_url": receiver.url, "metadata": {"order": "17"}})
    receiver.wait(1)
    headers, body = receiver.received[0]
    content = Webhook(api.stack.webhook_secret()).verify(body, headers)
    assert content["type"] == "task.completed"
    assert without_links(content["data"]) == without_links(task)
    with pytest.raises(Exception, match=r"(?i)signature"):
        Webhook(api.stack.webhook_secret()).verify(body + b" ", headers)


def test_a_refused_webhook_is_repeated_with_the_same_id_until_it_is_taken(api: Api, receiver: Receiver) -> None:
    receiver.answers = [500, 302]
    task = api.finish({"callback_url": receiver.url})
    receiver.wait(3, patience=40)
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1
    path = f"/v1/tasks/{task['task_id']}/webhook"
    ends_at = time.monotonic() + 10
    while (log := api.client.get(path).json())["state"] != "delivered":
        assert time.monotonic() < ends_at
        time.sleep(0.1)
    assert [attempt["status"] for attempt in log["attempts"]] == [500, 302, 204]
    assert log["attempts"][0]["next_at"] > log["attempts"][0]["at"]
    again = api.client.post(path)
    assert again.status_code == 202
    receiver.wait(4)
    assert receiver.received[3][0]["webhook-id"] == receiver.received[0][0]["webhook-id"]


def test_a_receiver_that_is_gone_is_not_asked_again(api: Api, receiver: Receiver) -> None:
    receiver.answers = [410]
    task = api.finish({"callback_url": receiver.url, "prompt": "refused [[job_moderated]]", "provider": "evolink"})
    receiver.wait(1)
    assert json.loads(receiver.received[0][1])["type"] == "task.failed"
    path = f"/v1/tasks/{task['task_id']}/webhook"
    ends_at = time.monotonic() + 10
    while api.client.get(path).json()["state"] != "gone":
        assert time.monotonic() < ends_at
        time.sleep(0.1)


def test_an_end_is_announced_on_the_bus(api: Api) -> None:
    events, sqs = api.stack.emulator.client("events"), api.stack.emulator.client("sqs")
    queue = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = api.stack.outputs["EventBus"]
    pattern = json.dumps({"source": ["darkroom"]})
    events.put_rule(Name="listener", EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule="listener", EventBusName=bus, Targets=[{"Id": "1", "Arn": arn}])
    task = api.finish({"metadata": {"listened": "yes"}})
    ends_at = time.monotonic() + 20
    found: list[dict[str, Any]] = []
    while not found:
        assert time.monotonic() < ends_at, "no event came"
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2, MaxNumberOfMessages=10).get("Messages", [])
        bodies = [json.loads(each["Body"]) for each in messages]
        found = [body for body in bodies if body["detail"]["task_id"] == task["task_id"]]
    assert found[0]["detail-type"] == "Task Completed"
    assert without_links(found[0]["detail"]) == without_links(task)
