"""One local stack for all end-to-end tests: the real template and handlers, with simulated providers."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from local.auditing.leaks import leaks
from local.auditing.overdue import overdue_tasks, overdue_webhooks
from local.stack.stack import LocalStack, StackSettings

TIME_SCALE = "8"


class Api:
    """The deployed API as an app sees it, and the controls of the simulators beside it."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.client = self.caller(stack.api_key)

    def caller(self, key: str) -> httpx.Client:
        """A client with some key."""
        headers = {"authorization": f"Bearer {key}"}
        hooks = {"response": [self._hold_back_nothing_less]}
        return httpx.Client(
            base_url=self.stack.base_url, headers=headers, timeout=60, trust_env=False, event_hooks=hooks
        )

    def _hold_back_nothing_less(self, answer: httpx.Response) -> None:
        """Fail where an answer shows what is a provider's or ours alone. A stream is left to who reads it."""
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return
        answer.read()
        found = leaks(answer.text, [urlsplit(url).netloc for url in self.stack.simulators.values()])
        assert not found, f"{answer.request.method} {answer.request.url.path} shows {found}"

    def overdue(self, *, webhooks: bool) -> list[str]:
        """What still waits in the tables though its time is over."""
        dynamodb, now = self.stack.emulator.client("dynamodb"), time.time_ns() // 1_000_000
        table, scale = self.stack.outputs["TasksTable"], float(TIME_SCALE)
        found = overdue_tasks(dynamodb, table, now=now, scale=scale)
        return found + (overdue_webhooks(dynamodb, table, now=now, scale=scale) if webhooks else [])

    def post(self, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Post a task."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post("/v1/tasks", json={"prompt": "a fox", "model": "seedream-4.5", **body}, headers=named)

    def finish(self, body: dict[str, Any], patience: float = 60) -> dict[str, Any]:
        """Post a task and wait for its end."""
        answer = self.post(body)
        assert answer.status_code == 202, answer.text
        return self.wait(answer.json()["task_id"], patience)

    def wait(self, task_id: str, patience: float = 60) -> dict[str, Any]:
        """A task once it has ended."""
        for _ in range(int(patience / 5) + 1):
            task: dict[str, Any] = self.client.get(f"/v1/tasks/{task_id}", headers={"prefer": "wait=5"}).json()
            if task["status"] not in {"queued", "processing"}:
                return task
        raise AssertionError(f"still open after {patience} s: {task}")

    def jobs(self, provider: str, prompt: str) -> list[dict[str, Any]]:
        """The jobs that a simulator made of prompts with these words."""
        found = httpx.get(f"{self.stack.simulators[provider]}/_control/jobs", trust_env=False).json()
        return [job for job in found if prompt in job["prompt"]]

    def job(self, provider: str, prompt: str, patience: float = 30) -> dict[str, Any]:
        """The one job of such a prompt, which may wait in the queue first where the provider had troubles."""
        ends_at = time.monotonic() + patience
        while not (found := self.jobs(provider, prompt)):
            assert time.monotonic() < ends_at, f"{provider} was asked for no {prompt!r}"
            time.sleep(0.2)
        (job,) = found
        return job


@pytest.fixture(scope="session")
def api() -> Iterator[Api]:
    """The stack, up."""
    settings = StackSettings.from_environment(
        DARKROOM_PORT="0",
        DARKROOM_TIME_SCALE=TIME_SCALE,
        DARKROOM_SIMULATOR_LATENCY="0.4",
        DARKROOM_PARAMETER_DemoProvider="true",
    )
    with LocalStack(settings) as stack:
        api = Api(stack)
        yield api
        assert not api.overdue(webhooks=True)


@pytest.fixture(autouse=True)
def nothing_waits_for_ever(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test on the shared stack: nothing is open past its time."""
    yield
    if "api" in request.fixturenames:
        assert not request.getfixturevalue("api").overdue(webhooks=False)
