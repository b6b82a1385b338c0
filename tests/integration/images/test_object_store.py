"""The bucket: images, callbacks as they came, and what is deleted with a task."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import boto3
import pytest

from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.images.object_store import KeptCallback, NotDeleted, ObjectStore, image_key
from darkroom.operations.deletion import Deletion
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import StoredImage, Task
from darkroom.tasks.update import Status
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, emulated_aws
from tests.pictures import picture
from tests.unit.tasks.test_transitions import NOW, a_task


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
    tasks = TaskStore(dynamodb, TASKS, TaskAccounting(ACCOUNTS), clock=lambda: NOW)
    task = a_task(task_id="task_1", status=Status.COMPLETED)
    tasks.create(task)
    with pytest.raises(NotDeleted, match="1 objects: InternalError"):
        Deletion(tasks=tasks, objects=objects).delete(task)
    assert tasks.get("task_1") == task
    Deletion(tasks=tasks, objects=objects).delete(task)
    assert tasks.get("task_1") is None
