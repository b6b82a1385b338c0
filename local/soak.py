"""`make soak`: a thousand tasks with random faults from every provider at once, and then an audit of what is left."""

import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from local.auditing.audit import Audit, Evidence
from local.stack.deployment import DeploymentFailed
from local.stack.emulator import EmulatorFailed
from local.stack.stack import LocalStack, StackFailed, StackSettings
from local.stack.webhook_receiver import WebhookReceiver

OWNER = "soak"
CREDITS = "1000000"
DOUBLED = 0.15
"""Of how many tasks every message comes twice more."""
AT_ONCE = 16
# The markers that a prompt may carry, and how often each is drawn.
FAULTS: dict[str, int] = {
    "": 40,
    "callback_drop": 6, "callback_double": 6, "callback_delay=2": 3, "callback_first": 3, "callback_late_failure": 3,
    "callback_garbage=wrong": 2, "callback_garbage=text": 2, "submit_delay=1": 2, "submit_lost": 3,
    "submit_own_error=502": 2, "submit_own_error=504": 1,
    "submit_proxy_error=502": 2, "submit_status=503": 3, "submit_status=429": 2, "submit_status=400": 2,
    "job_fail": 3, "job_moderated": 2, "image_missing": 2, "image_stale": 3, "image_truncated": 2, "image_type=svg": 2,
    "image_hops=2": 3, "fewer_images=1": 3, "query_status=500": 1,
    "more_images=2": 3, "echo=1": 2, "echo=400": 2, "callback_stranger": 3, "submit_own_error=500": 2,
}  # fmt: skip
WISHES: tuple[dict[str, Any], ...] = (
    {"model": "seedream-4.5", "provider": "evolink"},
    {"model": "seedream-4.5", "provider": "evolink", "n": 2},
    {"model": "seedream-4.5", "provider": "qingbo"},
    {"model": "seedream-3.0", "provider": "chanjing"},
    {"model": "seedream-4.0", "provider": "deepspace", "size": "1:1"},
    {"model": "Seedream-4.5-Preferential", "provider": "deepspace", "size": "2K"},
    {"model": "seedream-4.0", "provider": "acedata", "n": 2, "size": "1K"},
    {"model": "seedream-3.0", "provider": "acedata"},
    {"model": "seedream-4.5", "provider": ["acedata", "qingbo"]},
    {"model": "seedream-4.5", "strategy": "fastest"},
    {"model": "seedream-4.5"},
)


@dataclass
class Posted:
    """What was done to the API: the ids by key of idempotency, and what it answered."""

    tasks: dict[str, str] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def took(self, key: str, answer: httpx.Response) -> str | None:
        """Note an answer. Raises `AssertionError` where one key led to two tasks."""
        with self.lock:
            self.answers[answer.status_code] += 1
            if answer.status_code != 202:
                return None
            task_id: str = answer.json()["task_id"]
            assert self.tasks.setdefault(key, task_id) == task_id, f"{key} led to two tasks"
            return task_id


class Soak:
    """Posts many tasks with faults, cancels some, posts some twice, waits for the end of all and audits it."""

    def __init__(self, stack: LocalStack, tasks: int, seed: int, *, deadline_seconds: int | None = None) -> None:
        """`deadline_seconds` is every task's own: those whose outcome nobody knows last as long as that."""
        self._own = {"deadline_seconds": deadline_seconds} if deadline_seconds else {}
        self._stack = stack
        self._tasks = tasks
        self._dice = random.Random(seed)
        self._name = f"{seed:x}-{os.getpid():x}"
        self._posted = Posted()

    def run(self) -> Audit:
        """The audit of all that is left once everything has ended."""
        key = self._open_account()
        with WebhookReceiver(self._dice.randrange(2**30)) as receiver, self._client(key) as client:
            plans = [self._plan(number, receiver.url) for number in range(self._tasks)]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda plan: self._do(client, *plan), plans))
            evidence = Evidence(
                stack=self._stack,
                client=client,
                owner=self._owner,
                credits=CREDITS,
                tasks=dict(self._posted.tasks),
                answers=self._posted.answers,
                receiver=receiver,
                marker=self._name,
            )
            return Audit.of(evidence)

    @property
    def _owner(self) -> str:
        return f"{OWNER}-{self._name}"

    def _client(self, key: str) -> httpx.Client:
        limits = httpx.Limits(max_connections=2 * AT_ONCE)
        headers = {"authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self._stack.base_url, headers=headers, timeout=90, trust_env=False, limits=limits)

    def _open_account(self) -> str:
        """An owner with credits and a key of its own."""
        with self._client(self._stack.admin_key) as admin:
            admin.put(f"/v1/admin/accounts/{self._owner}", json={"prepaid": True}).raise_for_status()
            credit = {"amount": CREDITS, "reference": "first"}
            admin.post(f"/v1/admin/accounts/{self._owner}/credits", json=credit).raise_for_status()
            made = admin.post("/v1/admin/keys", json={"owner": self._owner, "open_tasks": 100_000}).raise_for_status()
        key: str = made.json()["api_key"]
        return key

    def _plan(self, number: int, hook: str) -> tuple[str, dict[str, Any], int, bool]:
        """One task: its idempotency key, its body, how often it is posted, and whether it is cancelled."""
        fault = self._dice.choices(list(FAULTS), list(FAULTS.values()))[0]
        prompt = f"soak {self._name} {number}" + (f" [[{fault}]]" if fault else "")
        body = {**self._dice.choice(WISHES), **self._own, "prompt": prompt, "metadata": {"number": str(number)}}
        if self._dice.random() < 0.8:
            body["callback_url"] = hook
        return f"{self._name}-{number}", body, 2 if self._dice.random() < 0.1 else 1, self._dice.random() < 0.05

    def _do(self, client: httpx.Client, key: str, body: dict[str, Any], times: int, cancelled: bool) -> None:
        headers = {"idempotency-key": key}
        task_id = None
        for _ in range(times):
            task_id = self._posted.took(key, client.post("/v1/tasks", json=body, headers=headers)) or task_id
        if cancelled and task_id:
            client.post(f"/v1/tasks/{task_id}/cancel")
        if task_id and self._dice.random() < DOUBLED:
            self._send_twice(task_id)

    def _send_twice(self, task_id: str) -> None:
        """Put every kind of message about a task into its queue twice at once: a queue may deliver any one again."""
        sqs = self._stack.emulator.client("sqs")
        for queue, message in (
            ("Look", {"task_id": task_id, "once": True}),
            ("Generate", {"task_id": task_id}),
            ("Ingest", {"task_id": task_id, "index": 0, "attempt": 2}),
            ("Webhook", {"task_id": task_id}),
        ):
            entries = [{"Id": str(number), "MessageBody": json.dumps(message)} for number in range(2)]
            sqs.send_message_batch(QueueUrl=self._stack.outputs[f"{queue}QueueUrl"], Entries=entries)


def main() -> int:
    """Soak and print the audit. Returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tasks = int(os.environ.get("DARKROOM_SOAK_TASKS") or 1000)
    seed = int(os.environ.get("DARKROOM_SOAK_SEED") or time.time_ns() % 2**32)
    settings = StackSettings.from_environment(
        DARKROOM_PORT="0",
        DARKROOM_TIME_SCALE="8",
        DARKROOM_SIMULATOR_LATENCY="0.5",
        DARKROOM_PARAMETER_DeadlineSeconds="600",
    )
    print(f"soaking {tasks} tasks with random faults (DARKROOM_SOAK_SEED={seed} repeats it) …", flush=True)
    try:
        with LocalStack(settings) as stack:
            began = time.monotonic()
            audit = Soak(stack, tasks, seed).run()
            print(audit.report(), flush=True)
            print(f"\n{tasks} tasks in {time.monotonic() - began:.0f} s: {'clean' if audit.clean else 'NOT CLEAN'}")
            return 0 if audit.clean else 1
    except (StackFailed, EmulatorFailed, DeploymentFailed) as error:
        print(f"could not start: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
