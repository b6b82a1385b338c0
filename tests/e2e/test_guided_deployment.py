"""`make deploy` and `make destroy` with the real deployment tool, against an emulated AWS."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from local.deploying import __main__ as deploying
from local.deploying.guide import GaveUp, Guide
from local.paths import LAYER, ROOT, SAM
from local.stack.emulator import Emulator

pytestmark = pytest.mark.skipif(not SAM.exists(), reason="needs `make environments`")


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    made = Emulator()
    for name, value in {
        "AWS_ENDPOINT_URL": made.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    # A build of its own: what `make sam` built is for others to look at.
    monkeypatch.setattr(deploying, "SAM_BUILD", tmp_path / "build")
    yield made
    made.stop()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def guide(emulator: Emulator, keys: Path, **answers: str) -> Guide:
    environment = {
        "AWS_REGION": "us-east-1", "DARKROOM_STACK": "shop", "DARKROOM_YES": "1", "DARKROOM_KEYS_FILE": str(keys),
        "DARKROOM_CHECK_URL": f"{emulator.url}/_aws/execute-api/da4c0001", "DARKROOM_PARAMETER_LocalMode": "true",
        "DARKROOM_PARAMETER_Architecture": "x86_64",
    }  # fmt: skip
    return Guide(environment | answers, interactive=False)


def deploy(emulator: Emulator, keys: Path, **answers: str) -> str:
    """Deploy with these answers; all that was said."""
    made = guide(emulator, keys, **answers)
    deploying.deploy(made)
    return "\n".join(made.told)


def parameters() -> dict[str, str]:
    """What the stack was given."""
    found: Any = boto3.client("cloudformation").describe_stacks(StackName="shop")["Stacks"][0]["Parameters"]
    return {each["ParameterKey"]: each["ParameterValue"] for each in found}


def settings_of(logical: str) -> dict[str, str]:
    """A function's settings as it runs now."""
    resource: Any = boto3.client("cloudformation").describe_stack_resource(StackName="shop", LogicalResourceId=logical)
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    variables: dict[str, str] = boto3.client("lambda").get_function_configuration(FunctionName=name)["Environment"][
        "Variables"
    ]
    return variables


def test_a_stack_is_deployed_used_and_deleted(emulator: Emulator, keys: Path) -> None:
    said = deploy(emulator, keys, DARKROOM_EVOLINK_API_KEY="sk-evolink", DARKROOM_OWNER="acme")
    assert "The API answers." in said
    assert "Providers with a key: evolink" in said
    assert "CREATE_COMPLETE                  AWS::DynamoDB::Table  TasksTable" in said
    key = json.loads(keys.read_text())["api_key"]
    assert key not in said
    url = f"{emulator.url}/_aws/execute-api/da4c0001"
    headers = {"authorization": f"Bearer {key}"}
    # The layer is built for the runtime on AWS; of what this machine can run of it, a list needs no compiled part.
    answer = httpx.get(f"{url}/v1/tasks", headers=headers, timeout=30, trust_env=False)
    assert (answer.status_code, answer.json()["data"]) == (200, [])

    again = deploy(emulator, keys, DARKROOM_QINGBO_API_KEY="sk-qingbo")
    assert "Nothing has changed since the last deployment." in again
    assert "There are keys already" in again
    assert "evolink, qingbo" in again
    outputs: Any = boto3.client("cloudformation").describe_stacks(StackName="shop")["Stacks"][0]["Outputs"]
    secret = next(output["OutputValue"] for output in outputs if output["OutputKey"] == "ProviderSecret")
    stored = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    assert stored["evolink"] == {"api_key": "sk-evolink"}

    alone = guide(emulator, keys, DARKROOM_ACEDATA_API_KEY="sk-acedata")
    deploying.put_keys(alone)
    assert "There are keys already" in "\n".join(alone.told)
    stored = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    assert stored["acedata"] == {"api_key": "sk-acedata"}

    last = guide(emulator, keys)
    deploying.destroy(last)
    assert "were kept" in "\n".join(last.told)
    with pytest.raises(Exception, match="does not exist"):
        boto3.client("cloudformation").describe_stacks(StackName="shop")
    with pytest.raises(GaveUp, match="there is no stack shop"):
        deploying.destroy(guide(emulator, keys))
    with pytest.raises(GaveUp, match="there is no stack shop"):
        deploying.put_keys(guide(emulator, keys))


def test_what_is_chosen_reaches_every_function_stays_and_can_be_taken_back(emulator: Emulator, keys: Path) -> None:
    deploy(emulator, keys, DARKROOM_PUBLIC_URL="https://pictures.example", DARKROOM_PARAMETER_LinkSeconds="600")
    first = settings_of("StatusFunction")
    assert (first["DARKROOM_PUBLIC_URL"], first["DARKROOM_LINK_SECONDS"]) == ("https://pictures.example", "600")

    said = deploy(emulator, keys, DARKROOM_PARAMETER_LogLevel="WARNING")
    assert "LinkSeconds: stays 600, as chosen before" in said
    assert parameters()["PublicUrl"] == "https://pictures.example"
    second = settings_of("StatusFunction")
    assert second["POWERTOOLS_LOG_LEVEL"] == "WARNING"
    assert second["DARKROOM_RELEASE"] != first["DARKROOM_RELEASE"]
    for function in ("SubmitFunction", "CallbackFunction", "TrackFunction"):
        assert settings_of(function)["DARKROOM_RELEASE"] == second["DARKROOM_RELEASE"]

    said = deploy(emulator, keys, DARKROOM_PUBLIC_URL="")
    assert "PublicUrl: https://pictures.example becomes (empty)" in said
    assert (parameters()["PublicUrl"], parameters()["LinkSeconds"]) == ("", "600")


FAILS = {
    "Resources": {
        "Wrong": {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": "nobody", "AuthType": "NONE"}},
    }
}


def test_a_stack_whose_creation_failed_is_deleted_and_made_anew(emulator: Emulator, keys: Path) -> None:
    client = boto3.client("cloudformation")
    boto3.client("dynamodb").create_table(
        TableName="shop-TasksTable-OLD", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "task_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "task_id", "KeyType": "HASH"}],
    )  # fmt: skip
    client.create_stack(StackName="shop", TemplateBody=json.dumps(FAILS))
    with pytest.raises(Exception, match="ROLLBACK_COMPLETE"):
        client.get_waiter("stack_create_complete").wait(StackName="shop", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    said = deploy(emulator, keys)
    assert "it failed because of Wrong (AWS::Lambda::Url): Lambda function not found" in said
    assert "shop is in ROLLBACK_COMPLETE: its creation failed, and such a stack can only be deleted" in said
    assert "shop-TasksTable-OLD: a table of about 0 items" in said
    assert "The API answers." in said


def test_nothing_is_done_without_a_yes(emulator: Emulator, keys: Path) -> None:
    with pytest.raises(GaveUp, match="nothing was done"):
        deploying.deploy(guide(emulator, keys, DARKROOM_YES="0"))


def test_a_person_is_asked_and_secrets_are_not_shown(emulator: Emulator) -> None:
    asked: list[str] = []

    def no(question: str) -> str:
        asked.append(question)
        return "n" if "[y/N]" in question or "(y/N)" in question or "(Y/n)" in question else ""

    with pytest.raises(GaveUp):
        deploying.deploy(Guide({"AWS_REGION": "us-east-1"}, interactive=True, ask=no, ask_secret=no))
    assert any("Name of the stack" in question for question in asked)
    assert any("public address of their own" in question for question in asked)
    assert asked[-1].startswith("Deploy darkroom to account")


def test_a_layer_for_another_machine_is_never_uploaded(
    emulator: Emulator, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a tool between builds something else than it was told."""
    wrapped = tmp_path / "uv"
    right = Path(sys.executable).parent / "uv"
    wrapped.write_text(f'#!/bin/sh\nexec "{right}" $(echo "$@" | sed "s/x86_64-manylinux/aarch64-manylinux/")\n')
    wrapped.chmod(0o755)
    monkeypatch.setenv("UV", str(wrapped))
    with pytest.raises(GaveUp, match=r"was not built for x86_64(?s:.*)is for machine aarch64"):
        deploying.deploy(guide(emulator, keys))
    assert boto3.client("s3").list_buckets()["Buckets"] == []


def test_a_build_that_fails_says_why_and_where_the_rest_is(
    emulator: Emulator, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV", "/nowhere/uv")
    with pytest.raises(GaveUp, match=r"(?s)sam build failed; all that it said is in .*\.log.*uv was not found"):
        deploying.deploy(guide(emulator, keys))


def test_the_command_itself_fails_in_words(emulator: Emulator) -> None:
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": "/nowhere"}
    environment |= {"PYTHONPATH": f"{ROOT}:{LAYER}", "AWS_EC2_METADATA_DISABLED": "true"}
    command = [sys.executable, "-m", "local.deploying", "destroy"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, stdin=subprocess.DEVNULL, cwd=ROOT
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "aws configure" in done.stderr
