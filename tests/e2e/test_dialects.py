"""Every dialect with every provider behind it, on the local stack: calls in the providers' own words."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from standardwebhooks import Webhook

from darkroom.accounts.keys import key_digest
from darkroom.dialects.registry import DIALECTS
from tests.e2e.conftest import Api
from tests.e2e.dialect_clients import ID, DialectClient, content, server_sent, submission
from tests.e2e.test_webhooks import Receiver

PROVIDERS = ("qingbo", "evolink", "chanjing", "deepspace", "acedata")
SLOW = "a slow fox [[latency=600]]"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def speak(api: Api, dialect: str, provider: str | None = None, *, streaming: bool = False) -> DialectClient:
    """A client of a dialect, whose key sends its tasks to one provider."""
    key = api.stack.api_key
    if provider:
        key = f"dk_{provider}"
        item = {"pk": {"S": f"key#{key_digest(key)}"}, "sk": {"S": "key"}, "owner": {"S": "local"}}
        api.stack.emulator.client("dynamodb").put_item(
            TableName=api.stack.outputs["AccountsTable"], Item={**item, "providers": {"L": [{"S": provider}]}}
        )
    return DialectClient(api.stack.streaming.url if streaming else api.stack.base_url, dialect, key)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_is_served_by_every_provider(api: Api, dialect: str) -> None:
    def through(provider: str) -> tuple[str, list[str], str]:
        client = speak(api, dialect, provider)
        prompt = f"a fox of {dialect} at {provider}"
        pictures = client.finish({"ref_prompt" if dialect == "chanjing" else "prompt": prompt})
        return provider, pictures, prompt

    with ThreadPoolExecutor(len(PROVIDERS)) as pool:
        for provider, pictures, prompt in pool.map(through, PROVIDERS):
            assert len(pictures) == 1
            assert min(Image.open(BytesIO(content(pictures[0]))).size) >= 1024
            assert len(api.jobs(provider, prompt)) == 1, provider


@pytest.mark.parametrize("dialect", ["qingbo", "evolink", "acedata"])
def test_a_callback_has_the_providers_body_and_our_signature(api: Api, dialect: str, receiver: Receiver) -> None:
    client = speak(api, dialect)
    task_id = ID[dialect](client.submit({"callback_url": receiver.url}).json())
    receiver.wait(1)
    headers, body = receiver.received[0]
    Webhook(api.stack.webhook_secret()).verify(body, headers)
    told = json.loads(body)
    looked = client.look(task_id)
    if dialect == "acedata":
        looked = looked["response"]
    assert shape(told) == shape(looked)
    assert task_id in json.dumps(told)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value).__name__


def test_evolinks_callback_is_tried_by_evolinks_rule(api: Api, receiver: Receiver) -> None:
    receiver.answers = [500, 500, 500, 500, 204]
    client = speak(api, "evolink")
    task_id = client.submit({"callback_url": receiver.url}).json()["id"]
    receiver.wait(4)
    api.wait(task_id)
    log = api.client.get(f"/v1/tasks/{task_id}/webhook").json()
    ends_at = time.monotonic() + 20
    while log["state"] == "pending" and time.monotonic() < ends_at:
        log = api.client.get(f"/v1/tasks/{task_id}/webhook").json()
    # One try and three repetitions, however many answers would have been waited for.
    assert (log["state"], len(log["attempts"])) == ("failed", 4)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_task_of_a_dialect_is_a_task_of_ours(api: Api, dialect: str) -> None:
    answer = speak(api, dialect).submit({"number_of_images" if dialect == "chanjing" else "size": _one(dialect)})
    task = api.wait(answer.headers["x-darkroom-task-id"])
    assert task["status"] == "completed"
    assert task["model"] == "seedream-4.5"
    assert task["images"][0]["status"] == "stored"


def _one(dialect: str) -> Any:
    return {"chanjing": 1, "qingbo": "1:1", "deepspace": "1:1", "acedata": "2K", "ark": "2K"}.get(dialect, "2048x2048")


def test_a_cancelled_task_stays_cancelled_in_every_dialect(api: Api) -> None:
    qingbo = speak(api, "qingbo", "qingbo")
    task_id = qingbo.submit({"prompt": SLOW}).json()["task_id"]
    cancelled = qingbo.post(f"/v1/tasks/{task_id}/cancel", {}).json()
    # What the provider may be making all the same is held back until it has said what became of it.
    assert (cancelled["status"], cancelled["refunded"]) == ("cancelled", False)
    evolink = speak(api, "evolink")
    assert evolink.look(task_id)["status"] == "failed"
    assert evolink.look(task_id)["error"]["code"] == "request_cancelled"
    assert evolink.post(f"/v1/tasks/{task_id}/cancel", {}).status_code == 400


def test_many_tasks_are_read_in_one_call(api: Api) -> None:
    ids = [speak(api, "acedata").submit({"async": True}).json()["task_id"] for _ in range(3)]
    for task_id in ids:
        api.wait(task_id)
    batch = speak(api, "acedata").post("/seedream/tasks", {"ids": [*ids, "nope"], "action": "retrieve_batch"}).json()
    assert [item["id"] for item in batch["items"]] == ids
    chanjing = speak(api, "chanjing")
    page = chanjing.post("/open/v1/ai_creation/task/page", {"type": 3, "page_size": 3, "is_success": True}).json()
    assert {item["unique_id"] for item in page["data"]["list"]} == set(ids)


def test_a_refusal_by_the_provider_is_a_refusal_of_the_call(api: Api) -> None:
    answer = speak(api, "evolink", "evolink").submit({"prompt": "a fox [[submit_status=400]]"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_parameters")
    answer = speak(api, "ark", "evolink").submit({"prompt": "a fox [[job_moderated]]"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InputTextSensitiveContentDetected")
    assert api.client.get(f"/v1/tasks/{answer.headers['x-darkroom-task-id']}").json()["status"] == "failed"


def test_pictures_come_as_base64(api: Api) -> None:
    for dialect in ("acedata", "openai", "ark"):
        (data,) = speak(api, dialect).finish({"response_format": "b64_json"})
        assert Image.open(BytesIO(content(data))).size[0] >= 1024
    (data,) = speak(api, "qingbo").finish({"extra": {"response_format": "b64_json"}})
    assert Image.open(BytesIO(content(data))).size[0] >= 1024


# The function's own URL


@pytest.mark.parametrize("dialect", ["deepspace", "acedata", "openai", "ark"])
def test_the_functions_own_url_answers_synchronous_calls(api: Api, dialect: str) -> None:
    body = {"model": "Seedream-4.5-Preferential"} if dialect == "deepspace" else {}
    client = speak(api, dialect, streaming=True)
    assert len(client.finish(body)) == 1
    wrong = DialectClient(api.stack.streaming.url, dialect, "dk_wrong").submit(body)
    assert wrong.status_code == 401


def test_the_functions_own_url_outlives_whatever_it_is_asked_and_its_processes(api: Api) -> None:
    client = speak(api, "acedata", streaming=True)
    path, body = submission("acedata", {"model": "\ud800", "\ud83d": "\udc00"})
    odd = client.http.post(path.lstrip("/"), content=json.dumps(body), headers={"content-type": "application/json"})
    assert 400 <= odd.status_code < 500, odd.text
    killed = set(api.stack.streaming.pids)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    while killed & set(api.stack.streaming.pids):
        time.sleep(0.05)
    assert len(client.finish({})) == 1


@pytest.mark.parametrize("dialect", ["acedata", "ark"])
def test_pictures_are_streamed_as_they_are_stored(api: Api, dialect: str) -> None:
    client = speak(api, dialect, "acedata", streaming=True)
    several = {
        "sequential_image_generation": "auto",
        "sequential_image_generation_options": {"max_images": 3},
    }
    with server_sent(client, several) as lines:
        told = [line for line in lines if line]
    assert told[-1] == "data: [DONE]"
    events = [json.loads(line.removeprefix("data: ")) for line in told[:-1] if line.startswith("data: ")]
    assert [event["type"] for event in events] == ["image_generation.partial_succeeded"] * 3 + [
        "image_generation.completed"
    ]
    assert {event["image_index"] for event in events[:3]} == {0, 1, 2}
    assert all(content(event["url"]) for event in events[:3])


def test_the_gateway_sends_a_stream_in_one_piece(api: Api) -> None:
    for dialect in ("acedata", "ark", "openai"):
        answer = speak(api, dialect).submit({"stream": True})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream"), answer.text
        assert "image_generation.completed" in answer.text
        assert answer.text.endswith("data: [DONE]\n\n")
