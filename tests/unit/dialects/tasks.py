"""Tasks as a dialect may have to tell of them, and the sample bodies that its answers are measured against."""

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from darkroom.dialects.calls import Call, Picture, TaskView
from darkroom.tasks.failure import ErrorCode, Failure
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Entry, PlannedOffer, Task, Usage
from darkroom.tasks.update import Status

EVENTS = Path(__file__).resolve().parents[3] / "events"
TASK_ID = "task_01KAHV9XW2Z0000000000000AA"
NOW = 1_795_246_040_000
HERE = "https://api.example/dialect"
MODELS = {
    "qingbo": "seedream-4.5",
    "evolink": "doubao-seedream-4.5",
    "chanjing": "doubao-seedream-4.5",
    "deepspace": "Seedream-4.5",
    "acedata": "doubao-seedream-4-5-251128",
    "openai": "seedream-4.5",
    "ark": "doubao-seedream-4-5-251128",
}
SUBMISSIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "qingbo": ("/v1/tasks", {"model": "seedream-4.5", "prompt": "a fox"}),
    "evolink": ("/v1/images/generations", {"model": "doubao-seedream-4.5", "prompt": "a fox"}),
    "chanjing": (
        "/open/v1/ai_creation/task/submit",
        {
            "ref_prompt": "a fox",
            "creation_type": 3,
            "number_of_images": 1,
            "model_code": "doubao-seedream-4.5",
        },
    ),
    "deepspace": ("/v1/images/generations", {"model": "Seedream-4.5", "prompt": "a fox"}),
    "acedata": ("/seedream/images", {"model": "doubao-seedream-4-5-251128", "prompt": "a fox", "async": True}),
    "openai": ("/v1/images/generations", {"model": "seedream-4.5", "prompt": "a fox"}),
    "ark": ("/api/v3/images/generations", {"model": "doubao-seedream-4-5-251128", "prompt": "a fox"}),
}


def sample(name: str) -> Any:
    """A sample body by its path under `events/`."""
    return json.loads((EVENTS / f"{name}.json").read_text())


def post(path: str, body: Mapping[str, Any] | None = None, **headers: str) -> Call:
    return Call("POST", path, headers=headers, body=body or {})


def view(
    dialect: str,
    status: Status = Status.COMPLETED,
    *,
    n: int = 2,
    failure: Failure | None = None,
    lost: int = 0,
    base64: bool = False,
    echo: Mapping[str, Any] | None = None,
) -> TaskView:
    """A task of `n` images in some state, of which the last `lost` could not be had."""
    model = MODELS[dialect]
    task = Task(
        task_id=TASK_ID,
        owner="acme",
        request=ImageRequest("seedream-4.5", "a fox", n=n),
        fingerprint="",
        plan=(PlannedOffer("evolink", "doubao-seedream-4.5", False, Decimal("1.80")),),
        created_at=NOW - 20_000,
        deadline_at=NOW + 1_000_000,
        expires_at=NOW // 1000 + 86_400,
        correlation_id="request-1",
        status=status,
        progress=100 if status is Status.COMPLETED else 40,
        started_at=None if status is Status.QUEUED else NOW - 19_000,
        completed_at=NOW - 500 if status.terminal else None,
        usage=Usage(Decimal("3.60"), Decimal("3.60") if status is Status.COMPLETED else Decimal(0)),
        error=failure if status is Status.FAILED else None,
        entry=Entry(dialect, model, echo or {}, base64),
    )
    if status is Status.FAILED and failure is None:
        task = replace(task, error=Failure(ErrorCode.PROVIDER_ERROR, "the provider failed"))
    pictures: list[Picture] = []
    if status is Status.COMPLETED:
        for index in range(n):
            if index >= n - lost:
                gone = Failure(ErrorCode.CONTENT_POLICY, "sensitive")
                pictures.append(Picture(index, failure=gone))
            else:
                url = f"https://bucket.example/{index}.png"
                data = "iVBORw0KGgo=" if base64 else None
                pictures.append(Picture(index, url, NOW // 1000 + 3600, 2048, 2048, base64=data))
    return TaskView(task, NOW, tuple(pictures), estimate=25, base_url=HERE)


def shape(value: Any) -> Any:
    """What a body looks like: its fields and the kinds of their values."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "null"


def lacks(found: Any, wanted: Any, place: str = "") -> list[str]:
    """Where a body's shape falls short of a sample's: fields that it lacks, and values of another kind."""
    if isinstance(wanted, dict):
        if not isinstance(found, dict):
            return [f"{place} is no object"]
        problems: list[str] = []
        for name, value in wanted.items():
            if name not in found:
                problems.append(f"{place}.{name} is missing")
            else:
                problems += lacks(found[name], value, f"{place}.{name}")
        return problems
    if isinstance(wanted, list):
        if not isinstance(found, list):
            return [f"{place} is no array"]
        return lacks(found[0], wanted[0], f"{place}[]") if wanted and found else []
    return [] if shape(found) == shape(wanted) or wanted is None else [f"{place} is {found!r}, not like {wanted!r}"]
