"""The webhook of a task that came in by a dialect: the callback that its provider would have sent."""

from collections.abc import Mapping
from typing import Any

from darkroom.dialects.registry import dialect
from darkroom.dialects.task_view import AnswerTooLarge, TaskPresenter
from darkroom.tasks.task import Entry, Task
from darkroom.webhooks.retry_schedule import RetryRule

MAX_BASE64 = 20 * 1024 * 1024
"""Pictures that a provider's callback carries itself have at most this many bytes; larger ones come as links."""


class DialectPayloads:
    """Writes the callbacks of dialects."""

    def __init__(self, presenter: TaskPresenter) -> None:
        self._presenter = presenter

    def rule(self, task: Task) -> RetryRule:
        """How often the provider itself would call back."""
        rule: RetryRule = dialect(_entry(task).dialect).retry
        return rule

    def content(self, task: Task) -> Mapping[str, Any]:
        """The callback's body, as JSON values."""
        name = _entry(task).dialect
        try:
            view = self._presenter.view(task, name, limit=MAX_BASE64)
        except AnswerTooLarge:
            view = self._presenter.view(task, name)
        body: Mapping[str, Any] = dialect(name).callback(view)
        return body


def _entry(task: Task) -> Entry:
    assert task.entry is not None  # nothing else is a dialect's
    return task.entry
