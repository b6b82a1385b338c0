"""The demo's function, called by its handler: what it takes, whom it calls, and that it is there only where asked for."""

import base64
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from darkroom.aws import clients
from darkroom.clock import now
from darkroom.container import Container
from darkroom.demo.inbox import LIFE_SECONDS
from darkroom.providers.registry import adapter
from darkroom.settings import DEMO_PROVIDERS, Settings
from tests.integration.deployment import API_KEY, call, deployed, event
from tests.integration.emulated_aws import BUCKET
from tests.unit.http.servers import closed_port

TASK_ID = "task_01M7Y0K4SK2HQR5V5B4CM148FG"
BASE = "https://api.example"


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with deployed(monkeypatch):
        monkeypatch.setenv("DARKROOM_DEMO_BASE_URL", BASE)
        monkeypatch.setenv("DARKROOM_TIME_SCALE", "1000")
        yield


@pytest.fixture(autouse=True)
def invoked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the function invoked itself with."""
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(clients, "functions", lambda: SimpleNamespace(invoke=lambda **given: asked.append(given)))
    return asked


def http(method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    """One request to the function, as API Gateway hands it on, and its answer."""
    sent = event("http.get_task")
    sent |= {
        "rawPath": path,
        "routeKey": "ANY /demo/{proxy+}",
        "headers": {k.replace("_", "-"): v for k, v in headers.items()},
    }
    sent["requestContext"]["http"] |= {"method": method, "path": path}
    sent["body"] = json.dumps(body) if body is not None else None
    return call("demo", sent)


def callback_url(provider: str = "demo") -> str:
    return Container(Settings.from_environment()).addresses().address(provider, TASK_ID, "n0nce")


def submit(provider: str = "demo", prompt: str = "a fox", **fields: Any) -> dict[str, Any]:
    body = {"model": "demo-picture", "prompt": prompt, "n": 1, "callback_url": callback_url(provider), **fields}
    return http("POST", f"/demo/{provider}/v1/images/generations", body)


def test_a_submission_is_taken_and_its_callback_left_to_another_invocation(invoked: list[dict[str, Any]]) -> None:
    answer = submit()
    assert answer["statusCode"] == 200
    job = json.loads(answer["body"])
    assert job["status"] == "pending"
    (asked,) = invoked
    assert (asked["FunctionName"], asked["InvocationType"]) == ("test", "Event")
    message = json.loads(asked["Payload"])["demo_callback"]
    assert message == {"provider": "demo", "job_id": job["id"], "callback_url": callback_url()}


def test_what_it_tells_is_what_our_adapter_reads() -> None:
    job_id = json.loads(submit(n=2)["body"])["id"]
    while True:
        answer = http("GET", f"/demo/demo/v1/tasks/{job_id}")
        update = adapter("demo").read_callback(answer["body"].encode())
        if update.status.terminal:
            break
    assert update.upstream_id == job_id
    assert [image.url for image in update.images] == [f"{BASE}/demo/pictures/{job_id}/{n}.png" for n in (0, 1)]
    drawn = http("GET", update.images[1].url.removeprefix(BASE))
    assert drawn["headers"]["Content-Type"] == "image/png"
    assert drawn["isBase64Encoded"]
    assert base64.b64decode(drawn["body"]).startswith(b"\x89PNG")
    for path in (f"{job_id}/2.png", f"{job_id}/00.png", f"{job_id}/x", "nobody/0.png"):
        assert http("GET", f"/demo/pictures/{path}")["statusCode"] == 404


@pytest.mark.parametrize(
    "url",
    [
        "https://attacker.example/", "", f"{BASE}/callbacks/demo/{TASK_ID}/token",
        "https://gateway.example/callbacks/demo/task_x/forged", "https://gateway.example.attacker.example/callbacks/demo/t/k",
    ],
)  # fmt: skip
def test_nobody_is_called_but_who_this_deployment_named(url: str, invoked: list[dict[str, Any]]) -> None:
    answer = submit(callback_url=url)
    assert answer["statusCode"] == 401
    assert invoked == []


def test_an_address_of_another_provider_is_not_called(invoked: list[dict[str, Any]]) -> None:
    assert submit(callback_url=callback_url("evolink"))["statusCode"] == 401
    assert submit("demo-b", callback_url=callback_url("demo"))["statusCode"] == 401
    assert invoked == []


def test_a_callback_is_sent_only_for_the_job_it_was_submitted_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_PUBLIC_URL", f"http://127.0.0.1:{closed_port()}")
    job_id = json.loads(submit()["body"])["id"]
    own = {"provider": "demo", "job_id": job_id, "callback_url": callback_url()}
    for changed in ({"job_id": "x"}, {"callback_url": callback_url("demo-b")}, {"callback_url": "http://127.0.0.1:1/"}):
        assert call("demo", {"demo_callback": {**own, **changed}}) == {"delivered": False}
    # Nobody listens there: it is tried, and given up on.
    assert call("demo", {"demo_callback": own}) == {"delivered": False}


def test_a_prompt_can_ask_for_a_refusal_a_failure_and_a_callback_that_never_comes(
    invoked: list[dict[str, Any]],
) -> None:
    assert submit("demo", "x [[refuse=demo]]")["statusCode"] == 503
    assert submit("demo-b", "x [[refuse=demo]]")["statusCode"] == 200
    invoked.clear()
    assert submit(prompt="x [[callback_drop]]")["statusCode"] == 200
    assert invoked == []
    failing = json.loads(submit(prompt="x [[job_fail]][[latency=0]]")["body"])
    assert json.loads(http("GET", f"/demo/demo/v1/tasks/{failing['id']}")["body"])["status"] == "failed"


@pytest.mark.parametrize(
    "body", [None, [], {"model": "demo-picture"}, {"model": "demo-picture", "prompt": "x", "n": 99}]
)
def test_a_bad_submission_is_refused_in_the_providers_words(body: Any) -> None:
    answer = http("POST", "/demo/demo/v1/images/generations", body)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["error"]["code"] == "invalid_parameters"


def test_an_inbox_keeps_what_came_last_with_its_signature() -> None:
    opened = http("POST", "/demo/inbox", authorization=f"Bearer {API_KEY}")
    assert opened["statusCode"] == 201
    path = json.loads(opened["body"])["url"].removeprefix(BASE)
    assert json.loads(http("GET", path)["body"])["last"] is None
    signed = {"webhook_id": "m1", "webhook_signature": "v1,x", "authorization": "Bearer secret"}
    assert http("POST", path, {"type": "task.completed"}, **signed)["statusCode"] == 200
    last = json.loads(http("GET", path)["body"])["last"]
    assert last["headers"] == {"webhook-id": "m1", "webhook-signature": "v1,x"}
    assert json.loads(base64.b64decode(last["body"])) == {"type": "task.completed"}
    (kept,) = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert kept["Key"].startswith("inbox/")


def test_an_inbox_is_opened_with_a_key_and_takes_no_more_than_a_webhook() -> None:
    assert http("POST", "/demo/inbox")["statusCode"] == 401
    assert http("POST", "/demo/inbox/made-up", {})["statusCode"] == 404
    assert http("GET", "/demo/inbox/made-up")["statusCode"] == 404
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=BUCKET)
    path = json.loads(http("POST", "/demo/inbox", authorization=f"Bearer {API_KEY}")["body"])["url"].removeprefix(BASE)
    assert http("POST", path, "x" * 300_000)["statusCode"] == 413


def test_an_inbox_closes_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    path = json.loads(http("POST", "/demo/inbox", authorization=f"Bearer {API_KEY}")["body"])["url"].removeprefix(BASE)
    later = now() + (LIFE_SECONDS + 1) * 1000
    monkeypatch.setattr("darkroom.demo.inbox.now", lambda: later)
    assert http("GET", path)["statusCode"] == 404
    assert http("POST", path, {})["statusCode"] == 404


def test_the_demo_is_offered_and_called_back_where_it_is_on() -> None:
    container = Container(Settings.from_environment())
    catalog = container.catalog_in_force()
    assert catalog.find("demo").offers
    assert catalog.providers["demo"].base_url == f"{BASE}/demo/demo"
    assert set(DEMO_PROVIDERS) <= container.upstreams().available()
    assert _callback("demo")["statusCode"] == 403
    posted = call("submit", _post({"model": "demo", "prompt": "a fox"}))
    assert posted["statusCode"] == 202, posted["body"]


def test_nothing_of_the_demo_is_there_where_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_DEMO_BASE_URL", "")
    assert not set(DEMO_PROVIDERS) & Container(Settings.from_environment()).upstreams().available()
    assert _callback("demo")["statusCode"] == 404
    assert call("submit", _post({"model": "demo", "prompt": "a fox"}))["statusCode"] == 422
    named = call("submit", _post({"model": "seedream-4.5", "prompt": "a fox", "provider": "demo"}))
    assert "no provider is called 'demo'" in named["body"]
    answer = http("POST", "/demo/demo/v1/images/generations", {})
    assert answer["statusCode"] == 404


def _callback(provider: str) -> dict[str, Any]:
    sent = event("http.callback")
    sent["rawPath"] = sent["requestContext"]["http"]["path"] = f"/callbacks/{provider}/{TASK_ID}/forged"
    return call("callback", sent)


def _post(body: dict[str, Any]) -> dict[str, Any]:
    sent = event("http.post_task")
    sent["headers"].pop("idempotency-key", None)
    return {**sent, "body": json.dumps(body)}
