"""After a rollback: what a later release left behind is read by every function, and stays as it was.

`events/records/from_the_future.json` has one of everything that is read back, with more fields at every level and with
words that this release does not know.
"""

import copy
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from darkroom.accounts.keys import key_digest
from darkroom.submission.in_flight_calls import InFlightCallStore
from local.paths import ROOT
from tests.integration.deployment import API_KEY, call, deployed, event, store
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS

_WRITTEN_AT = 1_780_000_000


def _as_of_now(text: str) -> str:
    """The records with their times moved, so that nothing of them has expired: seconds have ten digits, ms thirteen."""
    late = int(time.time()) - _WRITTEN_AT - 60
    return re.sub(r"\b(178\d{7})(\d{3})?\b", lambda found: f"{int(found[1]) + late}{found[2] or ''}", text)


_WRITTEN = (ROOT / "events" / "records" / "from_the_future.json").read_text()
FUTURE: dict[str, Any] = json.loads(_WRITTEN)
OPEN, ENDED = (item["task_id"]["S"] for item in json.loads(_WRITTEN)["tasks"])


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # As of every test, not of the run's start: waits are read for fifteen minutes, and a whole run takes as long.
    FUTURE.update(json.loads(_as_of_now(_WRITTEN)))
    with deployed(monkeypatch):
        for item in [*FUTURE["tasks"], FUTURE["delivery_log"], FUTURE["callback_notes"]]:
            put(TASKS, item)
        for item in FUTURE["accounts"]:
            put(ACCOUNTS, item)
        key = f"callbacks/owner/{ENDED}/evolink-0.json"
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(FUTURE["kept_callback"]).encode())
        yield


def put(table: str, item: dict[str, Any]) -> None:
    """Record an item, its document as the text that it is in the table."""
    written = json.dumps(item).replace("DIGEST", key_digest(API_KEY)).replace("TODAY", f"{datetime.now(UTC):%Y-%m-%d}")
    whole = json.loads(written)
    for name in ("document", "log"):
        if name in whole:
            whole[name] = {"S": json.dumps(whole[name])}
    boto3.client("dynamodb").put_item(TableName=table, Item=whole)


def recorded(task_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """An item of the tasks table, and the document in it."""
    found: Any = boto3.client("dynamodb").get_item(TableName=TASKS, Key={"task_id": {"S": task_id}})["Item"]
    return found, json.loads(found.get("document", found.get("log"))["S"])


def asked(function: str, method: str, path: str, **query: str) -> Any:
    """The body of an answer of 200."""
    sent = event("http.get_task")
    sent["rawPath"] = sent["requestContext"]["http"]["path"] = path
    sent["routeKey"] = sent["requestContext"]["routeKey"] = "$default"
    sent["requestContext"]["http"]["method"] = method
    sent["queryStringParameters"] = query
    sent["pathParameters"] = {}
    answer = call(function, sent)
    assert answer["statusCode"] == 200, answer["body"]
    return json.loads(answer["body"])


def test_a_look_up_shows_what_this_release_can_say() -> None:
    task = asked("status", "GET", f"/v1/tasks/{OPEN}")
    assert (task["status"], task["action"], task["provider"]) == ("processing", "edit", "evolink")
    assert task["attempts"] == [{"provider": "evolink", "status": "accepted"}]
    ended = asked("status", "GET", f"/v1/tasks/{ENDED}")
    assert ended["status"] == "completed"
    assert [image["status"] for image in ended["images"]] == ["stored", "failed"]
    assert ended["images"][1]["error"] == {
        "code": "provider_error", "message": "No pictures there.", "retryable": True,
    }  # fmt: skip


def test_lists_histories_and_logs_are_shown() -> None:
    listed = asked("status", "GET", "/v1/tasks")
    assert {task["task_id"] for task in listed["data"]} == {OPEN, ENDED}
    events = asked("status", "GET", f"/v1/tasks/{ENDED}/events")["data"]
    assert {"attempt_handed_over", "callback", "webhook_attempt"} <= {line["what"] for line in events}
    assert asked("status", "GET", f"/v1/tasks/{ENDED}/dispute")["callbacks"]
    assert asked("status", "GET", f"/v1/tasks/{ENDED}/webhook")["state"] == "pending"


def test_accounts_usage_and_scores_are_shown() -> None:
    account = asked("accounts", "GET", "/v1/account")
    assert account["balance"] == "10.00"
    ledger = asked("accounts", "GET", "/v1/account/ledger")
    assert [line["kind"] for line in ledger["data"]] == ["gift"]
    (line,) = asked("status", "GET", "/v1/usage", month="2026-05")["data"]
    assert (line["completed"], line["credits"]) == (1, "1.80")
    offers = [offer for model in asked("status", "GET", "/v1/models")["data"] for offer in model["offers"]]
    measured = next(
        offer for offer in offers if offer["upstream_model"] == "doubao-seedream-4.5" and offer["provider"] == "evolink"
    )
    assert measured["measured"]["completed"] == 3
    assert asked("admin", "GET", "/v1/admin/keys", owner="owner")["object"] == "list"


@pytest.mark.parametrize("function", FUTURE["messages"])
def test_a_message_is_worked_off(function: str) -> None:
    names = {"track": "look", "generate": "submission", "ingest": "copy", "deliver": "delivery"}
    sent = event(f"sqs.{names[function]}")
    del sent["Records"][1]
    sent["Records"][0]["body"] = json.dumps(FUTURE["messages"][function])
    assert call(function, sent, seconds=60) == {"batchItemFailures": []}


def test_an_end_of_a_later_kind_is_announced_once() -> None:
    sent = event("stream.task_completed")
    images = sent["Records"][0]["dynamodb"]
    images["NewImage"], _ = recorded(ENDED)
    images["OldImage"], _ = recorded(OPEN)
    images["ApproximateCreationDateTime"] = time.time()
    assert call("notify", sent) == {"batchItemFailures": []}
    url = boto3.client("sqs").get_queue_url(QueueName="WEBHOOK")["QueueUrl"]
    assert len(boto3.client("sqs").receive_message(QueueUrl=url).get("Messages", [])) == 1
    images["OldImage"] = images["NewImage"]
    assert call("notify", sent) == {"batchItemFailures": []}
    assert "Messages" not in boto3.client("sqs").receive_message(QueueUrl=url)


def test_a_change_of_ours_takes_nothing_away_from_a_task() -> None:
    before, document = recorded(OPEN)
    answered = asked("submit", "POST", f"/v1/tasks/{OPEN}/cancel")
    assert answered["status"] == "cancelled"
    after, changed = recorded(OPEN)
    assert (after["batch"], after["labels"]) == (before["batch"], before["labels"])
    ours = copy.deepcopy(document)
    for name in ("status", "version", "completed_at", "charged", "error", "history"):
        ours[name] = changed[name]
    for name in ("state", "failure"):
        ours["attempts"][0][name] = changed["attempts"][0][name]
    assert _held(changed, ours) == ours
    assert changed["history"][: len(document["history"])] == document["history"]


def test_an_attempt_of_ours_takes_nothing_away_from_a_delivery_log() -> None:
    _, before = recorded(f"webhook#{ENDED}")
    test_a_message_is_worked_off("deliver")
    _, after = recorded(f"webhook#{ENDED}")
    assert after["channel"] == before["channel"]
    assert _held(after, before)["attempts"][0] == before["attempts"][0]
    assert after["attempts"][1]["turn"] == 2


def _held(after: Any, before: Any) -> Any:
    """What a record holds of what it held before, without what this release writes besides."""
    if isinstance(before, dict):
        return {name: _held(after[name], inner) for name, inner in before.items()}
    if isinstance(before, list):
        return [_held(*pair) for pair in zip(after, before, strict=False)] + after[len(before) :]
    return after


def test_a_call_that_waits_is_found_again() -> None:
    put(TASKS, {"task_id": {"S": "answers#k"}, **FUTURE["awaited_answers"]})
    found = InFlightCallStore(boto3.client("dynamodb"), TASKS).find("k")
    (wait,) = found.waits
    assert (wait.task_id, wait.given, found.version) == (OPEN, False, 3)


def test_the_offers_of_a_provider_that_is_not_known_here_are_passed_over() -> None:
    # The one that is known refused; the next in line is one that only the later release can reach.
    item, document = recorded(OPEN)
    document["position"] = 1
    document["attempts"][0] |= {"state": "refused", "failure": None}
    boto3.client("dynamodb").put_item(TableName=TASKS, Item={**item, "document": {"S": json.dumps(document)}})
    sent = event("sqs.submission")
    del sent["Records"][1]
    sent["Records"][0]["body"] = json.dumps({"task_id": OPEN})
    assert call("generate", sent, seconds=60) == {"batchItemFailures": []}
    left = store().get(OPEN)
    assert left is not None
    assert left.attempts[-1].provider == "novaforge"
    assert left.attempts[-1].state.value == "refused"
    assert left.offer.provider == "evolink"
