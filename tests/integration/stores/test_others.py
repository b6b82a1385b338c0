"""The bucket, the queues, the keys, the deliveries, the secrets and the bus."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials as AwsCredentials
from botocore.session import get_session

from darkroom.domain.task import StoredImage, Task
from darkroom.domain.update import Status
from darkroom.services.deletion import Deletion
from darkroom.settings import SettingMissing, Settings
from darkroom.stores.accounts import AccountStore, key_digest
from darkroom.stores.deliveries import DeliveryAttempt, DeliveryConflict, DeliveryLog, DeliveryStore
from darkroom.stores.event_bus import EventNotTaken, TaskEvents
from darkroom.stores.links import LinkSigner
from darkroom.stores.objects import KeptCallback, NotDeleted, ObjectStore, image_key
from darkroom.stores.queues import Copy, Delivery, Look, NotQueued, Queues, Submission, read_message, readable
from darkroom.stores.secrets import Credentials, NoCredential, SigningKeys
from darkroom.stores.tasks import TaskStore
from tests.integration.aws import ACCOUNTS, BUCKET, TASKS, emulated_aws
from tests.pictures import picture
from tests.unit.domain.test_transitions import NOW, a_task


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with emulated_aws():
        yield


TASK = a_task(nonce="a1")


def image(content: bytes, task: Task = TASK) -> StoredImage:
    digest = hashlib.sha256(content).hexdigest()
    return StoredImage(image_key(task, 0, "png"), "image/png", len(content), 8, 6, digest)


def test_an_image_is_stored_once_and_the_first_one_stays() -> None:
    objects = ObjectStore(boto3.client("s3"), BUCKET)
    first, second = picture(size=(8, 6)), picture(size=(9, 6))
    assert objects.put_image(image(first), BytesIO(first)) == image(first)
    again = objects.put_image(replace(image(second), width=9), BytesIO(second))
    assert again == image(first)
    assert objects.read(image(first).key) == first
    assert objects.find_image(TASK, 0) == image(first)
    assert objects.find_image(TASK, 1) is None


def test_a_picture_of_an_earlier_record_with_the_same_id_is_not_believed() -> None:
    objects = ObjectStore(boto3.client("s3"), BUCKET)
    old, new = picture(size=(8, 6)), picture(size=(9, 6))
    objects.put_image(image(old), BytesIO(old))
    later = replace(TASK, nonce="a12")
    assert objects.find_image(later, 0) is None
    made = replace(image(new, later), width=9)
    assert objects.put_image(made, BytesIO(new)) == made
    assert objects.read(made.key) == new
    assert objects.read(image(old).key) == old


def test_callbacks_are_kept_as_they_came_and_once_each() -> None:
    objects = ObjectStore(boto3.client("s3"), BUCKET)
    later = KeptCallback("evolink", 20, {"x": "2"}, b"\xff\x00later")
    earlier = KeptCallback("evolink", 10, {"x": "1"}, b"earlier")
    for kept in (later, earlier, later):
        objects.keep_callback("o", "t", kept)
    assert list(objects.kept_callbacks("o", "t")) == [earlier, later]


def test_deleting_a_task_leaves_everybody_elses_things() -> None:
    objects = ObjectStore(boto3.client("s3"), BUCKET)
    mine = ["tasks/o/t/0.png", "tasks/o/t/references/0", "callbacks/o/t/a.json", "results/o/t/1-0"]
    others = ["tasks/o/t2/0.png", "tasks/o2/t/0.png", "callbacks/o/t2/a.json"]
    for key in (*mine, *others):
        objects.put(key, b"x")
    objects.delete_task("o", "t")
    left = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert sorted(entry["Key"] for entry in left) == sorted(others)


class Unwilling:
    """An S3 that does not delete some keys, as often as told, and answers 200 all the same."""

    def __init__(self, refused: dict[str, int]) -> None:
        self._client = boto3.client("s3")
        self._refused = refused

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def delete_objects(self, **parameters: Any) -> dict[str, Any]:
        keys = [entry["Key"] for entry in parameters["Delete"]["Objects"]]
        refused = [key for key in keys if self._refused.get(key, 0)]
        for key in keys:
            if key in refused:
                self._refused[key] -= 1
            else:
                self._client.delete_object(Bucket=BUCKET, Key=key)
        return {"Errors": [{"Key": key, "Code": "InternalError", "Message": "x"} for key in refused]}


def test_an_object_that_is_not_deleted_at_first_is_tried_once_more() -> None:
    unwilling: Any = Unwilling({"tasks/o/t/0.png": 1})
    objects = ObjectStore(unwilling, BUCKET)
    for key in ("tasks/o/t/0.png", "tasks/o/t/1.png"):
        objects.put(key, b"x")
    objects.delete_task("o", "t")
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=BUCKET)


def test_objects_that_stay_keep_the_record_of_their_task() -> None:
    unwilling: Any = Unwilling({"tasks/owner/task_1/0.png": 2})
    objects = ObjectStore(unwilling, BUCKET)
    objects.put("tasks/owner/task_1/0.png", b"x")
    dynamodb = boto3.client("dynamodb")
    tasks = TaskStore(dynamodb, TASKS, ACCOUNTS, clock=lambda: NOW)
    task = a_task(task_id="task_1", status=Status.COMPLETED)
    tasks.create(task)
    with pytest.raises(NotDeleted, match="1 objects: InternalError"):
        Deletion(tasks=tasks, objects=objects).delete(task)
    assert tasks.get("task_1") == task
    Deletion(tasks=tasks, objects=objects).delete(task)
    assert tasks.get("task_1") is None


def test_a_link_is_the_same_within_its_window_and_outlives_half_its_life() -> None:
    signer = LinkSigner.from_session(get_session(), BUCKET, "us-east-1", link_seconds=3600)
    start = 1_780_000_200_000
    one, two = signer.sign("tasks/o/t/ä 0.png", start), signer.sign("tasks/o/t/ä 0.png", start + 1_000_000)
    assert one == two
    assert one.url.startswith(f"https://{BUCKET}.s3.us-east-1.amazonaws.com/tasks/o/t/%C3%A4%200.png?X-Amz-")
    assert one.expires_at - start / 1000 >= 1800
    assert signer.sign("tasks/o/t/0.png", start + 1_900_000).expires_at > one.expires_at


def test_other_credentials_give_another_link_at_once() -> None:
    credentials = AwsCredentials("AKIAFIRST", "secret")
    signer = LinkSigner(credentials, BUCKET, "us-east-1", link_seconds=3600)
    before = signer.sign("tasks/o/t/0.png", 1_780_000_200_000)
    credentials.access_key = "AKIAROTATED"
    assert signer.sign("tasks/o/t/0.png", 1_780_000_200_000).url != before.url


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
        ("look", Look("t", 3, sent_at=5)),
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
    queues.send(Look("t"), wait=100_000)
    queues.send(Look("t"), wait=0)
    queues.send_at(Look("t"), 5_000, now=0)
    queues.send_at(Look("t"), 0, now=5_000)
    assert recorder.delays == [900, 0, 5, 0]
    queues.send_all(Copy("t", index) for index in range(15))
    assert recorder.delays[4:] == [10, 5]
    refused: Any = Recorder(failed=True)
    with pytest.raises(NotQueued):
        Queues(refused, Settings(url)).send_all([Copy("t", 0)])


@pytest.mark.parametrize("body", ["", "x", "[]", "1", "null", '{"task": 1}', "{}", "[" * 10**5])
def test_a_strange_message_is_no_message(body: str) -> None:
    with pytest.raises(ValueError, match="not a Look message"):
        read_message(Look, body)
    assert list(readable(Look, [("1", body), ("2", '{"task_id": "t"}')])) == [("2", Look("t"))]


def test_a_key_is_known_by_its_digest_alone() -> None:
    client = boto3.client("dynamodb")
    item: Any = {
        "pk": {"S": f"key#{key_digest('dk_1')}"},
        "sk": {"S": "key"},
        "owner": {"S": "me"},
        "admin": {"BOOL": True},
    }
    client.put_item(TableName=ACCOUNTS, Item=item)
    accounts = AccountStore(client, ACCOUNTS)
    found = accounts.find_key("dk_1")
    assert found is not None
    assert (found.owner, found.admin, found.disabled) == ("me", True, False)
    assert accounts.find_key("dk_2") is None
    assert accounts.find_key("\ud800") is None


def test_a_delivery_log_is_written_by_one_at_a_time() -> None:
    client = boto3.client("dynamodb")
    TaskStore(client, TASKS, ACCOUNTS, clock=lambda: NOW).create(a_task(task_id="t"))
    store = DeliveryStore(client, TASKS, clock=lambda: 0)
    log = DeliveryLog("t", "o", "https://app.example/", 9)
    saved = store.save(log.with_attempt(DeliveryAttempt(1, 0, 1, 5)))
    with pytest.raises(DeliveryConflict):
        store.save(log)
    done = store.save(saved.with_attempt(DeliveryAttempt(1, 0, 1, 5, done=True, status=200)))
    assert store.get("t") == done
    assert len(done.attempts) == 1


def test_an_event_that_is_not_taken_is_an_error() -> None:
    class Bus:
        def put_events(self, **_: Any) -> dict[str, Any]:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorMessage": "no"}]}

    bus: Any = Bus()
    task = a_task(status="completed")
    with pytest.raises(EventNotTaken, match="no"):
        TaskEvents(bus, "bus", lambda task: {}).announce(task)


def test_secrets_rotate_with_two_valid() -> None:
    fresh = SigningKeys("s", lambda name: {"identity": "i", "callback": []})
    rotated = SigningKeys("s", lambda name: {"identity": "i", "callback": ["new", "old"]})
    assert len(fresh.callback()) == 1
    assert rotated.callback() == [b"new", b"old"]
    assert fresh.identity() == rotated.identity() != fresh.callback()[0]


def test_every_owner_has_a_webhook_secret_that_nothing_else_is_made_of() -> None:
    keys = SigningKeys("s", lambda name: {"identity": "i", "callback": []})
    assert keys.webhook("a") != keys.webhook("b")
    derived = base64.b64decode(keys.webhook("a").removeprefix("whsec_"))
    assert len(derived) == 32
    assert derived not in {keys.identity(), keys.access(), *keys.callback()}
    assert keys.shared_webhook() == []


def test_what_an_operator_gave_to_receivers_of_an_earlier_release_signs_beside() -> None:
    def shared(webhook: Any) -> list[str]:
        return SigningKeys("s", lambda name: {"identity": "i", "callback": [], "webhook": webhook}).shared_webhook()

    assert shared({"current": "a|b", "previous": "whsec_MfKQ9r8G"}) == ["whsec_YXxi", "whsec_MfKQ9r8G"]
    assert shared({"current": "a|b", "previous": ""}) == ["whsec_YXxi"]
    assert shared({"previous": "a|b"}) == ["whsec_YXxi"]
    assert shared(None) == shared({}) == []


def test_a_task_keeps_the_credential_that_it_was_submitted_with() -> None:
    secret = {
        "evolink": {"api_key": "k"},
        "qingbo": {"current": "b", "credentials": {"a": {"api_key": "1"}, "b": {"api_key": "2"}}},
        "unused": "text",
        "acedata": {},
    }
    credentials = Credentials("p", lambda name: secret)
    assert credentials.available() == {"evolink", "qingbo"}
    assert (credentials.current("evolink"), credentials.current("qingbo")) == ("default", "b")
    assert credentials.fields("qingbo", "a") == {"api_key": "1"}
    for provider, name in (("acedata", "default"), ("qingbo", "c"), ("nobody", "default")):
        with pytest.raises(NoCredential):
            credentials.fields(provider, name)


def test_a_setting_that_is_not_there_says_so() -> None:
    with pytest.raises(SettingMissing, match="DARKROOM_BUCKET"):
        _ = Settings({}).bucket
    assert Settings({"DARKROOM_PUBLIC_URL": "https://x/"}).public_url == "https://x"
    assert json.dumps(Settings({}).link_seconds) == "3600"
