"""What we rely on in the emulator, and that the stack in it is the template's. Run on every bump of its version."""

import io
import json
import time
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.stack.deployment import API_ID, STACK
from local.stack.emulator import REGION
from local.template.reading import read_template, resources
from tests.e2e.conftest import Api

REPORTER = """
import json
def handler(event, context):
    print(json.dumps([[r["body"], r["attributes"]["ApproximateReceiveCount"]] for r in event["Records"]]))
    bad = [r["messageId"] for r in event["Records"] if r["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in bad]}
"""


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return refused.value.response["Error"]["Code"]


def role_of(api: Api, function: str) -> str:
    """The role of one of the stack's functions."""
    client = api.stack.emulator.client
    names = client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    (name,) = (each["PhysicalResourceId"] for each in names if each["LogicalResourceId"] == function)
    role: str = client("lambda").get_function_configuration(FunctionName=name)["Role"]
    return role


@pytest.fixture
def queue(api: Api) -> Iterator[str]:
    """A queue of our own, beside the stack's."""
    sqs = api.stack.emulator.client("sqs")
    name = f"scratch-{uuid.uuid4().hex}"
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def test_the_routes_are_the_templates(api: Api) -> None:
    live = api.stack.emulator.client("apigatewayv2").get_routes(ApiId=API_ID)["Items"]
    declared = resources(read_template(), "AWS::ApiGatewayV2::Route").values()
    assert {route["RouteKey"] for route in live} == {route["Properties"]["RouteKey"] for route in declared}


def test_what_its_cloudformation_drops_has_been_set(api: Api) -> None:
    dynamodb, tasks = api.stack.emulator.client("dynamodb"), api.stack.outputs["TasksTable"]
    ttl = dynamodb.describe_time_to_live(TableName=tasks)["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at")
    for table in (tasks, api.stack.outputs["AccountsTable"]):
        backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    bucket = api.stack.outputs["Bucket"]
    rules = api.stack.emulator.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    days = {rule["ID"]: rule["Expiration"]["Days"] for rule in rules if "Expiration" in rule}
    assert days == {"tasks": 30, "callbacks": 7, "results": 7, "given-up": 14, "inbox": 1}


def test_an_object_that_exists_is_not_written_again(api: Api) -> None:
    s3, bucket, key = api.stack.emulator.client("s3"), api.stack.outputs["Bucket"], f"scratch/{uuid.uuid4().hex}"
    s3.put_object(Bucket=bucket, Key=key, Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key=key, Body=b"second", IfNoneMatch="*")
    assert code_of(refused) == "PreconditionFailed"
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"first"


def test_a_cancelled_transaction_leaves_nothing_and_says_which_condition_failed(api: Api) -> None:
    dynamodb, table = api.stack.emulator.client("dynamodb"), api.stack.outputs["AccountsTable"]
    there, absent = {"pk": {"S": uuid.uuid4().hex}, "sk": {"S": "x"}}, {"pk": {"S": uuid.uuid4().hex}, "sk": {"S": "x"}}
    dynamodb.put_item(TableName=table, Item=there)
    only_new = {"TableName": table, "ConditionExpression": "attribute_not_exists(pk)"}
    puts = [{"Put": {**only_new, "Item": absent}}, {"Put": {**only_new, "Item": there}}]
    with pytest.raises(ClientError) as refused:
        dynamodb.transact_write_items(TransactItems=puts)
    reasons: Any = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert "Item" not in dynamodb.get_item(TableName=table, Key=absent)


def test_a_delayed_message_comes_later(api: Api, queue: str) -> None:
    sqs = api.stack.emulator.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=1)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert message["Body"] == "later"


def test_only_the_failed_message_of_a_batch_comes_again(api: Api, queue: str) -> None:
    emulator = api.stack.emulator
    functions, sqs, logs = emulator.client("lambda"), emulator.client("sqs"), emulator.client("logs")
    name, package = f"reporter-{uuid.uuid4().hex}", io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", REPORTER)
    sqs.send_message_batch(
        QueueUrl=queue, Entries=[{"Id": body, "MessageBody": body} for body in ("good", "bad", "fine")]
    )
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role=role_of(api, "StatusFunction"),
        Code={"ZipFile": package.getvalue()},
    )
    source = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mapping = functions.create_event_source_mapping(
        FunctionName=name, EventSourceArn=source, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    try:
        seen = received(logs, f"/aws/lambda/{name}", until=["bad", "2"])
    finally:
        functions.delete_event_source_mapping(UUID=mapping["UUID"])
        functions.delete_function(FunctionName=name)
    assert sorted(seen)[-3:] == [["bad", "2"], ["fine", "1"], ["good", "1"]]


def received(logs: Any, group: str, until: list[str], patience: float = 30) -> list[list[str]]:
    """The messages that the function says it got, each with its count, once one of them is among them."""
    ends_at = time.monotonic() + patience
    while time.monotonic() < ends_at:
        try:
            events = logs.filter_log_events(logGroupName=group)["events"]
        except logs.exceptions.ResourceNotFoundException:
            events = []
        lines = [event["message"].strip() for event in events]
        seen: list[list[str]] = [each for line in lines if line.startswith("[[") for each in json.loads(line)]
        if until in seen:
            return seen
        time.sleep(0.1)
    raise AssertionError(f"{until} has not come within {patience} s")


def test_a_link_is_good_for_its_object_and_its_time_only(api: Api) -> None:
    bucket = api.stack.outputs["Bucket"]
    # It checks signatures of version 4 only.
    version = Config(signature_version="s3v4")
    s3 = api.stack.emulator.session.client("s3", endpoint_url=api.stack.emulator.url, config=version)
    for key in ("scratch/mine", "scratch/another"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"picture")

    def link(seconds: int) -> str:
        found: str = s3.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": "scratch/mine"}, ExpiresIn=seconds
        )
        return found

    good, short = link(60), link(1)
    assert httpx.get(good, trust_env=False).content == b"picture"
    assert httpx.get(good.replace("scratch/mine", "scratch/another"), trust_env=False).status_code == 403
    assert httpx.get(good.partition("?")[0], trust_env=False).status_code == 403
    ends_at = time.monotonic() + 10
    while httpx.get(short, trust_env=False).status_code == 200 and time.monotonic() < ends_at:
        time.sleep(0.1)
    assert httpx.get(short, trust_env=False).status_code == 403


def test_a_function_can_do_no_more_than_its_role(api: Api) -> None:
    sts = api.stack.emulator.client("sts")
    given = sts.assume_role(RoleArn=role_of(api, "StatusFunction"), RoleSessionName="test")["Credentials"]
    status = boto3.client(
        "dynamodb",
        endpoint_url=api.stack.emulator.url,
        region_name=REGION,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    table, key = api.stack.outputs["TasksTable"], {"task_id": {"S": "nobody"}}
    assert "Item" not in status.get_item(TableName=table, Key=key)
    with pytest.raises(ClientError) as refused:
        status.put_item(TableName=table, Item=key)
    assert code_of(refused) == "AccessDeniedException"


def test_what_the_functions_log_is_found_in_one_file(api: Api) -> None:
    task_id = api.finish({"model": "seedream-3.0", "provider": "evolink"})["task_id"]
    ends_at = time.monotonic() + 20
    while True:
        lines = [line for line in api.stack.logs.file.read_text().splitlines() if task_id in line]
        functions = {name for name in ("submit", "callback", "ingest") if any(name in line[:60] for line in lines)}
        if functions == {"submit", "callback", "ingest"}:
            return
        assert time.monotonic() < ends_at, f"only {functions}"
        time.sleep(0.2)
