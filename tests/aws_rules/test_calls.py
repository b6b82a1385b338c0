"""No call is larger than AWS takes: integration tests are held to it, and what works in parts is tried here."""

from typing import Any

import boto3
import pytest

from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.aws.queues import Queues
from darkroom.images.object_store import ObjectStore
from darkroom.settings import Settings
from darkroom.tasks.messages import Poll
from darkroom.tasks.store import TaskStore
from tests.integration.aws_limits import TooMuch
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, emulated_aws, shared_session

TOO_MUCH: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "batch_get_item", {"RequestItems": {TASKS: {"Keys": [{"task_id": {"S": str(n)}} for n in range(101)]}}}),
    ("dynamodb", "put_item", {"TableName": TASKS, "Item": {"task_id": {"S": "x"}, "text": {"S": "x" * 410_000}}}),
    ("sqs", "send_message_batch", {"QueueUrl": "q", "Entries": [{"Id": str(n), "MessageBody": "x"} for n in range(11)]}),
    ("sqs", "send_message", {"QueueUrl": "q", "MessageBody": "x", "DelaySeconds": 901}),
    ("events", "put_events", {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "x" * 300_000}]}),
    ("s3", "delete_objects", {"Bucket": BUCKET, "Delete": {"Objects": [{"Key": str(n)} for n in range(1001)]}}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "call"), TOO_MUCH, ids=[each[1] for each in TOO_MUCH])
def test_a_call_that_aws_would_refuse_fails_an_integration_test(
    service: str, operation: str, call: dict[str, Any]
) -> None:
    with emulated_aws(), pytest.raises(TooMuch):
        getattr(boto3.client(service, region_name="us-east-1"), operation)(**call)  # type: ignore[call-overload]


def test_what_works_in_parts_makes_no_part_too_large() -> None:
    with emulated_aws():
        sqs: Any = boto3.client("sqs", region_name="us-east-1")
        url = sqs.create_queue(QueueName="look")["QueueUrl"]
        settings = Settings({"DARKROOM_LOOK_QUEUE_URL": url})
        Queues(sqs, settings).send_all([Poll(f"task_{number}") for number in range(25)])
        s3: Any = shared_session().client("s3")
        for number in range(1010):
            s3.put_object(Bucket=BUCKET, Key=f"tasks/o/t/{number}", Body=b"x")
        ObjectStore(s3, BUCKET).delete_task("o", "t")
        assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
        dynamodb: Any = shared_session().client("dynamodb")
        assert (
            TaskStore(dynamodb, TASKS, TaskAccounting(ACCOUNTS)).get_many([f"task_{number}" for number in range(100)])
            == {}
        )
