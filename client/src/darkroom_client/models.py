"""Tasks and images as the API shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OPEN = frozenset({"queued", "processing"})


@dataclass(frozen=True)
class TaskError:
    """Why a task or an image failed; `retryable` says whether posting it again may help."""

    code: str
    message: str
    retryable: bool = False


@dataclass(frozen=True)
class Image:
    """One result: `status` is `pending`, `stored` or `failed`. A stored one has all fields but `error`."""

    index: int
    status: str
    url: str = ""
    url_expires_at: int = 0
    content_type: str = ""
    bytes: int = 0
    width: int = 0
    height: int = 0
    sha256: str = ""
    error: TaskError | None = None


@dataclass(frozen=True)
class Task:
    """A task. Times are Unix milliseconds; `raw` is the whole of what the API said."""

    task_id: str
    status: str
    model: str
    provider: str
    progress: int
    created_at: int
    completed_at: int | None
    images: tuple[Image, ...]
    credits_charged: str
    metadata: Mapping[str, str]
    error: TaskError | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)
    retry_after: float | None = field(default=None, compare=False)

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.status in OPEN

    @property
    def stored_images(self) -> tuple[Image, ...]:
        """The images that are there."""
        return tuple(image for image in self.images if image.status == "stored")


def read_task(raw: Mapping[str, Any], retry_after: float | None = None) -> Task:
    """The task in a body of the API."""
    read = {
        "images": tuple(_image(image) for image in raw["images"]),
        "credits_charged": raw["usage"]["credits_charged"],
        "error": _error(raw["error"]),
        "raw": raw,
        "retry_after": retry_after,
    }
    return Task(**{**_known(Task, raw), **read})


def _image(raw: Mapping[str, Any]) -> Image:
    return Image(**{**_known(Image, raw), "error": _error(raw.get("error"))})


def _known(kind: Any, raw: Mapping[str, Any]) -> dict[str, Any]:
    """What of an answer is a field of this class: a later API may say more."""
    return {name: value for name, value in raw.items() if name in kind.__dataclass_fields__}


def _error(raw: Mapping[str, Any] | None) -> TaskError | None:
    return TaskError(raw["code"], raw["message"], raw.get("retryable", False)) if raw else None
