"""`make run`: one task with each provider on this machine, watched to its end, and the pictures saved."""

import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import httpx

from local.paths import ROOT
from local.stack.deployment import DeploymentFailed
from local.stack.emulator import EmulatorFailed
from local.stack.stack import LocalStack, StackFailed, StackSettings

PICTURES = ROOT / "pictures"
PATIENCE = 120
"""Seconds after which a task that has not ended counts as failed here."""
PROMPT = "a lighthouse in a snow storm, oil on canvas"
ORDERS = (
    ("qingbo", {"model": "seedream-5.0", "size": "16:9", "resolution": "2K"}),
    ("evolink", {"model": "seedream-4.5", "size": "2048x2048", "n": 2}),
    ("chanjing", {"model": "seedream-3.0", "size": "3:4"}),
    ("deepspace", {"model": "Seedream-4.5-Preferential", "size": "2K"}),
    ("acedata", {"model": "seedream-4.0", "size": "3:2"}),
    ("ark", {"model": "seedream-5.0", "size": "2K", "n": 2}),
    ("byteplus", {"model": "seedream-5.5", "size": "16:9", "resolution": "1.5K"}),
    ("fal", {"model": "seedream-5.0-pro", "size": "1:1", "resolution": "1K"}),
    ("replicate", {"model": "seedream-5.0", "size": "3:2", "resolution": "3K"}),
    ("kie", {"model": "seedream-4.5", "size": "3:4"}),
    ("wavespeed", {"model": "seedream-4.5", "size": "2048x2048"}),
)


@dataclass
class Watched:
    """A task that was posted, and how it stands."""

    provider: str
    began: float
    task: dict[str, Any]
    seconds: float = 0
    files: list[Path] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.task["status"] in {"queued", "processing"}


def main() -> int:
    """Make the pictures. Returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print("starting the local stack: an AWS on this machine, and the providers, simulated …", flush=True)
    began = time.monotonic()
    try:
        with LocalStack(StackSettings.from_environment(DARKROOM_PORT="0")) as stack:
            print(f"ready after {time.monotonic() - began:.1f} s at {stack.base_url}\n", flush=True)
            headers = {"authorization": f"Bearer {stack.api_key}"}
            with httpx.Client(base_url=stack.base_url, headers=headers, timeout=40, trust_env=False) as client:
                all_made = _make_pictures(client)
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running")
        return 130
    except (StackFailed, EmulatorFailed, DeploymentFailed) as error:
        print(f"could not start: {error}", file=sys.stderr)
        return 1
    if all_made:
        _say_what_next()
    return 0 if all_made else 1


def _make_pictures(client: httpx.Client) -> bool:
    """One task with each provider, to its end. Returns whether all were completed."""
    watched = [_post(client, provider, order) for provider, order in ORDERS]
    _watch(client, watched)
    shutil.rmtree(PICTURES, ignore_errors=True)
    for each in watched:
        _save(each)
    _show_table(watched)
    return all(each.task["status"] == "completed" for each in watched)


def _post(client: httpx.Client, provider: str, order: dict[str, Any]) -> Watched:
    began = time.monotonic()
    answer = client.post("/v1/tasks", json={**order, "prompt": PROMPT, "provider": provider})
    answer.raise_for_status()
    print(f"  POST /v1/tasks  {order['model']} at {provider}: {answer.status_code}", flush=True)
    return Watched(provider, began, answer.json())


def _watch(client: httpx.Client, watched: list[Watched]) -> None:
    """Look until all have ended, showing on one line how they stand."""
    ends_at = time.monotonic() + PATIENCE
    live = sys.stdout.isatty()
    shown = ""
    while any(each.open for each in watched) and time.monotonic() < ends_at:
        time.sleep(0.3)
        for each in watched:
            if each.open:
                each.task = client.get(f"/v1/tasks/{each.task['task_id']}").json()
                each.seconds = time.monotonic() - each.began
        line = "   ".join(f"{each.provider} {each.task['progress']}%" for each in watched)
        if line != shown:
            shown = line
            print(f"\r  {line}    " if live else f"  {line}", end="" if live else "\n", flush=True)
    print()


def _save(each: Watched) -> None:
    """Fetch a task's pictures by their signed links."""
    PICTURES.mkdir(exist_ok=True)
    for image in each.task["images"]:
        if image["status"] != "stored":
            continue
        extension = image["content_type"].removeprefix("image/").replace("jpeg", "jpg")
        path = PICTURES / f"{each.provider}-{image['index']}.{extension}"
        answer = httpx.get(image["url"], trust_env=False)
        answer.raise_for_status()
        path.write_bytes(answer.content)
        each.files.append(path)


def _show_table(watched: list[Watched]) -> None:
    print(f"  {'provider':<10} {'model':<13} {'status':<10} {'seconds':>7}  {'size':<10} {'KB':>5}  file")
    for each in watched:
        task = each.task
        files: list[Path | None] = [*each.files]
        for found, path in zip_longest(task["images"] or [{}], files, fillvalue=None):
            image: dict[str, Any] = found or {}
            size = f"{image.get('width', '-')}x{image.get('height', '-')}"
            kilobytes = image.get("bytes", 0) // 1024
            shown = path.relative_to(ROOT) if path else (task["error"] or {}).get("message", "")
            print(
                f"  {each.provider:<10} {task['model']:<13} {task['status']:<10} {each.seconds:>7.1f}  "
                f"{size:<10} {kilobytes:>5}  {shown}"
            )


def _say_what_next() -> None:
    print(
        "\nEverything has ended and nothing is left running. Next:\n"
        "  make serve    keeps the stack up; .local/stack.json then has the address and a key:\n"
        "    KEY=$(python3 -c \"import json; print(json.load(open('.local/stack.json'))['api_key'])\")\n"
        "    curl -s http://127.0.0.1:8787/v1/tasks -H \"Authorization: Bearer $KEY\" -H 'Prefer: wait=20' \\\n"
        '      -d \'{"model": "seedream-4.5", "prompt": "a red fox", "size": "16:9"}\'\n'
        "  make test     checks and tests everything\n"
        "  docs/deploying.md says how to put it on AWS"
    )


if __name__ == "__main__":
    sys.exit(main())
