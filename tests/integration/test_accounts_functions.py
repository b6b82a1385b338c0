"""Keys, credits and limits by HTTP, and tasks that come as events, over an AWS in this process."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from darkroom.accounts.ledger import AccountLedger
from darkroom.images.object_store import KeptCallback, ObjectStore
from darkroom.submission.intake_queue import MAX_INTAKE_WAITS
from darkroom.tasks import transitions
from darkroom.webhooks.delivery_log import DeliveryAttempt, DeliveryLog, DeliveryStore
from darkroom.webhooks.resend import MOST_ROUNDS
from tests.integration.deployment import API_KEY, add_key, call, deployed, event, store
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS

ADMIN = "dk_admin"


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with deployed(monkeypatch):
        sqs = boto3.client("sqs")
        for name in ("LOOK", "GENERATE", "INGEST", "WEBHOOK", "INTAKE"):
            monkeypatch.setenv(
                f"DARKROOM_{name}_DEAD_LETTERS_URL", sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
            )
        monkeypatch.setenv("DARKROOM_INTAKE_QUEUE_URL", sqs.create_queue(QueueName="INTAKE")["QueueUrl"])
        add_key(ADMIN, "admin", admin=True)
        yield


def ask(
    function: str,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str = ADMIN,
    query: dict[str, str] | None = None,
    **headers: str,
) -> tuple[int, Any]:
    sent = event("http.post_task")
    sent["rawPath"] = sent["requestContext"]["http"]["path"] = path
    sent["routeKey"] = sent["requestContext"]["routeKey"] = f"{method} {path}"
    sent["requestContext"]["http"]["method"] = method
    sent["headers"]["authorization"] = f"Bearer {key}"
    sent["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    sent["queryStringParameters"] = query or {}
    sent["body"] = None if body is None else json.dumps(body)
    answer = call(function, sent)
    try:
        return answer["statusCode"], json.loads(answer["body"])
    except ValueError:
        return answer["statusCode"], answer["body"]


def admin(method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
    return ask("admin", method, f"/v1/admin{path}", body, **more)


def post(key: str, **fields: Any) -> tuple[int, Any]:
    body = {"model": "seedream-4.5", "prompt": "a fox", "provider": "evolink", **fields}
    return ask("submit", "POST", "/v1/tasks", body, key=key)


def make_key(**fields: Any) -> dict[str, Any]:
    status, made = admin("POST", "/keys", {"owner": "acme", **fields})
    assert status == 201, made
    key: dict[str, Any] = made
    return key


def test_only_an_admin_may_do_what_an_admin_does() -> None:
    for method, path in (
        ("GET", "/keys"), ("POST", "/keys"), ("PATCH", "/keys/x"), ("POST", "/keys/x/rotate"),
        ("GET", "/accounts/acme"), ("PUT", "/accounts/acme"), ("POST", "/accounts/acme/credits"),
        ("GET", "/accounts/acme/ledger"), ("GET", "/dead-letters"), ("POST", "/dead-letters/look/redrive"),
    ):  # fmt: skip
        assert admin(method, path, {}, key=API_KEY)[0] == 403, path
        assert admin(method, path, {}, key="dk_nobody")[0] == 401, path


def test_a_key_is_made_changed_replaced_and_switched_off() -> None:
    made = make_key(name="shop", providers=["evolink"], open_tasks=5, requests_per_second=50)
    assert ask("accounts", "GET", "/v1/account", key=made["api_key"])[0] == 200
    _, listed = admin("GET", "/keys", query={"owner": "acme"})
    assert [key["key_id"] for key in listed["data"]] == [made["key_id"]]
    assert "api_key" not in listed["data"][0]
    _, changed = admin("PATCH", f"/keys/{made['key_id']}", {"open_tasks": None, "name": "mobile"})
    assert (changed["open_tasks"], changed["name"], changed["providers"]) == (None, "mobile", ["evolink"])
    _, new = admin("POST", f"/keys/{made['key_id']}/rotate", {"overlap_seconds": 0})
    assert ask("accounts", "GET", "/v1/account", key=made["api_key"])[0] == 403
    assert ask("accounts", "GET", "/v1/account", key=new["api_key"])[0] == 200
    admin("PATCH", f"/keys/{new['key_id']}", {"disabled": True})
    assert ask("accounts", "GET", "/v1/account", key=new["api_key"])[0] == 403
    assert admin("PATCH", "/keys/nobody", {"name": "x"})[0] == 404
    assert admin("POST", "/keys/nobody/rotate")[0] == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "owner"),
        ({"owner": "a/b"}, "owner"),
        ({"owner": ".."}, "owner"),
        ({"owner": "."}, "owner"),
        ({"owner": ".hidden"}, "owner"),
        ({"owner": "acme", "open_tasks": 0}, "open_tasks"),
        ({"owner": "acme", "requests_per_second": 5e-324}, "requests_per_second"),
        ({"owner": "acme", "providers": ["nobody"]}, "providers"),
        ({"owner": "acme", "surprise": 1}, "surprise"),
    ],
)
def test_a_key_that_cannot_be_is_refused_by_its_field(body: dict[str, Any], param: str) -> None:
    status, answer = admin("POST", "/keys", body)
    assert (status, answer["error"]["param"]) == (422, param)


def test_credits_are_bought_and_spent_and_run_out() -> None:
    key = make_key()["api_key"]
    assert admin("POST", "/accounts/acme/credits", {"amount": "5", "reference": "r"})[0] == 409, "no account yet"
    admin("PUT", "/accounts/acme", {"prepaid": True})
    status, refused = post(key)
    assert (status, refused["error"]["code"]) == (402, "insufficient_credits")
    for _ in range(2):
        _, account = admin("POST", "/accounts/acme/credits", {"amount": "2.50", "reference": "invoice-7"})
    assert account["balance"] == "2.50"
    assert post(key)[0] == 202
    assert post(key)[0] == 402
    _, mine = ask("accounts", "GET", "/v1/account", key=key)
    assert (mine["balance"], mine["spent_this_month"], mine["open_tasks"]) == ("0.70", "1.80", 1)
    _, ledger = ask("accounts", "GET", "/v1/account/ledger", key=key)
    assert [line["amount"] for line in ledger["data"]] == ["-1.80", "2.50"]
    assert ask("accounts", "GET", "/v1/account/ledger", key=key, query={"limit": "0"})[0] == 400
    assert ask("accounts", "GET", "/v1/account/ledger", key=key, query={"cursor": "x"})[0] == 400
    _, theirs = admin("GET", "/accounts/acme/ledger", query={"limit": "1"})
    assert len(theirs["data"]) == 1
    assert theirs["next_cursor"]


def test_an_account_holds_for_every_key_of_its_owner_however_the_key_was_made() -> None:
    add_key("dk_written_by_hand", "acme")
    assert post("dk_written_by_hand")[0] == 202, "no account yet"
    admin("PUT", "/accounts/acme", {"prepaid": True})
    status, refused = post("dk_written_by_hand")
    assert (status, refused["error"]["code"]) == (402, "insufficient_credits")
    made = make_key()
    assert made["metered"]
    assert post(made["api_key"])[0] == 402
    _, listed = admin("GET", "/keys", query={"owner": "acme"})
    assert [key["metered"] for key in listed["data"]] == [True]


def test_a_budget_is_a_limit_of_its_own() -> None:
    key = make_key()["api_key"]
    admin("PUT", "/accounts/acme", {"prepaid": False, "monthly_budget": "2"})
    assert post(key)[0] == 202
    status, refused = post(key)
    assert (status, refused["error"]["code"]) == (402, "budget_exceeded")


@pytest.mark.parametrize(
    "body",
    [
        {"amount": "0", "reference": "r"},
        {"amount": "1.1234567", "reference": "r"},
        {"amount": "much", "reference": "r"},
        {"amount": "1"},
        {"amount": "NaN", "reference": "r"},
        {"amount": "1", "reference": "two words"},
    ],
)
def test_an_amount_is_exact_and_has_a_reference(body: dict[str, Any]) -> None:
    admin("PUT", "/accounts/acme", {})
    assert admin("POST", "/accounts/acme/credits", body)[0] == 422


def test_a_key_that_asks_too_often_is_told_when_to_ask_again() -> None:
    key = make_key(requests_per_second=2)["api_key"]
    answers = [ask("status", "GET", "/v1/models", key=key)[0] for _ in range(6)]
    assert answers.count(429) >= 1
    sent = event("http.get_task")
    sent["headers"]["authorization"] = f"Bearer {key}"
    while (answer := call("status", sent))["statusCode"] != 429:
        pass
    assert int(answer["headers"]["retry-after"]) >= 1


def test_a_key_has_only_so_many_open_tasks() -> None:
    key = make_key(open_tasks=1)["api_key"]
    _, task = post(key)
    status, refused = post(key)
    assert (status, refused["error"]["code"]) == (429, "rate_limited")
    ask("submit", "POST", f"/v1/tasks/{task['task_id']}/cancel", key=key)
    assert post(key)[0] == 202


def test_a_dialect_says_all_of_this_in_its_own_words() -> None:
    from tests.integration.test_dialects_function import ask as speak
    from tests.unit.dialects.tasks import SUBMISSIONS

    key = make_key(open_tasks=1)["api_key"]
    admin("PUT", "/accounts/acme", {"prepaid": True})
    wanted = {
        "qingbo": 402,
        "evolink": 402,
        "chanjing": 200,
        "deepspace": 402,
        "acedata": 403,
        "openai": 429,
        "ark": 403,
    }
    for dialect, (path, body) in SUBMISSIONS.items():
        status, answer, _ = speak(dialect, path, body, key=key)
        assert status == wanted[dialect], (dialect, answer)
        assert "credits" in json.dumps(answer)
    admin("POST", "/accounts/acme/credits", {"amount": "100", "reference": "r"})
    speak("evolink", *SUBMISSIONS["evolink"], key=key)
    status, _, headers = speak("evolink", *SUBMISSIONS["evolink"], key=key)
    assert (status, headers["retry-after"]) == (429, "5")


def test_an_owner_has_a_webhook_secret_of_its_own_from_the_first_day() -> None:
    key, other = make_key()["api_key"], make_key(owner="another")["api_key"]
    path = "/v1/account/webhook-secret"
    first, again, theirs = (ask("accounts", "GET", path, key=each)[1]["secret"] for each in (key, key, other))
    assert first.startswith("whsec_")
    assert first == again != theirs
    new = ask("accounts", "POST", path, key=key)[1]["secret"]
    assert ask("accounts", "GET", path, key=key)[1]["secret"] == new != first
    assert ask("accounts", "GET", path, key=other)[1]["secret"] == theirs


def test_an_owner_gets_a_new_webhook_secret() -> None:
    key = make_key()["api_key"]
    status, made = ask("accounts", "POST", "/v1/account/webhook-secret", key=key)
    assert status == 201
    assert made["secret"].startswith("whsec_")
    _, again = ask("accounts", "POST", "/v1/account/webhook-secret", key=key)
    assert again["secret"] != made["secret"]


def test_what_was_given_up_on_is_counted_and_sent_on() -> None:
    sqs = boto3.client("sqs")
    dead = sqs.get_queue_url(QueueName="INGEST-dead")["QueueUrl"]
    for number in range(12):
        sqs.send_message(QueueUrl=dead, MessageBody=f"m{number}")
    _, counted = admin("GET", "/dead-letters")
    assert {line["queue"]: line["messages"] for line in counted["data"]}["ingest"] == 12
    assert admin("POST", "/dead-letters/ingest/redrive", {"limit": 11})[1] == {"queue": "ingest", "sent": 11}
    assert admin("POST", "/dead-letters/ingest/redrive")[1]["sent"] == 1
    url = sqs.get_queue_url(QueueName="INGEST")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert found["Attributes"]["ApproximateNumberOfMessages"] == "12"
    assert admin("POST", "/dead-letters/nowhere/redrive")[0] == 404


def test_a_task_tells_its_whole_story_and_shows_a_provider_only_what_is_its_business() -> None:
    key = make_key()["api_key"]
    admin("PUT", "/accounts/acme", {"prepaid": False})
    _, task = post(key, prompt="a secret plan of ours", callback_url="https://app.example/hook")
    path = f"/v1/tasks/{task['task_id']}"
    _, story = ask("status", "GET", f"{path}/events", key=key)
    told = [entry["what"] for entry in story["data"]]
    assert told[0] == "accepted"
    assert {"submitting", "attempt_refused", "ledger"} <= set(told)
    assert [entry["at"] for entry in story["data"]] == sorted(entry["at"] for entry in story["data"])
    _, bundle = ask("status", "GET", f"{path}/dispute", key=key)
    shown = json.dumps(bundle)
    for private in ("a secret plan of ours", "acme", "app.example", key):
        assert private not in shown
    for hidden in ("events", "dispute"):
        assert ask("status", "GET", f"{path}/{hidden}", key=API_KEY)[0] == 404


ECHOED = {
    "token": "t",
    "request": {"callback_url": "https://gateway.example/callbacks/evolink/task_x/" + "T" * 43},
    "text": "see /callbacks/evolink/task_x/" + "T" * 43 + " and https://files.example/made.png",
    "resultJson": '{"resultUrls":["https:\\u002f\\u002ffiles.example/made.png"]}',
    "https://files.example/made.png": 1,
    "results": ["https://files.example/made.png?sig=1", "files.example/made.png"],
}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(ECHOED).encode(),
        b'{"a": "\\ud83d", "link": "https://files.example/made.png"}',
        b'{"a": ' + b"9" * 20_000 + b"}",
        b'{"a": 1e999}',
        b'{"a": NaN}',
        b"[" * 5000,
        b"\xff\x00",
    ],
)
def test_a_dispute_shows_no_link_no_callback_address_and_survives_any_body(body: bytes) -> None:
    key = make_key()["api_key"]
    _, task = post(key)
    found = store().get(task["task_id"])
    assert found is not None
    objects = ObjectStore(boto3.client("s3"), BUCKET)
    objects.keep_callback("acme", found.task_id, KeptCallback("evolink", found.created_at, {}, body))
    status, bundle = ask("status", "GET", f"/v1/tasks/{found.task_id}/dispute", key=key)
    assert status == 200
    assert len(bundle["callbacks"]) == 1
    shown = json.dumps(bundle)
    assert "made.png" not in shown
    assert "T" * 43 not in shown


def test_a_webhook_is_not_sent_again_for_ever() -> None:
    key = make_key()["api_key"]
    _, task = post(key, callback_url="https://app.example/hook", n=1)
    store().change(task["task_id"], lambda current: transitions.cancel(current, now=1, charge_made=False))
    log = DeliveryLog(task["task_id"], "acme", "https://app.example/hook", 4_000_000_000)
    attempts = tuple(DeliveryAttempt(n + 1, n, 1, 1, done=True, status=500) for n in range(MOST_ROUNDS + 1))
    deliveries = DeliveryStore(boto3.client("dynamodb"), TASKS)
    saved = deliveries.save(replace(log, attempts=attempts[:-1]))
    path = f"/v1/tasks/{task['task_id']}/webhook"
    assert ask("submit", "POST", path, key=key)[0] == 202
    deliveries.save(replace(saved, attempts=attempts))
    status, refused = ask("submit", "POST", path, key=key)
    assert (status, refused["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize("path", ["/v1/tasks", "/callbacks/evolink/x/y", "/", ""])
def test_our_own_address_is_no_webhook(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("DARKROOM_PUBLIC_URL", "https://gateway.example")
    key = make_key()["api_key"]
    for host in ("gateway.example", "GATEWAY.example", "gateway.example:443", "gateway.example."):
        status, refused = post(key, callback_url=f"https://{host}{path}")
        assert (status, refused["error"]["param"]) == (422, "callback_url"), host


def test_keys_come_in_pages() -> None:
    made = [make_key(owner=f"owner-{number}")["key_id"] for number in range(3)]
    status, first = ask("admin", "GET", "/v1/admin/keys", query={"limit": "2"})
    assert (status, len(first["data"])) == (200, 2)
    status, second = ask("admin", "GET", "/v1/admin/keys", query={"limit": "100", "cursor": first["next_cursor"]})
    assert (status, second["next_cursor"]) == (200, None)
    listed = [key["key_id"] for key in (*first["data"], *second["data"])]
    assert len(listed) == len(set(listed))
    assert set(made) <= set(listed)
    for query in ({"cursor": "nobody"}, {"owner": "acme", "cursor": made[0]}, {"limit": "0"}, {"page": "2"}):
        assert ask("admin", "GET", "/v1/admin/keys", query=query)[0] == 400


def test_more_words_than_a_record_has_room_for_are_refused_at_the_door() -> None:
    key = make_key()["api_key"]
    links = [f"https://a.example/{'x' * 4070}{n}" for n in range(14)]
    wide = {f"k{n}": "\U0001f98a" * 512 for n in range(16)}
    status, body = post(key, image_urls=links, prompt="x" * 2000)
    assert status == 202, body
    status, refused = post(key, image_urls=[each.replace("x", "ü") for each in links], prompt="ü" * 2000, metadata=wide)
    assert (status, refused["error"]["code"]) == (413, "payload_too_large")
    assert "150 KB" in refused["error"]["message"]


# Events


def intake(*bodies: Any, times: int = 0) -> list[str]:
    """Hand messages to the function, put back so many times before; the ids of those that come back."""
    known = {"reference": {"stringValue": "m"}, "times": {"stringValue": str(times)}} if times else {}
    sent = event("sqs.task_requested")
    form = sent["Records"][0]
    sent["Records"] = [
        {
            **form,
            "messageAttributes": known,
            "messageId": f"m{number}",
            "body": body if isinstance(body, str) else json.dumps(body),
        }
        for number, body in enumerate(bodies)
    ]
    failed: Any = call("intake", sent)["batchItemFailures"]
    return [each["itemIdentifier"] for each in failed]


def requested(**detail: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(event("sqs.task_requested")["Records"][0]["body"])
    body["detail"] |= detail
    return body


def put_back() -> int:
    """How many messages wait in the queue of events."""
    url = boto3.client("sqs").get_queue_url(QueueName="INTAKE")["QueueUrl"]
    counted = boto3.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesDelayed"]
    )
    return int(counted["Attributes"]["ApproximateNumberOfMessagesDelayed"])


def owners_tasks(owner: str) -> int:
    items = boto3.client("dynamodb").scan(TableName="tasks")["Items"]
    return sum(item.get("owner", {}).get("S") == owner for item in items)


def test_an_event_submits_a_task_once() -> None:
    make_key()
    assert intake(requested(owner="acme"), requested(owner="acme")) == []
    assert owners_tasks("acme") == 1
    assert intake({"id": "m-1", "owner": "acme", "task": requested()["detail"]["task"]}) == []
    assert owners_tasks("acme") == 2


def test_an_event_may_go_by_the_rules_of_a_key() -> None:
    key = make_key(open_tasks=1)
    first, second = requested(owner="acme", key_id=key["key_id"]), requested(owner="acme", key_id=key["key_id"])
    second["id"] = "another"
    assert intake(first, second) == []
    assert owners_tasks("acme") == 1, "a limit stands against the second for now"
    assert put_back() == 1
    assert intake(requested(owner="owner", key_id=key["key_id"])) == []
    assert owners_tasks("owner") == 0, "somebody else's key"


def test_an_event_that_a_limit_stands_against_for_a_day_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from darkroom.webhooks.event_bus import TaskEvents

    key = make_key(open_tasks=1)
    said: list[Any] = []
    monkeypatch.setattr(TaskEvents, "reject", lambda self, detail: said.append(detail))
    assert intake(requested(owner="acme", key_id=key["key_id"])) == []
    late = requested(owner="acme", key_id=key["key_id"]) | {"id": "late"}
    assert intake(late, times=MAX_INTAKE_WAITS - 1) == []
    assert (put_back(), said) == (1, [])
    assert intake(late, times=MAX_INTAKE_WAITS) == []
    assert (put_back(), said[0]["id"], said[0]["error"]["code"]) == (1, "late", "rate_limited")


def test_no_provider_is_waited_for_in_the_middle_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    from darkroom.providers.upstreams import HttpUpstream

    monkeypatch.setattr(HttpUpstream, "send", lambda *_: pytest.fail("a provider was asked"))
    make_key()
    assert intake(*[requested(owner="acme") | {"id": f"e{number}"} for number in range(10)]) == []
    assert owners_tasks("acme") == 10


@pytest.mark.parametrize(
    "body",
    [
        "{not json",
        "[]",
        {"detail-type": "Something Else", "detail": {}},
        {"detail-type": "Task Requested"},
        {"owner": "nobody", "task": {}},
        {"owner": "acme", "task": "a fox"},
        {"owner": "acme", "task": {"model": "midjourney", "prompt": "x"}},
        {"owner": "acme", "key_id": "nobody", "task": {"model": "seedream-4.5", "prompt": "x"}},
        {"owner": 7},
    ],
)
def test_an_event_that_cannot_be_taken_is_answered_by_an_event_and_not_repeated(
    body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from darkroom.webhooks.event_bus import TaskEvents

    make_key()
    said: list[Any] = []
    monkeypatch.setattr(TaskEvents, "reject", lambda self, detail: said.append(detail))
    assert intake(body) == []
    assert len(said) == 1
    assert said[0]["error"]["message"]
    assert owners_tasks("acme") == 0


def test_usage_can_be_had_as_csv() -> None:
    key = make_key()["api_key"]
    _, task = post(key)
    ask("submit", "POST", f"/v1/tasks/{task['task_id']}/cancel", key=key)
    status, text = ask("status", "GET", "/v1/usage", key=key, query={"format": "csv"})
    assert status == 200
    head, line, *_ = text.splitlines()
    assert head.startswith("month,model,provider,tasks")
    assert "seedream-4.5,evolink,1,0,0,1,0,0.00" in line
    assert ask("status", "GET", "/v1/usage", key=key, query={"format": "xml"})[0] == 400


def test_nothing_of_a_key_is_kept_but_its_digest() -> None:
    made = make_key()
    assert made["api_key"] not in str(boto3.client("dynamodb").scan(TableName=ACCOUNTS)["Items"])
    assert AccountLedger(boto3.client("dynamodb"), ACCOUNTS).find("acme") is None
    assert store().get("task_none") is None
