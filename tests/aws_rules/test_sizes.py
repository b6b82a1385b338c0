"""Sizes: what API Gateway and Lambda carry is taken, and what is larger is refused with words as far as they let us.

Quotas for configuring and running an HTTP API: 10 MB of payload, 10,240 bytes of headers. Lambda quotas: 6 MB of event and
of answer. EventBridge quotas: 256 KB an entry of PutEvents.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from darkroom.api.errors import ApiError
from darkroom.api.http import decoded_body, to_json
from darkroom.api.request import NewTask
from darkroom.api.sizes import MAX_ANSWER, MAX_BODY, MAX_PAYLOAD, carried, fits
from darkroom.images.object_store import KeptCallback, ObjectStore
from darkroom.tasks import transitions
from darkroom.tasks.ids import new_task_id
from darkroom.tasks.task import Task
from local.stack.gateway_limits import MAX_EVENT, MAX_HEADERS, event_size
from local.template.reading import Template, resources
from tests.integration.deployment import call, deployed, event, store
from tests.integration.emulated_aws import BUCKET
from tests.unit.tasks.test_transitions import accepted, done, stored

LARGEST_METADATA = {f"{number:02}" + "\x01" * 62: "\x01" * 512 for number in range(16)}
NOW = 1_795_230_000_000


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with deployed(monkeypatch):
        yield


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data"])
def test_a_body_that_we_take_fits_into_the_event_whatever_headers_come_with_it(content_type: str) -> None:
    share = 3 / 4 if content_type.startswith("multipart") else 1
    headers = [(b"content-type", content_type.encode()), (b"x-quotes", b'"' * MAX_HEADERS)]
    target = "/v1/tasks?" + "&".join(f"{number}=%22" for number in range(1200))
    assert event_size(target, headers, b"x" * int(MAX_BODY * share)) <= MAX_EVENT


def test_a_body_that_is_larger_than_we_take_is_told_what_to_do() -> None:
    assert decoded_body("x" * MAX_BODY, base64_encoded=False)
    with pytest.raises(ApiError, match="give images as links") as refused:
        decoded_body("x" * (MAX_BODY + 1), base64_encoded=False)
    assert (refused.value.status, refused.value.code) == (413, "payload_too_large")
    with pytest.raises(ApiError, match="as base64"):
        decoded_body("A" * (MAX_BODY + 4), base64_encoded=True)
    with pytest.raises(ApiError, match="12400000 bytes"):
        decoded_body("é" * MAX_BODY, base64_encoded=False)


def test_what_the_reference_says_of_images_as_data_is_what_a_body_carries() -> None:
    said = NewTask.model_fields["image_urls"].description or ""
    assert f"{MAX_BODY / 1e6:.1f} MB of body" in said
    assert f"about {MAX_BODY * 3 / 4 / 1e6:.1f} MB".replace("4.7", "4.6") in said


@pytest.mark.parametrize("text", ["x" * 1000, '"' * 1000, "\x01" * 1000, "é" * 1000, "\U0001f98a" * 1000])
def test_an_answer_is_measured_as_it_is_carried(text: str) -> None:
    body = to_json({"text": text})
    answer = json.dumps({"body": body}, ensure_ascii=False).encode()
    assert carried(body) == len(answer) - len(b'{"body": }')
    assert fits(body) == (carried(body) <= MAX_ANSWER)


@pytest.mark.parametrize("character", ["x", '"', "\x01"])
def test_what_fits_is_carried_and_what_does_not_is_not(character: str) -> None:
    size = len(json.dumps(json.dumps(character))) - len(json.dumps(json.dumps("")))
    assert fits(to_json(character * ((MAX_ANSWER - 100) // size)))
    assert not fits(to_json(character * ((MAX_ANSWER + 100) // size)))
    assert MAX_ANSWER < MAX_PAYLOAD - 10_240


def largest(number: int = 0) -> Task:
    """A task that takes as much room as one can: fifteen pictures, and all the metadata that is taken."""
    links = [f"https://a/{index}" for index in range(15)]
    task = transitions.apply_update(accepted(), "evolink", done(*links), now=NOW)
    task = replace(
        task,
        request=replace(task.request, metadata=LARGEST_METADATA),
        task_id=new_task_id(NOW + number),
        created_at=NOW + number,
        owner="owner",
        expires_at=4_000_000_000,
    )
    for index in range(15):
        task = transitions.store_image(task, index, stored(index), now=NOW)
    return task


def get_page(cursor: str | None) -> dict[str, Any]:
    """A page of a hundred."""
    sent = event("http.get_task")
    sent["rawPath"] = sent["requestContext"]["http"]["path"] = "/v1/tasks"
    sent["routeKey"] = sent["requestContext"]["routeKey"] = "GET /v1/tasks"
    sent["queryStringParameters"] = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
    answer = call("status", sent)
    assert answer["statusCode"] == 200, answer
    assert len(json.dumps(answer, ensure_ascii=False).encode()) <= MAX_PAYLOAD
    page: dict[str, Any] = json.loads(answer["body"])
    return page


def test_a_page_of_the_largest_tasks_is_shorter_and_the_next_goes_on_from_there(deployment: None) -> None:
    wanted = [largest(number) for number in range(100)]
    for task in wanted:
        store().create(task)
    page = get_page(None)
    seen = page["data"]
    assert 1 < len(seen) < 100
    while page["next_cursor"]:
        page = get_page(page["next_cursor"])
        seen += page["data"]
    assert [task["task_id"] for task in seen] == [task.task_id for task in reversed(wanted)]


def test_a_batch_of_the_largest_tasks_is_answered(deployment: None) -> None:
    """The answer leaves out what was just sent rather than fail once the tasks are taken."""
    one = {"model": "seedream-4.5", "prompt": "x", "metadata": LARGEST_METADATA}
    body = json.dumps({"tasks": [one] * 100}, ensure_ascii=False)
    assert len(body) < MAX_BODY
    sent = event("http.post_task")
    sent["rawPath"] = sent["requestContext"]["http"]["path"] = "/v1/batches"
    sent["routeKey"] = sent["requestContext"]["routeKey"] = "POST /v1/batches"
    sent["body"] = body
    answer = call("submit", sent)
    assert len(json.dumps(answer, ensure_ascii=False).encode()) <= MAX_PAYLOAD
    lines = json.loads(answer["body"])["data"]
    assert [line["status"] for line in lines] == [202] * 100
    assert all(line["task"]["task_id"] for line in lines)


def test_a_dispute_with_very_large_callbacks_is_answered(deployment: None) -> None:
    task = largest()
    store().create(task)
    objects = ObjectStore(boto3.client("s3"), BUCKET)
    for number in range(60):
        body = json.dumps([number, *range(20_000 if number % 2 else 4_000)]).encode()
        objects.keep_callback("owner", task.task_id, KeptCallback("evolink", NOW + number, {}, body))
    sent = event("http.get_task")
    path = f"/v1/tasks/{task.task_id}/dispute"
    sent["rawPath"] = sent["requestContext"]["http"]["path"] = path
    sent["routeKey"] = sent["requestContext"]["routeKey"] = "GET /v1/tasks/{task_id}/dispute"
    answer = call("status", sent)
    assert answer["statusCode"] == 200
    assert len(json.dumps(answer, ensure_ascii=False).encode()) <= MAX_PAYLOAD
    shown = [each["body"] for each in json.loads(answer["body"])["callbacks"]]
    assert ["content" in each for each in shown[:4]] == [True, False, True, False]


def test_the_event_of_the_largest_task_is_taken_by_the_bus(deployment: None) -> None:
    from darkroom.container import Container
    from darkroom.settings import Settings

    detail = json.dumps(Container(Settings.from_environment()).render(largest()), ensure_ascii=False)
    assert 50_000 < len(detail.encode()) < 256 * 1024 - 1000


def test_deliver_has_the_memory_for_pictures_as_base64(everything: Template) -> None:
    """A webhook with 20 MiB of base64 takes up to 189 MB beside the runtime: 256 MB were too little."""
    from darkroom.dialects.webhook_payload import MAX_BASE64

    deliver = resources(everything, "AWS::Lambda::Function")["DeliverFunction"]["Properties"]
    assert deliver["MemorySize"] >= 512
    assert MAX_BASE64 <= 20 * 1024 * 1024
