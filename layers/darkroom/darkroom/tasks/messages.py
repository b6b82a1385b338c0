"""The messages that drive a task: each asks one function for its next step.

Every kind counts how often it was handed on, and somebody ends that count (`MAX_POLLS`, `MAX_HOPS`, `IMAGE_WAITS`):
Lambda's own guard against loops is off for the functions that feed themselves.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Poll:
    """Poll a task. `looks` counts those before; `cancel` asks only to tell the provider that it was cancelled;
    `once` is a poll beside the others, which no other follows.

    `sent_at` (Unix milliseconds) tells a poll that outran its record from one whose task is gone; `hops` counts how
    often it waited for it. `doubts` counts the answers in a row that were not understood.
    """

    queue: ClassVar[str] = "look"
    task_id: str
    looks: int = 0
    cancel: bool = False
    once: bool = False
    sent_at: int = 0
    hops: int = 0
    doubts: int = 0


@dataclass(frozen=True, slots=True)
class Submission:
    """Submit a task to the offer in line. `hops` counts how often it was deferred since it was first queued."""

    queue: ClassVar[str] = "generate"
    task_id: str
    hops: int = 0


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy one image into the bucket; `attempt` counts from 1."""

    queue: ClassVar[str] = "ingest"
    task_id: str
    index: int
    attempt: int = 1
