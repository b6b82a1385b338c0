"""How the command shows things: tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from darkroom_client.models import Task


def as_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under a head, each column as wide as it has to be."""
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max([len(name), *(len(line[place]) for line in lines)]) for place, name in enumerate(head)]
    for line in [list(head), *lines]:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def moment(milliseconds: int | None) -> str:
    """A time of the API for a person."""
    if milliseconds is None:
        return "-"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def task_line(task: Task) -> list[str]:
    """A task as a row of a table."""
    images = f"{len(task.stored_images)}/{len(task.images)}" if task.images else "-"
    why = task.error.message if task.error else ""
    return [task.task_id, task.status, task.model, task.provider, images, moment(task.created_at), why[:60]]


TASK_HEAD = ("task", "status", "model", "provider", "images", "posted (UTC)", "error")


def show_task(task: Task) -> None:
    """A task with all that a person may want to know of it."""
    rows = [
        ("task", task.task_id),
        ("status", f"{task.status} ({task.progress}%)"),
        ("model", task.model),
        ("provider", task.provider),
        ("posted", moment(task.created_at)),
        ("ended", moment(task.completed_at)),
        ("credits", task.credits_charged),
    ]
    if task.error:
        rows.append(("error", f"{task.error.code}: {task.error.message}"))
    for name, value in rows:
        click.echo(f"{name:<10}{value}")
    for image in task.images:
        what = f"{image.width}x{image.height} {image.url}" if image.status == "stored" else image.status
        click.echo(f"image {image.index:<4}{what}")
