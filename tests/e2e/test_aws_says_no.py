"""The local AWS says no where AWS does: delays, loops through queues, strange identifiers. Each rule with its source."""

import io
import json
import time
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.stack.deployment import STACK
from tests.e2e.conftest import Api
from tests.e2e.test_local_stack import code_of, role_of

LOOP = """
import os
import boto3
def handler(event, context):
    for record in event["Records"]:
        number = int(record["body"])
        print("number", number)
        if number < 24:
            sqs = boto3.client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
            sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=str(number + 1))
    return {"batchItemFailures": []}
"""
STRANGER = """
import json
def handler(event, context):
    print("number", event["Records"][0]["attributes"]["ApproximateReceiveCount"])
    return {"batchItemFailures": [{"itemIdentifier": "of-another-batch"}]}
"""


@contextmanager
def fed(api: Api, code: str, role: str, *, allow: bool = False) -> Iterator[tuple[str, str]]:
    """A function of this code, fed by a queue of its own: the queue, and the function's name."""
    client = api.stack.emulator.client
    functions, sqs = client("lambda"), client("sqs")
    name, package = f"rule-{uuid.uuid4().hex}", io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", code)
    queue = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": package.getvalue()},
        Environment={"Variables": {"QUEUE": queue}},
    )
    if allow:
        functions.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    source = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mapping = functions.create_event_source_mapping(
        FunctionName=name, EventSourceArn=source, BatchSize=1, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    try:
        yield queue, name
    finally:
        functions.delete_event_source_mapping(UUID=mapping["UUID"])
        functions.delete_function(FunctionName=name)
        sqs.delete_queue(QueueUrl=queue)


@pytest.fixture
def sender(api: Api) -> Iterator[str]:
    """A role that may send to any queue: that of the looping function."""
    iam, name = api.stack.emulator.client("iam"), f"sender-{uuid.uuid4().hex}"
    trust: Any = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
    policy = {"Statement": [{"Effect": "Allow", "Action": ["sqs:*", "logs:*"], "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
    yield role
    iam.delete_role_policy(RoleName=name, PolicyName="all")
    iam.delete_role(RoleName=name)


def numbers(api: Api, function: str, *, until: int, patience: float = 30) -> list[int]:
    """What the function says it was given, once `until` is among it or it has been quiet for some seconds."""
    logs, seen = api.stack.emulator.client("logs"), list[int]()
    ends_at = time.monotonic() + patience
    quiet_at = time.monotonic() + 6
    while until not in seen and time.monotonic() < min(ends_at, quiet_at):
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            events = []
        lines = [event["message"].strip() for event in events]
        found = [int(line.split()[1]) for line in lines if line.startswith("number ")]
        if len(found) > len(seen):
            quiet_at = time.monotonic() + 6
        seen = found
        time.sleep(0.2)
    return seen


def test_no_message_waits_for_more_than_fifteen_minutes(api: Api) -> None:
    """SQS API Reference, SendMessage: DelaySeconds from 0 to 900."""
    sqs, queue = api.stack.emulator.client("sqs"), api.stack.state()["queues"]["look"]
    with pytest.raises(ClientError, match="DelaySeconds") as refused:
        sqs.send_message(QueueUrl=queue, MessageBody="{}", DelaySeconds=901)
    assert code_of(refused) == "InvalidParameterValue"


@pytest.mark.parametrize(("allow", "last"), [(False, range(14, 18)), (True, range(24, 25))])
def test_a_function_that_feeds_itself_is_stopped_unless_it_is_allowed(
    api: Api, sender: str, allow: bool, last: range
) -> None:
    """Lambda Developer Guide, recursive loop detection: ended after about 16 rounds, through SQS too."""
    with fed(api, LOOP, sender, allow=allow) as (queue, function):
        api.stack.emulator.client("sqs").send_message(QueueUrl=queue, MessageBody="1")
        assert max(numbers(api, function, until=24)) in last


def test_every_function_of_ours_that_feeds_itself_is_allowed_to(api: Api) -> None:
    client = api.stack.emulator.client
    found = client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    names = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
    for logical in ("GenerateFunction", "IngestFunction", "TrackFunction", "DeliverFunction", "IntakeFunction"):
        config = client("lambda").get_function_recursion_config(FunctionName=names[logical])
        assert config["RecursiveLoop"] == "Allow", logical


def test_a_batch_with_a_strange_identifier_has_failed_as_a_whole(api: Api) -> None:
    """Lambda Developer Guide, Handling errors for an SQS event source: a bad itemIdentifier is a complete failure."""
    with fed(api, STRANGER, role_of(api, "StatusFunction")) as (queue, function):
        api.stack.emulator.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
        assert 2 in numbers(api, function, until=2), "it did not come again"
