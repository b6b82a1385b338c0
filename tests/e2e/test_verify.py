"""`darkroom verify` as it is run against any deployment, here against the local stack and its demo provider."""

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from local.paths import ROOT
from local.stack.deployment import STACK
from local.stack.emulator import REGION, ROOT_KEY
from tests.e2e.conftest import Api
from tests.unit.http.servers import closed_port

ONLY_WEBHOOK = ("--only", "webhook's signature")


def verify(api: Api, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command with everything it can use, but for what `settings` say otherwise."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "client" / "src"),
        "NO_PROXY": "127.0.0.1",
        "DARKROOM_URL": api.stack.base_url,
        "DARKROOM_KEY": api.stack.api_key,
        "DARKROOM_ADMIN_KEY": api.stack.admin_key,
        "DARKROOM_STREAMING_URL": api.stack.streaming.url,
        "AWS_ENDPOINT_URL": api.stack.emulator.url,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_DEFAULT_REGION": REGION,
        **settings,
    }
    command = [sys.executable, "-m", "darkroom_client.command.main", "verify", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The findings by check."""
    return {finding["check"]: finding for finding in json.loads(done.stdout)["checks"]}


@pytest.fixture(scope="module")
def whole(api: Api) -> subprocess.CompletedProcess[str]:
    """A run of everything."""
    return verify(api, "--stack", STACK, "--json")


def test_everything_that_a_deployment_promises_is_tried_and_holds(whole: subprocess.CompletedProcess[str]) -> None:
    told = findings(whole)
    assert {check: found["found"] for check, found in told.items() if found["outcome"] != "ok"} == {}
    assert whole.returncode == 0
    assert len(told) == 24
    times = json.loads(whole.stdout)["times"]
    assert set(times) == {
        "accept", "accept to callback", "callback to stored", "stored to webhook", "lost callback to end",
    }  # fmt: skip
    assert all(0 <= seconds < 60 for seconds in times.values())


@pytest.mark.usefixtures("whole")
def test_it_leaves_no_task_no_valid_key_and_no_ringing_alarm_behind(api: Api) -> None:
    assert api.client.get("/v1/tasks", params={"model": "demo"}).json()["data"] == []
    admin = api.caller(api.stack.admin_key)
    strangers = [key for key in admin.get("/v1/admin/keys").json()["data"] if key["name"] == "darkroom verify"]
    assert strangers
    assert all(key["disabled"] for key in strangers)
    alarms = api.stack.emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert alarms
    assert "ALARM" not in {alarm["StateValue"] for alarm in alarms}


def test_callbacks_that_do_not_arrive_are_told_with_what_to_look_at(api: Api) -> None:
    """The prompt tells the demo to send none, as if the address that it was given led nowhere."""
    done = verify(api, "--prompt", "a fox [[callback_drop]]", "--only", "callback")
    assert done.returncode == 1
    assert "3 pictures in turn were found by looks: no callback had come by then" in done.stdout
    assert "It means: Callbacks do not arrive" in done.stdout
    assert "the parameter PublicUrl" in done.stdout
    assert ", 1 failed, " in done.stdout


def test_a_wrong_key_is_told_and_nothing_else_is_tried(api: Api) -> None:
    done = verify(api, DARKROOM_KEY="dk_wrong")
    assert done.returncode == 1
    assert "the key was answered 401: this API key is not known here" in done.stdout
    assert "It means: The key is unknown, disabled or of another deployment." in done.stdout
    assert done.stdout.strip().splitlines()[-1].startswith("1 ok, 1 failed, ")


@pytest.mark.parametrize("wrong", ["nobody listens", "wrong secret"])
def test_a_webhook_that_is_not_taken_or_not_by_this_secret_is_told(api: Api, wrong: str) -> None:
    if wrong == "nobody listens":
        told = findings(
            verify(api, "--webhook", f"http://127.0.0.1:{closed_port()}/", *ONLY_WEBHOOK, "--patience", "8", "--json")
        )
        assert told["webhook"]["outcome"] == "failed"
        assert "no connection" in told["webhook"]["found"]
        return
    told = findings(verify(api, "--webhook-secret", "whsec_d3Jvbmcgc2VjcmV0", *ONLY_WEBHOOK, "--json"))
    assert told["webhook"]["outcome"] == "ok"
    assert told["webhook's signature"]["outcome"] == "failed"
    assert "another owner's" in told["webhook's signature"]["meaning"]


def test_the_owners_own_secret_and_a_real_model_are_enough(api: Api) -> None:
    told = findings(
        verify(api, "--webhook-secret", api.stack.webhook_secret(), *ONLY_WEBHOOK, "--json", DARKROOM_ADMIN_KEY="")
    )
    assert told["webhook's signature"]["outcome"] == "ok"
    real = findings(verify(api, "--model", "seedream-4.5", "--json"))
    assert {check for check, found in real.items() if found["outcome"] == "failed"} == set()
    assert real["stored picture"]["outcome"] == "ok"
    assert "needs the demo" in real["failover"]["found"]


def test_a_key_that_was_logged_is_found(api: Api) -> None:
    logs, group, stream = api.stack.emulator.client("logs"), f"/darkroom/{STACK}/access", "leak"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    leak = {"timestamp": int(time.time() * 1000), "message": f"authorization: Bearer {api.stack.api_key}"}
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[leak])
    try:
        told = findings(verify(api, "--stack", STACK, "--only", "logs", "--json"))
    finally:
        logs.delete_log_stream(logGroupName=group, logStreamName=stream)
    assert told["logs"]["outcome"] == "failed"
    assert told["logs"]["found"] == f"{group} has a key or a secret in it"


def test_make_gives_the_keys_by_the_environment_and_names_the_rest() -> None:
    command = [
        "make",
        "--dry-run",
        "verify",
        "URL=https://api.example",
        "KEY=dk_secret",
        "ADMIN_KEY=dk_admin",
        "STACK=darkroom",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    assert '--stack "darkroom"' in done.stdout
    assert "dk_" not in done.stdout
