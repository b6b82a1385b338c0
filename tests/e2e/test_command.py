"""The command `darkroom` and the Python client, as a person and a program use them, against the local stack."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from darkroom_client import (
    AsyncDarkroom,
    AuthenticationError,
    BadSignature,
    Conflict,
    Darkroom,
    InvalidRequest,
    NotFound,
    NotInTime,
    NotReachable,
    verify_webhook,
)
from local.paths import ROOT
from tests.e2e.conftest import Api
from tests.unit.http.servers import closed_port


def darkroom(api: Api, *arguments: str, key: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "client" / "src"),
        "DARKROOM_URL": api.stack.base_url,
        "DARKROOM_KEY": key or api.stack.api_key,
    }
    command = [sys.executable, "-m", "darkroom_client.command.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False, cwd=cwd)


def test_a_picture_is_made_watched_and_saved(api: Api, tmp_path: Path) -> None:
    done = darkroom(api, "submit", "a red fox", "--size", "16:9", "-n", "2", "--provider", "evolink", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # Nothing else is on standard output: it may be piped.
    files = [tmp_path / line for line in done.stdout.splitlines()]
    assert [Image.open(file).size for file in files] == [(2560, 1440)] * 2


def test_a_task_that_nobody_waits_for_is_an_id_to_go_on_with(api: Api, tmp_path: Path) -> None:
    detached = darkroom(api, "submit", "a fox", "--detach")
    (task_id,) = detached.stdout.split()
    assert f"darkroom watch {task_id}" in detached.stderr
    watched = darkroom(api, "watch", task_id, "--out", str(tmp_path))
    assert watched.returncode == 0, watched.stderr
    assert [Path(line).exists() for line in watched.stdout.splitlines()] == [True]


def test_who_interrupts_is_told_how_to_go_on(api: Api) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "client" / "src")}
    command = [
        sys.executable,
        "-m",
        "darkroom_client.command.main",
        "--url",
        api.stack.base_url,
        "--key",
        api.stack.api_key,
    ]
    running = subprocess.Popen(
        [*command, "submit", "a slow fox [[latency=60]]", "--json"], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not api.client.get("/v1/tasks", params={"limit": "1", "status": "processing"}).json()["data"]:
        assert running.poll() is None
        time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "the task goes on: darkroom watch task_" in told
    api.client.post(f"/v1/tasks/{told.split()[-1]}/cancel")


def test_every_command_answers_with_json_too(api: Api, tmp_path: Path) -> None:
    posted = json.loads(darkroom(api, "submit", "a fox", "--detach", "--json").stdout)
    task_id = posted["task_id"]
    watched = json.loads(darkroom(api, "watch", task_id, "--out", str(tmp_path), "--json").stdout)
    assert watched["status"] == "completed"
    assert Path(watched["files"][0]).stat().st_size == watched["images"][0]["bytes"]
    assert json.loads(darkroom(api, "get", task_id, "--json").stdout)["task_id"] == task_id
    assert json.loads(darkroom(api, "list", "--limit", "1", "--json").stdout)[0]["task_id"] == task_id
    assert json.loads(darkroom(api, "events", task_id, "--json").stdout)[0]["what"] == "accepted"
    assert json.loads(darkroom(api, "models", "--json").stdout)[0]["id"]
    assert json.loads(darkroom(api, "usage", "--json").stdout)["object"] == "usage"
    assert json.loads(darkroom(api, "account", "--json").stdout)["owner"] == "local"


def test_people_see_tables(api: Api) -> None:
    task_id = json.loads(darkroom(api, "submit", "a fox", "--detach", "--json").stdout)["task_id"]
    api.wait(task_id)
    for words, wanted in (
        (("get", task_id), task_id), (("list",), task_id), (("events", task_id), "image_stored"),
        (("models",), "seedream-4.5"), (("usage",), "credits"), (("account",), "not limited"),
    ):  # fmt: skip
        done = darkroom(api, *words)
        assert (done.returncode, wanted in done.stdout) == (0, True), done.stdout + done.stderr


def test_a_failed_task_ends_the_command_with_its_reason(api: Api) -> None:
    done = darkroom(api, "submit", "a fox [[job_moderated]]", "--provider", "evolink")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("get", "task_01M7Y0K4SK2HQR5V5B4CM148FX"), "no such task"),
        (("submit", "x", "--model", "midjourney"), "no model is called 'midjourney'"),
        (("submit", "x", "--image", "nowhere.png"), "can't be read"),
        (("keys", "list"), "needs an admin key"),
        (("nonsense",), "No such command"),
    ],
)
def test_errors_are_one_line_that_helps(api: Api, words: tuple[str, ...], wanted: str) -> None:
    done = darkroom(api, *words)
    assert done.returncode in {1, 2}
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr


def test_an_admin_makes_keys_and_gives_credits(api: Api) -> None:
    admin, owner = api.stack.admin_key, f"cli-{time.time_ns()}"
    made = json.loads(darkroom(api, "keys", "create", owner, "--open-tasks", "3", "--json", key=admin).stdout)
    assert darkroom(api, "account", key=made["api_key"]).returncode == 0
    assert darkroom(api, "accounts", "open", owner, "--budget", "50", key=admin).returncode == 0
    shown = darkroom(api, "accounts", "credit", owner, "12.50", "--reference", "r1", key=admin).stdout
    assert "12.50 credits" in shown
    assert "credit" in darkroom(api, "accounts", "ledger", owner, key=admin).stdout
    assert made["key_id"] in darkroom(api, "keys", "list", "--owner", owner, key=admin).stdout
    new = json.loads(darkroom(api, "keys", "rotate", made["key_id"], "--overlap", "0", "--json", key=admin).stdout)
    assert darkroom(api, "account", key=made["api_key"]).returncode == 1
    assert darkroom(api, "keys", "disable", new["key_id"], key=admin).returncode == 0
    assert darkroom(api, "account", key=new["api_key"]).returncode == 1
    assert darkroom(api, "keys", "enable", new["key_id"], key=admin).returncode == 0
    assert "webhook" in darkroom(api, "dead-letters", "list", key=admin).stdout
    assert "messages were sent on" in darkroom(api, "dead-letters", "redrive", "webhook", key=admin).stdout


def test_the_doctor_examines_a_deployment(api: Api) -> None:
    done = darkroom(api, "doctor", key=api.stack.admin_key)
    assert "address" in done.stdout
    assert "evolink" in done.stdout
    assert "a forged one is refused" in done.stdout
    assert "nothing was given up on" in done.stdout
    sick = darkroom(api, "doctor", "--json", key="dk_wrong")
    assert sick.returncode == 1
    assert {k: v for k, v in json.loads(sick.stdout)[-1].items() if k != "found"} == {"check": "key", "ok": False}


def test_webhooks_are_listened_for(api: Api) -> None:
    port = closed_port()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "client" / "src"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "darkroom_client.command.main", "webhooks", "listen", "--port", str(port)]
    command += ["--secret", api.stack.webhook_secret(), "--count", "1"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as listener:
        assert listener.stderr is not None
        assert "listening" in listener.stderr.readline()
        task = api.finish({"callback_url": f"http://127.0.0.1:{port}/"})
        said, _ = listener.communicate(timeout=30)
    assert task["task_id"] in said
    assert "task.completed" in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_it(api: Api, shell: str) -> None:
    assert "_DARKROOM_COMPLETE" in darkroom(api, "completion", shell).stdout


def test_it_finds_the_local_stack_by_itself(api: Api, tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(api.stack.state()))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM")}
    environment["PYTHONPATH"] = str(ROOT / "client" / "src")
    command = [sys.executable, "-m", "darkroom_client.command.main", "keys", "list", "--owner", "local"]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )
    assert "local stack" in done.stdout, done.stderr
    nowhere = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=30, check=False)
    assert "DARKROOM_URL" in nowhere.stderr


# The client


def test_a_program_makes_pictures(api: Api) -> None:
    with Darkroom(api.stack.base_url, api.stack.api_key) as client:
        task = client.wait(client.submit("seedream-4.5", "a fox", size="1:1", metadata={"order": "17"}))
        assert (task.status, task.open, task.metadata) == ("completed", False, {"order": "17"})
        (image,) = task.stored_images
        assert len(client.download(image.url)) == image.bytes
        again = client.submit("seedream-4.5", "a fox", idempotency_key="mine")
        assert client.submit("seedream-4.5", "a fox", idempotency_key="mine").task_id == again.task_id
        assert [found.task_id for found in client.list(limit=1)] == [again.task_id]
        assert len(list(client.list(limit=3))) == 3
        assert client.events(task.task_id)
        assert client.usage()["total"]["images"] >= 1
        assert client.models()
        client.wait(again)
        client.delete(again.task_id)
        with pytest.raises(NotFound):
            client.get(again.task_id)


def test_a_program_can_tell_errors_apart(api: Api) -> None:
    with Darkroom(api.stack.base_url, api.stack.api_key) as client:
        with pytest.raises(InvalidRequest) as bad:
            client.submit("seedream-4.5", "a fox", size="1x1")
        assert (bad.value.status, bad.value.param) == (422, "size")
        client.submit("seedream-4.5", "a fox", idempotency_key="twice")
        with pytest.raises(Conflict):
            client.submit("seedream-4.5", "another fox", idempotency_key="twice")
        with pytest.raises(NotInTime):
            client.wait(client.submit("seedream-4.5", "a slow fox [[latency=30]]"), timeout=0.1)
    with Darkroom(api.stack.base_url, "dk_wrong") as stranger, pytest.raises(AuthenticationError):
        stranger.account()
    with Darkroom(f"http://127.0.0.1:{closed_port()}", "x") as nobody, pytest.raises(NotReachable):
        nobody.account()


def test_an_asynchronous_program_makes_many_at_once(api: Api) -> None:
    async def make() -> list[str]:
        async with AsyncDarkroom(api.stack.base_url, api.stack.api_key) as client:
            tasks = await asyncio.gather(*(client.submit("seedream-4.5", f"fox {number}") for number in range(4)))
            ended = await asyncio.gather(*(client.wait(task) for task in tasks))
            listed = [task.task_id async for task in client.list(limit=4)]
            assert {task.task_id for task in tasks} == set(listed)
            return [task.status for task in ended]

    assert asyncio.run(make()) == ["completed"] * 4


def test_a_forged_webhook_is_refused() -> None:
    with pytest.raises(BadSignature):
        verify_webhook(
            "whsec_c2VjcmV0", {"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,x"}, b"{}"
        )


def test_an_owner_is_erased_and_what_is_kept_is_told(api: Api) -> None:
    made = darkroom(api, "keys", "create", "gone-by-command", "--json", key=api.stack.admin_key)
    assert made.returncode == 0, made.stderr
    done = darkroom(api, "owners", "erase", "gone-by-command", "--yes", key=api.stack.admin_key)
    assert done.returncode == 0, done.stderr
    assert "gone-by-command is erasing (goes on after" in done.stdout
    assert "kept: backups" in done.stdout
    refused = darkroom(api, "owners", "erase", "admin", "--yes", key=api.stack.admin_key)
    assert refused.returncode != 0
    assert "another admin" in refused.stderr + refused.stdout
