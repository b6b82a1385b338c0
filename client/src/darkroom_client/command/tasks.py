"""Commands about tasks."""

import base64
import mimetypes
import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from darkroom_client.client import Darkroom
from darkroom_client.command import output
from darkroom_client.command.connection import Connection, connected
from darkroom_client.models import Image, Task

INTERRUPTED = 130
"""The exit code of a command that was interrupted, as shells have it."""
STEP = 2.0
"""Seconds that one look may wait for news."""


@click.command()
@click.argument("prompt")
@click.option("--model", default="seedream-4.5", show_default=True, help="A model of `darkroom models`.")
@click.option("--size", help="A ratio (16:9), a class (2K), or WIDTHxHEIGHT.")
@click.option("--resolution", type=click.Choice(["1K", "2K", "3K", "4K"]), help="With a ratio it fixes the pixels.")
@click.option("-n", "--number", "n", type=click.IntRange(1, 15), help="How many pictures.")
@click.option("--image", "images", multiple=True, help="A reference: a link or a file. May be given several times.")
@click.option("--provider", multiple=True, help="Who shall make it; several are tried in this order.")
@click.option("--format", "output_format", type=click.Choice(["jpeg", "png"]), help="Where the model has it.")
@click.option("--no-watermark", is_flag=True, help="Where the model has it.")
@click.option("--webhook", "callback_url", help="An address that is told of the end.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("."), help="Where pictures go.")
@click.option("--detach", is_flag=True, help="Print the task's id and do not wait.")
@connected
def submit(
    connection: Connection, /, prompt: str, model: str, images: tuple[str, ...], out: Path, **given: Any
) -> None:
    """Make pictures of PROMPT, watch them come, and save them."""
    detach, no_watermark, providers = given.pop("detach"), given.pop("no_watermark"), given.pop("provider")
    options: dict[str, Any] = {
        **given,
        "image_urls": [_reference(image) for image in images] or None,
        "provider": list(providers) or None,
        "watermark": False if no_watermark else None,
    }
    if not detach:
        _make_folder(out)
    with connection.open() as darkroom:
        task = darkroom.submit(model, prompt, **options)
        if not detach:
            _follow(connection, darkroom, task, out)
        elif connection.as_json:
            output.as_json(task.raw)
        else:
            click.echo(f"{task.model} at {task.provider}: darkroom watch {task.task_id}", err=True)
            click.echo(task.task_id)


@click.command()
@click.argument("task_id")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("."), help="Where pictures go.")
@connected
def watch(connection: Connection, task_id: str, out: Path) -> None:
    """Watch a task to its end, and save its pictures."""
    _make_folder(out)
    with connection.open() as darkroom:
        _follow(connection, darkroom, darkroom.get(task_id), out)


@click.command()
@click.argument("task_id")
@connected
def get(connection: Connection, task_id: str) -> None:
    """Show a task."""
    with connection.open() as darkroom:
        _show(connection, darkroom.get(task_id))


@click.command("list")
@click.option("--status", type=click.Choice(["queued", "processing", "completed", "failed", "cancelled"]))
@click.option("--model")
@click.option("--provider")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@connected
def list_tasks(connection: Connection, /, limit: int, **filters: str | None) -> None:
    """List your tasks, newest first."""
    with connection.open() as darkroom:
        tasks = list(darkroom.list(limit=limit, **filters))
    if connection.as_json:
        output.as_json([task.raw for task in tasks])
    else:
        output.table(output.TASK_HEAD, [output.task_line(task) for task in tasks])


@click.command()
@click.argument("task_id")
@connected
def cancel(connection: Connection, task_id: str) -> None:
    """Cancel an open task."""
    with connection.open() as darkroom:
        _show(connection, darkroom.cancel(task_id))


@click.command()
@click.argument("task_id")
@connected
def events(connection: Connection, task_id: str) -> None:
    """Show what happened to a task."""
    with connection.open() as darkroom:
        told = darkroom.events(task_id)
    if connection.as_json:
        output.as_json(told)
        return
    for event in told:
        details = "  ".join(f"{name}={value}" for name, value in event["details"].items() if value not in (None, ""))
        click.echo(f"{output.moment(event['at'])}  {event['what']:<22}{event['cause']:<10}{details[:140]}")


@click.command()
@connected
def models(connection: Connection) -> None:
    """List the models and who sells them."""
    with connection.open() as darkroom:
        found = darkroom.models()
    if connection.as_json:
        output.as_json(found)
        return
    rows = []
    for model in found:
        for offer in model["offers"]:
            measured = offer["measured"]["seconds_p50"] or offer["usual_seconds"]
            sizes = ", ".join(offer["sizes"]["resolutions"])
            rows.append(
                [model["id"], offer["provider"], offer["credits_per_image"], f"{measured:g} s", sizes, offer["breaker"]]
            )
    output.table(("model", "provider", "credits", "usually", "sizes", "breaker"), rows)


@click.command()
@click.option("--month", help="Such as 2026-11; without it the current one.")
@connected
def usage(connection: Connection, month: str | None) -> None:
    """Show a month's usage, by model and provider."""
    with connection.open() as darkroom:
        found = darkroom.usage(month)
    if connection.as_json:
        output.as_json(found)
        return
    names = ("model", "provider", "tasks", "completed", "failed", "images", "credits")
    output.table(names, [[line[name] for name in names] for line in found["data"]])
    total = found["total"]
    click.echo(f"\n{found['month']}: {total['tasks']} tasks, {total['images']} images, {total['credits']} credits")


def _follow(connection: Connection, darkroom: Darkroom, task: Task, out: Path) -> None:
    """Show the progress of a task, then save its pictures. Ends the command where it failed, or is interrupted."""
    try:
        if connection.as_json:
            task = darkroom.wait(task)
        else:
            click.echo(f"{task.task_id}  {task.model} at {task.provider}", err=True)
            task = _watched(darkroom, task)
    except KeyboardInterrupt:
        click.echo(f"\nthe task goes on: darkroom watch {task.task_id}", err=True)
        sys.exit(INTERRUPTED)
    files = [_save(darkroom, task, image, out) for image in task.stored_images]
    if connection.as_json:
        output.as_json({**task.raw, "files": [str(file) for file in files]})
    else:
        for file in files:
            click.echo(file)
    if task.status != "completed":
        raise click.ClickException(task.error.message if task.error else f"the task is {task.status}")


def _watched(darkroom: Darkroom, task: Task) -> Task:
    with click.progressbar(length=100, label=task.status.ljust(10), show_eta=False, file=sys.stderr) as bar:
        shown = 0
        while True:
            bar.label = task.status.ljust(10)
            bar.update(max(0, task.progress - shown))
            shown = max(shown, task.progress)
            if not task.open:
                return task
            began = time.monotonic()
            task = darkroom.get(task.task_id, wait=STEP)
            time.sleep(max(0.0, 0.5 - (time.monotonic() - began)))


def _save(darkroom: Darkroom, task: Task, image: Image, out: Path) -> Path:
    extension = {"image/jpeg": "jpg"}.get(image.content_type, image.content_type.rpartition("/")[2])
    file = out / f"{task.task_id}-{image.index}.{extension}"
    file.write_bytes(darkroom.download(image.url))
    return file


def _make_folder(out: Path) -> None:
    """Make the folder for the pictures before they are paid for. Raises `click.BadParameter`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(f"{out} can't be made: {error.strerror}", param_hint="--out") from error
    if not os.access(out, os.W_OK):
        raise click.BadParameter(f"{out} can't be written to", param_hint="--out")


def _reference(image: str) -> str:
    """A link as it is, a file as a data URI."""
    if image.startswith(("http://", "https://", "data:")):
        return image
    path = Path(image)
    kind = mimetypes.guess_type(path.name)[0] or ""
    if not kind.startswith("image/"):
        raise click.BadParameter(f"{image} is no link and has no image's name", param_hint="--image")
    try:
        return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    except OSError as error:
        raise click.BadParameter(f"{image} can't be read: {error.strerror}", param_hint="--image") from error


def _show(connection: Connection, task: Task) -> None:
    if connection.as_json:
        output.as_json(task.raw)
    else:
        output.show_task(task)
