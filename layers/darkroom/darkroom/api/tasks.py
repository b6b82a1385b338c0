"""The answers that speak of one task, as both `submit` and `status` give them."""

from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import Response

from darkroom.api.errors import not_found
from darkroom.api.http import answer
from darkroom.api.rendering import render_task
from darkroom.images.links import LinkSigner
from darkroom.tasks.ids import well_formed
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import Task


def owned_task(tasks: TaskStore, owner: str, task_id: str) -> Task:
    """An owner's task. Raises `ApiError` (404) where there is none, or where it is another's: nobody can tell which."""
    task = tasks.get(task_id) if well_formed(task_id) else None
    if task is None or task.owner != owner:
        raise not_found()
    return task


def entity_tag(task: Task, links: LinkSigner, now: int) -> str:
    """A strong entity tag: the task's version, and the window of its links where it has any."""
    window = f"-{links.window(now)}" if any(image.stored for image in task.images) else ""
    return f'"{task.version}{window}"'


def task_answer(status: int, task: Task, links: LinkSigner, now: int, **headers: str) -> Response[str]:
    """A task with the headers that go with it."""
    named: dict[str, Any] = {
        "etag": entity_tag(task, links, now),
        "cache_control": "private, no-cache",
        **headers,
    }
    if not task.status.terminal:
        named["retry_after"] = str(poll_seconds(task, now))
    return answer(status, render_task(task, links, now), **named)


def poll_seconds(task: Task, now: int) -> int:
    """When to look again: soon while the task is young, less and less often afterwards."""
    age = (now - task.created_at) / 1000
    return 1 if age < 10 else 2 if age < 30 else 5
