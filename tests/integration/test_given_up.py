"""What was given up on, by the handlers: kept batches counted and announced again, failures counted as metrics."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from darkroom.observability import logger
from darkroom.operations.kept_failures import PREFIX, KeptFailures, UnreadableFailure
from darkroom.operations.reconciliation import Findings
from darkroom.tasks import transitions
from darkroom.tasks.item import write_item
from darkroom.tasks.task import Entry, Task
from darkroom.webhooks.event_bus import TaskEvents
from tests.emitted import emitted
from tests.integration.deployment import API_KEY, add_key, call, deployed, event, store
from tests.integration.emulated_aws import BUCKET
from tests.unit.tasks.test_transitions import NOW, copying, stored

ADMIN = "dk_admin"
KEY = (
    f"{PREFIX}6a1b1f52-7d1c-4d4b-9b1e-0f1c2d3e4f50/shardId-00000001795230000000-864758bb/2026/11/21/2026-11-21T03.13.49"
)


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with deployed(monkeypatch):
        sqs = boto3.client("sqs")
        for name in ("LOOK", "GENERATE", "INGEST", "WEBHOOK", "INTAKE"):
            url = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
            monkeypatch.setenv(f"DARKROOM_{name}_DEAD_LETTERS_URL", url)
        add_key(ADMIN, "admin", admin=True)
        yield


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks whose event went out."""
    tasks: list[str] = []
    monkeypatch.setattr(TaskEvents, "announce", lambda self, task: tasks.append(task.task_id))
    return tasks


def admin(method: str, path: str, body: Any = None, *, seconds: float = 29) -> tuple[int, Any]:
    sent = event("http.post_task")
    sent["rawPath"] = sent["requestContext"]["http"]["path"] = f"/v1/admin{path}"
    sent["routeKey"] = sent["requestContext"]["routeKey"] = f"{method} /v1/admin{path}"
    sent["requestContext"]["http"]["method"] = method
    sent["headers"]["authorization"] = f"Bearer {ADMIN}"
    sent["body"] = json.dumps(body or {})
    answer = call("admin", sent, seconds=seconds)
    return answer["statusCode"], json.loads(answer["body"])


def ended(number: int = 0) -> Task:
    """A task that has ended and was recorded, and that nobody was told of."""
    task = replace(copying(), task_id=f"task_01M7Y0K4SK2HQR5V5B4CM148F{number}", expires_at=4_000_000_000)
    task = replace(task, request=replace(task.request, callback_url="https://app.example/hook"))
    for index in (0, 1):
        task = transitions.store_image(task, index, stored(index), now=NOW)
    store().create(task)
    return task


def keep(*tasks: Task, name: str = "a", as_text: bool = False) -> None:
    """What Lambda puts into the bucket once it has given up on a batch."""
    kept = event("s3.notify_given_up")
    (record,) = kept["payload"]["Records"]
    kept["payload"]["Records"] = [
        {**record, "dynamodb": {**record["dynamodb"], "NewImage": write_item(task)}} for task in tasks
    ]
    if as_text:
        kept["payload"] = json.dumps(kept["payload"])
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"{KEY}-{name}", Body=json.dumps(kept).encode())


def kept_now() -> int:
    status, counted = admin("GET", "/dead-letters")
    assert status == 200
    counts: dict[str, int] = {line["queue"]: line["messages"] for line in counted["data"]}
    return counts["notify"]


@pytest.mark.parametrize("as_text", [False, True], ids=["an object", "text"])
def test_a_kept_batch_is_counted_announced_and_deleted(told: list[str], as_text: bool) -> None:
    tasks = [ended(number) for number in range(3)]
    keep(*tasks, as_text=as_text)
    assert kept_now() == 1
    assert admin("POST", "/dead-letters/notify/redrive") == (200, {"queue": "notify", "sent": 3})
    assert told == [task.task_id for task in tasks]
    assert kept_now() == 0
    url = boto3.client("sqs").get_queue_url(QueueName="WEBHOOK")["QueueUrl"]
    found = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert found["Attributes"]["ApproximateNumberOfMessages"] == "3"
    current = store().get(tasks[0].task_id)
    assert current is not None
    assert current.announced


def test_what_was_announced_meanwhile_is_not_announced_again(told: list[str]) -> None:
    task, other = ended(0), ended(1)
    keep(task, other)
    store().mark_announced(task)
    assert admin("POST", "/dead-letters/notify/redrive")[1]["sent"] == 2
    assert told == [other.task_id]
    assert kept_now() == 0


def test_a_batch_that_fails_is_kept_and_stands_before_no_other(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"{KEY}-0", Body=b"\xff no batch")
    task = ended()
    keep(task, name="1")
    assert admin("POST", "/dead-letters/notify/redrive")[1]["sent"] == 1
    assert told == [task.task_id]
    assert kept_now() == 1
    # Where nothing goes through, the caller is told.
    assert admin("POST", "/dead-letters/notify/redrive")[0] == 500


def test_a_batch_is_deleted_only_once_all_of_it_was_announced(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = ended(0), ended(1)
    keep(first, second)

    def refuse_the_second(self: TaskEvents, task: Task) -> None:
        if task.task_id == second.task_id:
            raise ConnectionError("no bus")
        told.append(task.task_id)

    with monkeypatch.context() as patched:
        patched.setattr(TaskEvents, "announce", refuse_the_second)
        assert admin("POST", "/dead-letters/notify/redrive")[0] == 500
    assert kept_now() == 1
    assert admin("POST", "/dead-letters/notify/redrive")[1]["sent"] == 2
    assert told == [first.task_id, second.task_id]


def test_a_redrive_stops_at_its_limit_and_before_its_time_is_up(told: list[str]) -> None:
    for number in range(4):
        keep(ended(number), name=str(number))
    assert admin("POST", "/dead-letters/notify/redrive", {"limit": 2})[1]["sent"] == 2
    assert admin("POST", "/dead-letters/notify/redrive", seconds=7)[1]["sent"] == 0
    assert len(told) == kept_now() == 2
    boto3.client("sqs").send_message(
        QueueUrl=boto3.client("sqs").get_queue_url(QueueName="LOOK-dead")["QueueUrl"], MessageBody="m"
    )
    assert admin("POST", "/dead-letters/look/redrive", seconds=7)[1]["sent"] == 0
    assert admin("POST", "/dead-letters/look/redrive")[1]["sent"] == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"payload": "{"}', b'{"payload": {"Records": [{}]}}', b'{"payload": {"Records": 1}}']
)
def test_an_object_that_is_no_batch_is_told_apart(body: bytes) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=body)
    with pytest.raises(UnreadableFailure, match="not a batch that Lambda kept"):
        KeptFailures(boto3.client("s3"), BUCKET).records(KEY)


def test_the_reconciler_announces_and_counts_by_its_handler(
    told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    task = ended()
    keep(task)
    found = call("reconcile", {}, seconds=300)
    assert {name: value for name, value in found.items() if value} == {"announced": 1, "overdue": 1, "given_up": 1}
    assert set(found) == {*Findings.__slots__, "erasing"}
    assert told == [task.task_id]
    metrics = emitted(capsys.readouterr().out)
    assert ("MessageGivenUp", 1, {}) in metrics
    assert ("Overdue", 1, {}) in metrics
    assert ("TaskEnded", 1, {"status": "completed"}) in metrics


# What fails is counted where Lambda itself sees no error


def test_every_record_that_fails_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    sent = event("sqs.delivery")
    sent["Records"] = [sent["Records"][1], {**sent["Records"][1], "messageId": "another"}]
    assert len(call("deliver", sent)["batchItemFailures"]) == 2
    assert emitted(capsys.readouterr().out) == [("RecordFailed", 1, {})] * 2


def test_an_error_that_a_dialect_answers_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from darkroom.accounts.keys import AccountStore

    def broken(*_: object) -> None:
        raise RuntimeError("no table")

    sent = event("http.dialect")
    sent["headers"]["authorization"] = f"Bearer {API_KEY}"
    with monkeypatch.context() as patched:
        patched.setattr(AccountStore, "find_key", broken)
        assert call("dialects", sent, seconds=10)["statusCode"] == 500
    assert ("RecordFailed", 1, {}) in emitted(capsys.readouterr().out)


def test_a_forged_callback_is_a_providers_trouble(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logged: list[Any] = []
    monkeypatch.setattr(logger, "warning", lambda message, extra: logged.append((message, extra["trouble"])))
    store().create(copying())
    assert call("callback", event("http.callback"))["statusCode"] == 403
    output = capsys.readouterr().out
    assert emitted(output) == [("CallbackReceived", 1, {"verdict": "forged"}), ("ProviderTrouble", 1, {})]
    assert logged == [("provider trouble", "a forged callback")]


# A webhook tells of an end: nobody waits any more, so nothing is estimated


def test_a_dialects_webhook_reads_no_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    task = replace(ended(9), entry=Entry("evolink", "doubao-seedream-4.5"))
    store().delete(task)
    store().create(task)
    asked: list[str] = []

    def watch(self: Any, operation: str, parameters: Any) -> Any:
        asked.append(operation)
        return call_aws(self, operation, parameters)

    from botocore.client import BaseClient

    call_aws = BaseClient._make_api_call  # type: ignore[attr-defined]
    sent = event("sqs.delivery")
    del sent["Records"][1]
    sent["Records"][0]["body"] = json.dumps({"task_id": task.task_id})
    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", watch)
        assert call("deliver", sent) == {"batchItemFailures": []}
    assert "PutItem" in asked, "nothing was tried"
    assert "Query" not in asked
