"""The native API over HTTP: what it accepts, refuses, lists and hides."""

import hashlib
import time
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Api


def test_an_accepted_task_says_where_it_is_and_when_to_look(api: Api) -> None:
    answer = api.post({"metadata": {"order": "17"}})
    assert answer.status_code == 202
    task = answer.json()
    assert answer.headers["location"] == f"/v1/tasks/{task['task_id']}"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["x-request-id"]
    assert set(task) == {
        "task_id", "object", "model", "action", "status", "progress", "provider", "created_at", "started_at",
        "completed_at", "expires_at", "images", "usage", "attempts", "metadata", "error",
    }  # fmt: skip
    assert task["metadata"] == {"order": "17"}
    assert api.wait(task["task_id"])["status"] == "completed"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"prompt": ""}, 422, "prompt"),
        ({"prompt": "x" * 4001}, 422, "prompt"),
        ({"promt": "x"}, 422, "promt"),
        ({"n": "2"}, 422, "n"),
        ({"n": 16}, 422, "n"),
        ({"n": True}, 422, "n"),
        ({"n": 10, "image_urls": ["https://example.com/a.png"] * 6}, 422, "n"),
        ({"model": "dall-e-3"}, 422, "model"),
        ({"size": "huge"}, 422, "size"),
        ({"size": "4K", "model": "seedream-5.0-pro"}, 422, "size"),
        ({"resolution": "3K"}, 422, "resolution"),
        ({"provider": "nobody"}, 422, "provider"),
        ({"action": "edit"}, 422, "image_urls"),
        ({"callback_url": "https://10.0.0.1/hook"}, 422, "callback_url"),
        ({"metadata": {"k": 1}}, 422, "metadata.k"),
        ({"image_urls": ["ftp://example.com/a.png"]}, 422, "image_urls[0]"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_field(api: Api, body: dict[str, Any], status: int, param: str) -> None:
    answer = api.post(body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request", param)
    assert error["request_id"] == answer.headers["x-request-id"]
    assert error["message"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"prompt": NaN}', b"[" * 100_000, b"\xff\xfe", b'{"n":1,"n":2}']
)
def test_a_body_that_is_no_object_is_refused(api: Api, content: bytes) -> None:
    answer = api.client.post("/v1/tasks", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request"


def test_a_refusal_says_what_would_be_possible(api: Api) -> None:
    message = api.post({"size": "3K", "model": "seedream-4.0"}).json()["error"]["message"]
    assert message == "3K with seedream-4.0: use 1K, 2K or 4K"


def test_nothing_is_shown_without_a_key_that_is_known(api: Api) -> None:
    for path in ("/v1/tasks", "/v1/models", "/v1/usage", "/v1/tasks/task_01M7Y0K4SK2HQR5V5B4CM148FG"):
        assert httpx.get(api.stack.base_url + path, trust_env=False).status_code == 401
        assert api.caller("dk_wrong").get(path).status_code == 401
    assert httpx.get(api.stack.base_url + "/health", trust_env=False).json() == {"status": "ok"}
    assert api.client.get("/v1/nothing").status_code == 404


def test_another_owners_task_is_not_there(api: Api) -> None:
    task_id = api.post({}).json()["task_id"]
    other = api.caller(api.stack.admin_key)
    assert other.get(f"/v1/tasks/{task_id}").status_code == 404
    assert other.post(f"/v1/tasks/{task_id}/cancel").status_code == 404
    assert other.delete(f"/v1/tasks/{task_id}").status_code == 404
    assert api.wait(task_id)["status"] == "completed"
    assert all(task["task_id"] != task_id for task in other.get("/v1/tasks").json()["data"])


def test_a_disabled_key_is_forbidden(api: Api) -> None:
    key = "dk_disabled"
    api.stack.emulator.client("dynamodb").put_item(
        TableName=api.stack.outputs["AccountsTable"],
        Item={
            "pk": {"S": f"key#{hashlib.sha256(key.encode()).hexdigest()}"},
            "sk": {"S": "key"},
            "owner": {"S": "x"},
            "disabled": {"BOOL": True},
        },
    )
    assert api.caller(key).get("/v1/tasks").status_code == 403


def test_the_same_key_is_the_same_task_and_another_body_a_conflict(api: Api) -> None:
    first = api.post({"prompt": "same"}, Idempotency_Key="k1")
    again = api.post({"prompt": "same"}, Idempotency_Key="k1")
    assert again.json()["task_id"] == first.json()["task_id"]
    assert again.headers["idempotency-replayed"] == "true"
    other = api.post({"prompt": "other"}, Idempotency_Key="k1")
    assert other.status_code == 409
    assert other.json()["error"]["task_id"] == first.json()["task_id"]
    assert api.post({}, Idempotency_Key="bad key").status_code == 400


def test_a_waiting_post_answers_with_the_pictures(api: Api) -> None:
    answer = api.post({}, Prefer="wait=20")
    assert answer.status_code == 200
    assert answer.json()["status"] == "completed"


def test_what_has_not_changed_is_not_sent_again(api: Api) -> None:
    task_id = api.finish({})["task_id"]
    first = api.client.get(f"/v1/tasks/{task_id}")
    again = api.client.get(f"/v1/tasks/{task_id}", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert api.client.get(f"/v1/tasks/{task_id}").json() == first.json(), "links are the same within their window"


def test_a_list_gives_every_task_once_newest_first(api: Api) -> None:
    posted = [api.post({"model": "seedream-3.0"}).json()["task_id"] for _ in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = api.client.get("/v1/tasks", params=query).json()
        seen += [task["task_id"] for task in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None or len(seen) > 400:
            break
    assert len(seen) == len(set(seen))
    assert [task_id for task_id in seen if task_id in posted] == posted[::-1]
    for task_id in posted:
        api.wait(task_id)
    done = api.client.get("/v1/tasks", params={"status": "completed", "model": "seedream-3.0", "limit": 5}).json()
    assert {task["status"] for task in done["data"]} == {"completed"}
    for bad in ({"limit": 0}, {"limit": 101}, {"status": "done"}, {"cursor": "x"}, {"nonsense": 1}):
        assert api.client.get("/v1/tasks", params=bad).status_code == 400


def test_an_ended_task_can_be_deleted_with_its_images_but_not_cancelled(api: Api) -> None:
    task = api.finish({})
    path = f"/v1/tasks/{task['task_id']}"
    assert api.client.post(f"{path}/cancel").status_code == 409
    assert api.client.delete(path).status_code == 204
    assert api.client.get(path).status_code == 404
    assert httpx.get(task["images"][0]["url"], trust_env=False).status_code in {403, 404}


def test_an_open_task_can_be_cancelled_but_not_deleted(api: Api) -> None:
    path = f"/v1/tasks/{api.post({'prompt': 'open [[latency=30]]'}).json()['task_id']}"
    assert api.client.delete(path).status_code == 409
    cancelled = api.client.post(f"{path}/cancel").json()
    assert (cancelled["status"], cancelled["error"]["code"]) == ("cancelled", "cancelled")
    assert api.client.post(f"{path}/cancel").status_code == 409


def test_a_batch_accepts_and_refuses_each_task_by_itself(api: Api) -> None:
    tasks: list[Any] = [{"model": "seedream-4.5", "prompt": f"fox {number}"} for number in range(5)]
    answer = api.client.post("/v1/batches", json={"tasks": [*tasks, {"model": "nobody", "prompt": "x"}, "no"]})
    assert answer.status_code == 200
    results = answer.json()["data"]
    assert [result["status"] for result in results] == [202] * 5 + [422] * 2
    for result in results[:5]:
        assert api.wait(result["task"]["task_id"])["status"] == "completed"
    assert api.client.post("/v1/batches", json={"tasks": []}).status_code == 422


def test_models_usage_and_the_document_are_served(api: Api) -> None:
    models = api.client.get("/v1/models").json()["data"]
    assert {model["id"] for model in models} == {
        "seedream-5.5", "seedream-5.0-pro", "seedream-5.0-flash", "seedream-5.0", "seedream-4.5", "seedream-4.0", "seedream-3.0", "seededit-3.0", "demo",
    }  # fmt: skip
    retired = {model["id"]: (model["retired"], model["replacement"]) for model in models if "retired" in model}
    assert retired == dict.fromkeys(("seedream-3.0", "seededit-3.0"), ("2026-05-13", "seedream-4.5"))
    api.finish({})
    usage = api.client.get("/v1/usage").json()
    assert usage["month"] == time.strftime("%Y-%m", time.gmtime())
    assert usage["total"]["images"] >= 1
    assert api.client.get("/v1/usage", params={"month": "2026-13"}).status_code == 400
    document = httpx.get(f"{api.stack.base_url}/openapi.json", trust_env=False).json()
    assert document["openapi"].startswith("3.1")
