"""What a webhook says and how often it is tried: in our own form, or in that of the dialect that a task came in."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from darkroom.domain.schedule import WEBHOOKS, RetryRule
from darkroom.domain.task import Task
from darkroom.services.sight import AnswerTooLarge, Sight

MAX_BASE64 = 20 * 1024 * 1024
"""Pictures that a provider's callback carries itself have at most this many bytes; larger ones come as links."""


class Letters:
    """Writes the bodies of webhooks."""

    def __init__(self, *, render: Callable[[Task], Mapping[str, Any]], sight: Callable[[], Sight]) -> None:
        self._render = render
        self._sight = sight

    def rule(self, task: Task) -> RetryRule:
        """How often this task's webhook is tried."""
        return _dialect(task.entry.dialect).retry if task.entry else WEBHOOKS

    def body(self, task: Task) -> bytes:
        """What is told of an ended task."""
        return json.dumps(self._content(task), ensure_ascii=False, separators=(",", ":")).encode()

    def _content(self, task: Task) -> Mapping[str, Any]:
        if not task.entry:
            ended = datetime.fromtimestamp((task.completed_at or 0) / 1000, UTC)
            return {
                "type": f"task.{task.status.value}",
                "timestamp": ended.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "data": self._render(task),
            }
        try:
            seen = self._sight().see(task, task.entry.dialect, limit=MAX_BASE64)
        except AnswerTooLarge:
            seen = self._sight().see(task, task.entry.dialect)
        body: Mapping[str, Any] = _dialect(task.entry.dialect).callback(seen)
        return body


def _dialect(name: str) -> Any:
    from darkroom.dialects.registry import dialect  # most tasks come to our own API

    return dialect(name)
