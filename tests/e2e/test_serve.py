"""`make serve`: the stack in the foreground, as an outside harness drives it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from local.paths import LAYER, ROOT


def children(pid: int) -> set[int]:
    """The processes that a process started, and theirs."""
    found: set[int] = set()
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found |= {int(child)} | children(int(child))
    return found


def test_serve_says_what_it_started_and_ends_all_of_it(tmp_path: Path) -> None:
    state_file = tmp_path / "stack.json"
    environment = {
        **os.environ,
        "DARKROOM_PORT": "0",
        "DARKROOM_STATE_FILE": str(state_file),
        "DARKROOM_TIME_SCALE": "10",
        "PYTHONPATH": f"{LAYER}:{ROOT}",
    }
    command = [sys.executable, "-m", "local.stack.serve"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready http://127.0.0.1:")
        state = json.loads(state_file.read_text())
        assert {
            "base_url", "api_key", "admin_key", "aws_endpoint_url", "region", "bucket", "tables", "queues",
            "event_bus", "webhook_secret", "pid",
        } <= state.keys()  # fmt: skip
        assert state["pid"] == process.pid
        assert state["tables"].keys() == {"tasks", "accounts"}
        headers = {"authorization": f"Bearer {state['api_key']}"}
        answer = httpx.get(f"{state['base_url']}/v1/tasks", headers=headers, trust_env=False)
        assert answer.json()["data"] == []
        started = children(process.pid)
        assert started
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not state_file.exists()
    ends_at = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in started):
        assert time.monotonic() < ends_at, "something is left running"
        time.sleep(0.05)


def test_the_end_of_a_stack_that_streamed_is_quiet(tmp_path: Path) -> None:
    state_file = tmp_path / "stack.json"
    environment = {
        **os.environ,
        "DARKROOM_PORT": "0",
        "DARKROOM_STATE_FILE": str(state_file),
        "PYTHONPATH": f"{LAYER}:{ROOT}",
    }
    command = [sys.executable, "-m", "local.stack.serve"]
    with (
        (tmp_path / "log").open("w+") as log,
        subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        state = json.loads(state_file.read_text())
        url = f"{state['streaming_url']}/openai/v1/models"
        answer = httpx.get(url, headers={"authorization": f"Bearer {state['api_key']}"}, trust_env=False, timeout=60)
        assert answer.status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        log.seek(0)
        assert "Traceback" not in log.read()


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {
            **os.environ,
            "DARKROOM_PORT": str(taken.getsockname()[1]),
            "DARKROOM_STATE_FILE": str(tmp_path / "stack.json"),
            "PYTHONPATH": f"{LAYER}:{ROOT}",
        }
        done = subprocess.run(
            [sys.executable, "-m", "local.stack.serve"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert "is taken: set DARKROOM_PORT" in done.stderr
