"""The dialects' function by its handler: keys, owners, waiting, repeats and errors, each in the dialect's own form."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from darkroom.dialects.refusals import refusal_of
from darkroom.dialects.registry import dialect
from darkroom.dialects.transport import Streamed
from darkroom.tasks import transitions
from darkroom.tasks.failure import ErrorCode, Failure
from darkroom.tasks.task import Entry, Task
from darkroom.tasks.update import Status
from tests.integration.deployment import API_KEY, FAR, add_key, call, deployed, event, store
from tests.integration.emulated_aws import TASKS
from tests.unit.dialects.tasks import MODELS, SUBMISSIONS
from tests.unit.tasks.test_transitions import NOW, copying, stored

Answered = tuple[int, Any, dict[str, str]]
HEADERS: dict[str, Callable[[str], dict[str, str]]] = {"chanjing": lambda key: {"access_token": key}}
LOOKS: dict[str, Callable[[str], tuple[str, str, dict[str, str], Any]]] = {
    "qingbo": lambda task_id: ("GET", f"/v1/tasks/{task_id}", {}, None),
    "evolink": lambda task_id: ("GET", f"/v1/tasks/{task_id}", {}, None),
    "chanjing": lambda task_id: ("GET", "/open/v1/ai_creation/task", {"unique_id": task_id}, None),
    "deepspace": lambda task_id: ("GET", f"/v1/images/Seedream/{task_id}", {}, None),
    "acedata": lambda task_id: ("POST", "/seedream/tasks", {}, {"id": task_id, "action": "retrieve"}),
}


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with deployed(monkeypatch):
        yield


def ask(
    dialect: str,
    path: str,
    body: Any = None,
    *,
    method: str = "POST",
    key: str = API_KEY,
    query: dict[str, str] | None = None,
    seconds: float = 6.0,
    **headers: str,
) -> Answered:
    """One call through API Gateway: its status, its body and its headers."""
    sent = event("http.dialect")
    sent["rawPath"] = f"/{dialect}{path}"
    sent["requestContext"]["http"]["method"] = method
    sent["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    del sent["headers"]["authorization"]
    if key:
        sent["headers"] |= HEADERS[dialect](key) if dialect in HEADERS else {"authorization": f"Bearer {key}"}
    sent["queryStringParameters"] = query
    sent["body"] = body if isinstance(body, str) else json.dumps(body)
    answer = call("dialects", sent, seconds=seconds)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def tasks() -> list[Task]:
    """Every task on record."""
    found = boto3.client("dynamodb").scan(TableName=TASKS)["Items"]
    read = [store().get(item["task_id"]["S"]) for item in found if item["task_id"]["S"].startswith("task_")]
    return [task for task in read if task]


def look(dialect: str, task_id: str, key: str = API_KEY) -> Answered:
    method, path, query, body = LOOKS[dialect](task_id)
    return ask(dialect, path, body, method=method, key=key, query=query)


def lasting() -> Task:
    """A task whose pictures are on their way, and whose time is not over today."""
    return replace(copying(), expires_at=FAR)


def completed(task: Task) -> Task:
    """The task once its pictures are stored."""
    ended = transitions.store_image(replace(lasting(), entry=task.entry), 0, stored(0), now=NOW)
    ended = transitions.store_image(ended, 1, stored(1), now=NOW)
    ended = replace(ended, task_id=task.task_id, owner=task.owner, version=task.version)
    store().change(task, lambda _: ended)
    return ended


def complete_all() -> None:
    for task in tasks():
        completed(task)


@pytest.mark.parametrize("dialect", SUBMISSIONS)
def test_who_has_no_key_or_a_wrong_one_is_refused_before_anything_is_read(dialect: str) -> None:
    add_key("dk_off", "owner", disabled=True)
    for key in ("", "dk_wrong", "dk_off"):
        status, body, _ = ask(dialect, SUBMISSIONS[dialect][0], "{not json", key=key)
        assert status in ({200} if dialect == "chanjing" else {401, 403})
        assert "request_id" not in json.dumps(body), "our own envelope"
        if dialect == "chanjing":
            assert body["code"] == 10400
    assert tasks() == []


@pytest.mark.parametrize("dialect", SUBMISSIONS)
@pytest.mark.parametrize("broken", ["{not json", "[]", '"text"', "x" * 6_500_000])
def test_a_body_that_cannot_be_read_is_the_callers_mistake(dialect: str, broken: str) -> None:
    status, body, _ = ask(dialect, SUBMISSIONS[dialect][0], broken)
    assert status in ({200} if dialect == "chanjing" else {400, 413})
    assert dialect != "chanjing" or body["code"] == 400
    assert tasks() == []


@pytest.mark.parametrize("dialect", SUBMISSIONS)
def test_an_unknown_model_is_refused_by_its_name(dialect: str) -> None:
    path, body = SUBMISSIONS[dialect]
    field = "model_code" if dialect == "chanjing" else "model"
    status, answer, _ = ask(dialect, path, {**body, field: "midjourney"})
    assert status in {"chanjing": {200}, "evolink": {404}, "openai": {404}, "ark": {404}}.get(dialect, {400})
    assert "midjourney" in json.dumps(answer)
    assert tasks() == []


@pytest.mark.parametrize("dialect", LOOKS)
def test_another_owners_task_is_as_unknown_as_one_that_never_was(dialect: str) -> None:
    add_key("dk_stranger", "stranger")
    task = lasting()
    store().create(task)
    never = look(dialect, "task_01M7Y0K4SK2HQR5V5B4CM148FX", key="dk_stranger")
    hidden = look(dialect, task.task_id, key="dk_stranger")
    assert hidden[0] == never[0]
    assert json.dumps(hidden[1]).replace(task.task_id, "?") == json.dumps(never[1]).replace(
        "task_01M7Y0K4SK2HQR5V5B4CM148FX", "?"
    )
    status, body, headers = look(dialect, task.task_id)
    assert status == 200
    assert task.task_id in json.dumps(body)
    assert headers["x-darkroom-task-id"] == task.task_id


def test_many_tasks_are_only_the_callers_own() -> None:
    add_key("dk_stranger", "stranger")
    store().create(lasting())
    ids = [lasting().task_id, "no-task-at-all"]
    for key, count in ((API_KEY, 1), ("dk_stranger", 0)):
        _, body, _ = ask("acedata", "/seedream/tasks", {"action": "retrieve_batch", "ids": ids}, key=key)
        assert body["count"] == len(body["items"]) == count
        for wanted in ({"unique_ids": ids}, {}):
            _, body, _ = ask("chanjing", "/open/v1/ai_creation/task/page", {"type": 3, **wanted}, key=key)
            assert len(body["data"]["list"]) == count
    _, body, _ = ask("chanjing", "/open/v1/ai_creation/task/page", {"type": 3, "is_success": True})
    assert body["data"]["list"] == []


def test_chanjings_token_opens_what_its_key_opens() -> None:
    asked = ("/open/v1/access_token", {"app_id": "any", "secret_key": API_KEY})
    _, body, _ = ask("chanjing", *asked, key="")
    token = body["data"]["access_token"]
    assert body["data"]["expire_in"] == 86400
    assert API_KEY not in token
    status, body, _ = ask("chanjing", *SUBMISSIONS["chanjing"], key=token)
    assert (status, body["code"]) == (200, 0)
    _, body, _ = ask("chanjing", *SUBMISSIONS["chanjing"], key=token[:-1] + ("0" if token[-1] != "0" else "1"))
    assert body["code"] == 10400
    _, body, _ = ask("chanjing", asked[0], {"app_id": "any", "secret_key": "dk_wrong"}, key="")
    assert body["code"] == 10400
    add_key(API_KEY, "owner", disabled=True)
    _, body, _ = ask("chanjing", *SUBMISSIONS["chanjing"], key=token)
    assert body["code"] == 10400, "a token outlives its key"


def test_a_call_without_a_key_has_a_small_body() -> None:
    body = {"app_id": "any", "secret_key": API_KEY, "more": "x" * 5000}
    status, answer, _ = ask("chanjing", "/open/v1/access_token", body, key="")
    assert "4096" in json.dumps(answer)
    assert API_KEY not in json.dumps(answer)
    assert status in {200, 400, 413}


@pytest.mark.parametrize("provider", ["acedata", "qingbo"])
def test_a_key_may_have_its_own_providers(provider: str) -> None:
    credentials = {name: {"api_key": "k"} for name in ("evolink", "acedata", "qingbo")}
    boto3.client("secretsmanager").put_secret_value(SecretId="provider", SecretString=json.dumps(credentials))
    add_key("dk_pinned", "owner", provider)
    ask("evolink", *SUBMISSIONS["evolink"], key="dk_pinned")
    (task,) = tasks()
    assert [offer.provider for offer in task.plan] == [provider]
    assert task.entry == Entry("evolink", MODELS["evolink"])


def test_a_field_that_is_unknown_to_the_provider_is_named_in_a_header() -> None:
    path, body = SUBMISSIONS["evolink"]
    status, _, headers = ask("evolink", path, {**body, "surprise": 1, "seed": 4})
    assert status == 200
    assert headers["x-darkroom-ignored"] == "seed,surprise"


def test_what_our_own_rules_refuse_is_said_in_the_dialects_names() -> None:
    path, body = SUBMISSIONS["chanjing"]
    _, answer, _ = ask("chanjing", path, {**body, "ref_img_url": ["ftp://files.example/a.png"]})
    assert answer["code"] == 40000
    assert "ref_img_url" in answer["msg"]
    assert "image_urls" not in answer["msg"]
    path, body = SUBMISSIONS["openai"]
    status, answer, _ = ask("openai", path, {**body, "size": "1x1"})
    assert (status, answer["error"]["param"]) == (400, "size")


def test_an_idempotency_key_holds_in_every_dialect() -> None:
    path, body = SUBMISSIONS["evolink"]
    first = ask("evolink", path, body, idempotency_key="order-17")
    again = ask("evolink", path, body, idempotency_key="order-17")
    assert first[1]["id"] == again[1]["id"]
    status, answer, _ = ask("evolink", path, {**body, "n": 2}, idempotency_key="order-17")
    assert status == 400
    assert "Idempotency-Key" in answer["error"]["message"]
    assert len(tasks()) == 1


# Waiting


def test_a_call_whose_time_is_up_says_which_task_goes_on_and_its_repetition_joins_it() -> None:
    path, body = SUBMISSIONS["openai"]
    status, answer, headers = ask("openai", path, body)
    (task,) = tasks()
    assert status == 504
    assert answer["error"]["task_id"] == headers["x-darkroom-task-id"] == task.task_id
    assert headers["retry-after"] == "1"
    assert task.status is Status.QUEUED
    complete_all()
    status, answer, _ = ask("openai", path, body)
    assert status == 200
    assert len(answer["data"]) == 2
    assert len(tasks()) == 1
    # That answer was handed out: the same wish again is a new one.
    assert ask("openai", path, body)[0] == 504
    assert len(tasks()) == 2


def test_a_client_that_says_that_it_repeats_joins_even_while_the_first_call_waits() -> None:
    path, body = SUBMISSIONS["openai"]
    first = ask("openai", path, body)[1]["error"]["task_id"]
    again = ask("openai", path, body, x_stainless_retry_count="1")[1]["error"]["task_id"]
    assert first == again


def test_two_owners_with_the_same_wish_have_two_tasks() -> None:
    add_key("dk_stranger", "stranger")
    path, body = SUBMISSIONS["ark"]
    for key in (API_KEY, "dk_stranger"):
        assert ask("ark", path, body, key=key)[0] == 504
    assert {task.owner for task in tasks()} == {"owner", "stranger"}


def test_a_repetition_does_not_join_what_came_to_nothing() -> None:
    path, body = SUBMISSIONS["ark"]
    ask("ark", path, body)
    store().change(tasks()[0], lambda task: transitions.cancel(task, now=NOW))
    assert ask("ark", path, body)[0] == 504
    assert len(tasks()) == 2


def test_qingbos_waiting_call_shows_a_task_that_is_not_ready() -> None:
    status, body, _ = ask("qingbo", "/v1/tasks/sync", SUBMISSIONS["qingbo"][1])
    assert status == 200
    assert body["status"] == "queued"
    assert body["poll_url"].endswith(f"/qingbo/v1/tasks/{body['task_id']}")


def test_pictures_that_do_not_fit_into_an_answer_are_refused_with_the_way_to_them() -> None:
    path, body = SUBMISSIONS["openai"]
    body = {**body, "response_format": "b64_json"}
    ask("openai", path, body)
    (task,) = tasks()
    huge = [replace(stored(index), bytes=4_000_000) for index in (0, 1)]
    ended = replace(lasting(), entry=task.entry, task_id=task.task_id, version=task.version)
    for index, image in enumerate(huge):
        ended = transitions.store_image(ended, index, image, now=NOW)
    store().change(task, lambda _: ended)
    status, answer, _ = ask("openai", path, body)
    assert status == 400
    assert answer["error"]["param"] == "response_format"
    assert f"/v1/tasks/{task.task_id}" in answer["error"]["message"]


def test_a_task_is_cancelled_once() -> None:
    _, body, _ = ask("qingbo", *SUBMISSIONS["qingbo"])
    path = f"/v1/tasks/{body['task_id']}/cancel"
    status, body, _ = ask("qingbo", path, {})
    assert (status, body["status"], body["refunded"]) == (200, "cancelled", True)
    status, body, _ = ask("qingbo", path, {})
    assert status == 400
    assert "cancelled" in body["error"]["message"]


def test_openai_lists_the_models_and_shows_one() -> None:
    _, body, _ = ask("openai", "/v1/models", method="GET")
    names = [model["id"] for model in body["data"]]
    assert "seedream-4.5" in names
    assert ask("openai", f"/v1/models/{names[0]}", method="GET")[1]["id"] == names[0]
    assert ask("openai", "/v1/models/gpt-image-1", method="GET")[0] == 404


def test_a_path_of_no_dialect_is_not_there() -> None:
    assert ask("nobody", "/v1/tasks", {})[0] == 404


def test_an_error_of_ours_is_told_in_the_dialects_form_and_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_TASKS_TABLE", "no-such-table")
    for name, (path, body) in SUBMISSIONS.items():
        status, answer, _ = ask(name, path, body)
        assert status == (200 if name == "chanjing" else 500)
        told = json.dumps(answer)
        assert "Traceback" not in told
        assert "no-such-table" not in told


# The function's own URL


def test_the_functions_own_url_streams_where_the_runtime_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_STREAMING", "true")
    answer: Any = call("dialects", event("url.stream"), seconds=6.0)
    assert isinstance(answer, Streamed)
    assert answer.content_type == "text/event-stream"
    (task,) = tasks()
    assert answer.headers["x-darkroom-task-id"] == task.task_id
    completed(task)
    text = b"".join(answer.chunks).decode()
    # It was open when the stream began, and the stream's time is up at once.
    assert text.startswith("event: error\n")
    assert task.task_id in text


def test_a_stream_ends_with_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_STREAMING", "true")
    answer: Any = call("dialects", event("url.stream"), seconds=12.0)
    chunks = answer.chunks
    (task,) = tasks()
    completed(task)
    names = [line for chunk in chunks for line in chunk.decode().splitlines() if line.startswith("event: ")]
    kind = "event: image_generation"
    assert names == [f"{kind}.partial_succeeded", f"{kind}.partial_succeeded", f"{kind}.completed"]


def test_a_stream_that_is_asked_for_where_nothing_streams_comes_in_one_piece() -> None:
    path, body = SUBMISSIONS["ark"]
    assert ask("ark", path, {**body, "stream": True}, seconds=3.0)[0] == 504
    complete_all()
    sent = event("http.dialect")
    sent["rawPath"] = f"/ark{path}"
    sent["requestContext"]["http"]["method"] = "POST"
    sent["headers"]["authorization"] = f"Bearer {API_KEY}"
    sent["body"] = json.dumps({**body, "stream": True})
    answer = call("dialects", sent, seconds=6.0)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "text/event-stream")
    names = [line.removeprefix("event: ") for line in answer["body"].splitlines() if line.startswith("event: ")]
    assert names == [*["image_generation.partial_succeeded"] * 2, "image_generation.completed"]
    assert answer["body"].endswith("data: [DONE]\n\n")
    assert len(tasks()) == 1


def test_a_body_may_come_as_base64() -> None:
    sent = event("url.stream")
    body = {**SUBMISSIONS["evolink"][1]}
    sent["rawPath"] = "/evolink/v1/images/generations"
    sent["body"] = base64.b64encode(json.dumps(body).encode()).decode()
    sent["isBase64Encoded"] = True
    assert call("dialects", sent)["statusCode"] == 200


def test_the_origins_sdk_that_repeats_without_a_mark_makes_no_second_task() -> None:
    path, body = SUBMISSIONS["ark"]
    for _ in range(4):
        assert ask("ark", path, body, seconds=3.0, user_agent="volc-sdk-python/5.0.54")[0] == 504
    assert len(tasks()) == 1


@pytest.mark.parametrize("name", ["openai", "ark"])
def test_a_task_that_came_to_nothing_is_not_to_be_asked_for_again(name: str) -> None:
    """Clients repeat 408, 409, 429 and 5xx, unless the answer says that they should not."""
    refused = refusal_of(Failure(ErrorCode.PROVIDER_ERROR, "evolink: the easel fell over"))
    assert refused.final
    status = dialect(name).refuse(refused, "trace").status
    assert status not in {408, 409, 429}
    assert status < 500
    path, body = SUBMISSIONS[name]
    ask(name, path, body, seconds=3.0, idempotency_key="k-1")
    conflict = ask(name, path, {**body, "prompt": "another"}, seconds=3.0, idempotency_key="k-1")
    assert conflict[2]["x-should-retry"] == "false"
