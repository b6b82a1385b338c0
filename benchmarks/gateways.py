"""A submission here, and what others spend on an image request, in front of the same trivial upstream.

Ours is the real function behind the thinnest HTTP server that calls it, with an AWS that answers at once: it checks a
key, records the task, queues its first look, asks the provider and records the answer. LiteLLM and Portkey pass the
request on and record nothing. Restate records it, answers, and then asks the upstream. All of a gateway's processes are
counted; the load comes from another process.
"""

import json
import os
import secrets
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import trivial_aws
from benchmarks.figures import Figure, at_least, at_most
from benchmarks.load import Outcome, Requests, cpu_seconds, load, megabytes
from benchmarks.loopback import loopback
from benchmarks.processes import function, process, wait_for
from local.paths import ROOT
from local.stack.emulator import free_port

PEERS = ROOT / ".local" / "peers"
LITELLM = PEERS / "python" / "bin" / "litellm"
NODE_MODULES = PEERS / "node" / "node_modules"
CONFIGURATION = ROOT / "benchmarks" / "peers"
WARMING, COUNTED, AT_ONCE, ROUNDS = 100, 300, 10, 7
IMAGE = {"created": 1757165031, "data": [{"url": "http://127.0.0.1/image.png"}], "id": "task-unified-1"}
PROMPT = "a cat in a space suit on the moon"
TARGET = 0.75


@dataclass(frozen=True, slots=True)
class Gateway:
    """What is measured: its processes' ids, and what is sent to it."""

    processes: tuple[int, ...]
    port: int
    path: str
    body: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one request: CPU in seconds; of all: the outcome, and the megabytes in use at the end."""

    cpu: float
    outcome: Outcome
    memory: float


def main() -> list[Figure]:
    """Measure and print."""
    print(f"submission: best of {ROUNDS} rounds of {COUNTED} requests, {AT_ONCE} at once; CPU of all processes of each")
    with ExitStack() as stack:
        running: dict[str, Gateway] = {}
        for name, start in GATEWAYS.items():
            problem = _missing(name)
            if problem:
                print(f"  {name:<10} not measured: {problem}")
            else:
                running[name] = stack.enter_context(start())
                _ask(running[name], WARMING)
        # They take turns, so that a slow minute of the machine is everybody's; the best round of each counts.
        rounds = [{name: _measure(gateway) for name, gateway in running.items()} for _ in range(ROUNDS)]
    found = {name: min((turn[name] for turn in rounds), key=lambda measured: measured.cpu) for name in running}
    baseline = found.get("LiteLLM")
    for name, measured in found.items():
        ratio = f"{measured.cpu / baseline.cpu:5.2f}" if baseline else "    -"
        p50, p99 = (measured.outcome.percentile(share) for share in (0.5, 0.99))
        print(f"  {name:<10}{1000 * measured.cpu:6.2f} ms CPU  {ratio} of LiteLLM  {1 / measured.cpu:5.0f}/s a core"
              f"  p50 {p50:5.1f} ms  p99 {p99:6.1f} ms  {measured.memory:4.0f} MB  {RECORDS[name]}")  # fmt: skip
    if not baseline:
        return [Figure("CPU of a submission, of LiteLLM's", "not measured", f"<= {TARGET}", met=False)]
    ratio_of_ours = found["Darkroom"].cpu / baseline.cpu
    return [
        at_most("CPU of a submission, of LiteLLM's", ratio_of_ours, TARGET),
        at_least("submissions a second and core, of LiteLLM's", 1 / ratio_of_ours, 1 / TARGET),
    ]


def _missing(name: str) -> str:
    if name == "LiteLLM" and not LITELLM.exists():
        return "it could not be installed"
    if name in {"Portkey", "Restate"} and not NODE_MODULES.exists():
        return "it could not be installed (it needs Node.js and npm)"
    return ""


def _measure(gateway: Gateway) -> Measured:
    before = sum(map(cpu_seconds, gateway.processes))
    outcome = _ask(gateway, COUNTED)
    spent = sum(map(cpu_seconds, gateway.processes)) - before
    return Measured(spent / COUNTED, outcome, sum(map(megabytes, gateway.processes)))


def _ask(gateway: Gateway, count: int) -> Outcome:
    requests = Requests((gateway.port,), gateway.path, gateway.body, gateway.headers, count, AT_ONCE)
    outcome = load(requests)
    assert not outcome.failed, f"{outcome.failed} of {count} requests failed"
    return outcome


@contextmanager
def _darkroom() -> Iterator[Gateway]:
    with loopback(trivial_aws.answers()) as address:
        environment = {**os.environ, **trivial_aws.environment(address)}
        with function("submit", environment) as (pid, port):
            yield Gateway((pid,), port, "/v1/tasks", json.dumps(trivial_aws.NEW_TASK), _headers("dk_x"))


@contextmanager
def _litellm() -> Iterator[Gateway]:
    port, key = free_port(), f"sk-{secrets.token_hex(24)}"
    with loopback({b"/images/generations": IMAGE}) as address:
        settings = {
            "UPSTREAM": f"{address}/v1",
            "LITELLM_MASTER_KEY": key,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_MODE": "PRODUCTION",
        }
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | settings
        command = [str(LITELLM), "--config", str(CONFIGURATION / "litellm.yaml"), "--host", "127.0.0.1"]
        command += ["--port", str(port), "--num_workers", "1", "--telemetry", "False"]
        with process("litellm", command, environment) as pid:
            wait_for(port)
            yield Gateway((pid,), port, "/v1/images/generations", _image_request(), _headers(key))


@contextmanager
def _portkey() -> Iterator[Gateway]:
    port = free_port()
    with loopback({b"/images/generations": IMAGE}) as address:
        server = NODE_MODULES / "@portkey-ai" / "gateway" / "build" / "start-server.js"
        with process("portkey", ["node", str(server), f"--port={port}", "--headless"], dict(os.environ)) as pid:
            wait_for(port)
            headers = _headers("sk-fake") | {
                "x-portkey-provider": "openai",
                "x-portkey-custom-host": f"{address}/v1",
            }
            yield Gateway((pid,), port, "/v1/images/generations", _image_request(), headers)


@contextmanager
def _restate() -> Iterator[Gateway]:
    ingress, admin, node, service = (free_port() for _ in range(4))
    with ExitStack() as stack:
        address = stack.enter_context(loopback({b"/images/generations": IMAGE}))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "restate.toml").write_text(
            f'[ingress]\nbind-address = "127.0.0.1:{ingress}"\n[admin]\nbind-address = "127.0.0.1:{admin}"\n'
        )
        # An ES module finds its packages beside itself, not where it is started.
        shutil.copy(CONFIGURATION / "service.mjs", folder / "service.mjs")
        (folder / "node_modules").symlink_to(NODE_MODULES)
        environment = {**os.environ, "UPSTREAM": address, "PORT": str(service)}
        worker = stack.enter_context(process("restate-service", ["node", str(folder / "service.mjs")], environment))
        command = [str(next(NODE_MODULES.glob("@restatedev/restate-server-linux-*/bin/restate-server")))]
        command += ["--config-file", str(folder / "restate.toml"), "--base-dir", str(folder / "data")]
        command += ["--bind-address", f"127.0.0.1:{node}", "--advertised-address", f"http://127.0.0.1:{node}"]
        server = stack.enter_context(process("restate", [*command, "--node-name", "n1"], dict(os.environ)))
        for port in (service, admin, ingress):
            wait_for(port)
        _register(admin, service)
        yield Gateway((server, worker), ingress, "/images/generate/send", json.dumps({"prompt": PROMPT}), _headers("x"))


def _register(admin: int, service: int) -> None:
    body = json.dumps({"uri": f"http://127.0.0.1:{service}"}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{admin}/deployments", body, {"content-type": "application/json"}
    )
    ends_at = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(request, timeout=10).close()
            return
        except OSError:  # it listens before it is ready
            if time.monotonic() > ends_at:
                raise
            time.sleep(0.2)


def _headers(key: str) -> dict[str, str]:
    return {"content-type": "application/json", "authorization": f"Bearer {key}"}


def _image_request() -> str:
    return json.dumps({"model": "seedream-fake", "prompt": PROMPT, "size": "1024x1024", "n": 1})


GATEWAYS = {"Darkroom": _darkroom, "LiteLLM": _litellm, "Portkey": _portkey, "Restate": _restate}
RECORDS = {
    "Darkroom": "records, queues and asks, then answers",
    "LiteLLM": "passes on, records nothing",
    "Portkey": "passes on, records nothing",
    "Restate": "records, then answers, then asks",
}


if __name__ == "__main__":
    main()
