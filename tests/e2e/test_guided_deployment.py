"""`make deploy` and `make destroy` with the real deployment tool, against an emulated AWS."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest

from local.emulator import Emulator
from local.guided_deployment import SAM, GaveUp, Guide, deploy, destroy

pytestmark = pytest.mark.skipif(not SAM.exists(), reason="needs `make sam`")


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    made = Emulator()
    for name, value in {
        "AWS_ENDPOINT_URL": made.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    yield made
    made.stop()


def guide(emulator: Emulator, **answers: str) -> Guide:
    environment = {
        "AWS_REGION": "us-east-1", "DARKROOM_STACK": "shop", "DARKROOM_YES": "1",
        "DARKROOM_CHECK_URL": f"{emulator.url}/_aws/execute-api/da4c0001",
        # The dashboard and the topic are AWS's alone.
        "DARKROOM_PARAMETER_LocalMode": "true", "DARKROOM_PARAMETER_Architecture": "x86_64",
    }  # fmt: skip
    return Guide(environment | answers, interactive=False)


def test_a_stack_is_deployed_used_and_deleted(emulator: Emulator) -> None:
    first = guide(emulator, DARKROOM_EVOLINK_API_KEY="sk-evolink", DARKROOM_OWNER="acme")
    deploy(first)
    said = "\n".join(first.told)
    assert "The API answers." in said
    assert "Providers with a key: evolink" in said
    key = said.partition("DARKROOM_KEY=")[2].split()[0]
    headers = {"authorization": f"Bearer {key}"}
    url = f"{emulator.url}/_aws/execute-api/da4c0001"
    # The layer is built for the runtime on AWS; of what this machine can run of it, a list needs no compiled part.
    answer = httpx.get(f"{url}/v1/tasks", headers=headers, timeout=30, trust_env=False)
    assert (answer.status_code, answer.json()["data"]) == (200, [])

    again = guide(emulator, DARKROOM_QINGBO_API_KEY="sk-qingbo")
    deploy(again)
    assert "There are keys already" in "\n".join(again.told)
    assert "qingbo, evolink" in "\n".join(again.told)
    outputs: Any = boto3.client("cloudformation").describe_stacks(StackName="shop")["Stacks"][0]["Outputs"]
    secret = next(output["OutputValue"] for output in outputs if output["OutputKey"] == "ProviderSecret")
    keys = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    assert keys["evolink"] == {"api_key": "sk-evolink"}

    last = guide(emulator)
    destroy(last)
    assert "were kept" in "\n".join(last.told)
    with pytest.raises(Exception, match="does not exist"):
        boto3.client("cloudformation").describe_stacks(StackName="shop")


def test_nothing_is_done_without_a_yes(emulator: Emulator) -> None:
    with pytest.raises(GaveUp, match="nothing was done"):
        deploy(guide(emulator, DARKROOM_YES="0"))


def test_a_person_is_asked_and_secrets_are_not_shown(emulator: Emulator) -> None:
    asked: list[str] = []

    def no(question: str) -> str:
        asked.append(question)
        return "n"

    with pytest.raises(GaveUp):
        deploy(Guide({"AWS_REGION": "us-east-1"}, interactive=True, ask=no, ask_secret=no))
    assert any("Name of the stack" in question for question in asked)
    assert asked[-1].startswith("Deploy n to account")


def test_without_sam_there_is_no_deployment() -> None:
    assert shutil.which(str(SAM)), "make sam installs it"
    done = subprocess.run([str(SAM), "--version"], capture_output=True, text=True, check=True)
    assert "SAM CLI" in done.stdout
