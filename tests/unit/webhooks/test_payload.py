"""What a webhook says, and how often it is tried: our own way, or that of the provider whose API the task came by."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from darkroom.dialects.calls import TaskView
from darkroom.dialects.task_view import AnswerTooLarge
from darkroom.dialects.webhook_payload import DialectPayloads
from darkroom.tasks.task import Entry, Task
from darkroom.webhooks.payload import WebhookPayloads
from darkroom.webhooks.retry_schedule import WEBHOOKS
from tests.unit.dialects.tasks import MODELS, TASK_ID, lacks, sample, view


class FullPresenter:
    """Sees pictures as base64 only where the limit allows a megabyte more than there is."""

    def __init__(self, *, fits: bool) -> None:
        self._fits = fits

    def view(self, task: Task, dialect: str, *, limit: int = 0, delivered: Collection[int] = ()) -> TaskView:
        inline = bool(limit) and task.entry is not None and task.entry.base64
        if inline and not self._fits:
            raise AnswerTooLarge(limit + 1, limit)
        return replace(view(dialect, base64=inline), task=task)


def render(task: Task) -> Mapping[str, Any]:
    return {"task_id": task.task_id}


def payloads(*, fits: bool = True) -> WebhookPayloads:
    presenter: Any = FullPresenter(fits=fits)
    return WebhookPayloads(render=render, foreign=lambda: DialectPayloads(presenter))


def a_task(dialect: str, *, base64: bool = False) -> Task:
    return replace(view(dialect).task, entry=Entry(dialect, MODELS[dialect], {}, base64))


def test_our_own_webhook_is_typed_and_dated() -> None:
    task = replace(a_task("evolink"), entry=None, completed_at=1_795_246_039_500)
    assert json.loads(payloads().body(task)) == {
        "type": "task.completed",
        "timestamp": "2026-11-21T07:27:19.500Z",
        "data": {"task_id": TASK_ID},
    }
    assert payloads().rule(task) == WEBHOOKS


@pytest.mark.parametrize(
    ("dialect", "wanted"),
    [
        ("qingbo", "callback.completed"),
        ("evolink", "callback.completed"),
        ("acedata", "callback.completed"),
    ],
)
def test_a_dialects_callback_is_what_its_provider_posts(dialect: str, wanted: str) -> None:
    assert lacks(json.loads(payloads().body(a_task(dialect))), sample(f"providers/{dialect}/{wanted}")) == []


def test_evolinks_rule_is_its_own() -> None:
    rule = payloads().rule(a_task("evolink"))
    assert [rule.wait(attempt) for attempt in (1, 2, 3, 4)] == [1, 2, 4, None]
    assert rule.timeout == 10


def test_pictures_that_were_asked_for_as_base64_come_so_where_they_fit_and_else_as_links() -> None:
    (item, *_) = json.loads(payloads().body(a_task("acedata", base64=True)))["data"]
    assert item["b64_json"]
    (item, *_) = json.loads(payloads(fits=False).body(a_task("acedata", base64=True)))["data"]
    assert item["image_url"].startswith("https://")
