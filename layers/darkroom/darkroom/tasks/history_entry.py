"""One line of a task's history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What happened to a task, when (Unix milliseconds), and what brought it about: the part of the service at work."""

    at: int
    what: str
    cause: str
    details: Mapping[str, Any] = field(default_factory=dict)
