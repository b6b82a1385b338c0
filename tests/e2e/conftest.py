"""One local stack for all end-to-end tests: the real template and handlers, with simulated providers."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.stack import LocalStack, StackSettings

TIME_SCALE = "8"


class Api:
    """The deployed API as an app sees it, and the controls of the simulators beside it."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.client = self.caller(stack.api_key)

    def caller(self, key: str) -> httpx.Client:
        """A client with some key."""
        headers = {"authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.stack.base_url, headers=headers, timeout=60, trust_env=False)

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
        yield Api(stack)
