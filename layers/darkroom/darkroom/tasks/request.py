"""What an app asks for, once validated: the one form in which a request travels through the service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """Make pictures from words, or change given ones."""

    GENERATE = "generate"
    EDIT = "edit"


class Strategy(StrEnum):
    """How to choose among the offers that can do a request."""

    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    LISTED = "listed"


LONGEST_DEADLINE = 86_400
"""Seconds that a task may take at most, whoever says so: a day."""
MAX_IMAGES_TOGETHER = 15
"""References and results of one task together (every Seedream provider states it)."""


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One request to generate or edit images. Fields mean what the API says; `None` is 'not given'.

    `image_urls` holds http(s) links, or `stored:<object key>` for a reference that was sent as data.
    """

    model: str
    prompt: str
    action: Action = Action.GENERATE
    image_urls: tuple[str, ...] = ()
    size: str | None = None
    resolution: str | None = None
    n: int = 1
    watermark: bool = True
    seed: int = -1
    guidance_scale: float | None = None
    output_format: str | None = None
    optimize_prompt: str = "standard"
    web_search: bool = False
    providers: tuple[str, ...] = ()
    strategy: Strategy = Strategy.CHEAPEST
    callback_url: str | None = None
    deadline_seconds: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
