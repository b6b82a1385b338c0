"""What a webhook says and how often it is tried: in our own form, or in that of the dialect that a task came in."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from darkroom.tasks.task import Task
from darkroom.webhooks.retry_schedule import WEBHOOKS, RetryRule


class ForeignPayloads(Protocol):
    """The webhooks of tasks that came in by a provider's own API."""

    def rule(self, task: Task) -> RetryRule:
        """How often such a task's webhook is tried."""
        ...

    def content(self, task: Task) -> Mapping[str, Any]:
        """What its webhook says, as JSON values."""
        ...


class WebhookPayloads:
    """Writes the bodies of webhooks. `foreign` is made when the first task of a dialect ends."""

    def __init__(self, *, render: Callable[[Task], Mapping[str, Any]], foreign: Callable[[], ForeignPayloads]) -> None:
        self._render = render
        self._foreign = foreign

    def rule(self, task: Task) -> RetryRule:
        """How often this task's webhook is tried."""
        return self._foreign().rule(task) if task.entry else WEBHOOKS

    def body(self, task: Task) -> bytes:
        """What is told of an ended task."""
        content = self._foreign().content(task) if task.entry else self._own(task)
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()

    def _own(self, task: Task) -> Mapping[str, Any]:
        ended = datetime.fromtimestamp((task.completed_at or 0) / 1000, UTC)
        return {
            "type": f"task.{task.status.value}",
            "timestamp": ended.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "data": self._render(task),
        }
