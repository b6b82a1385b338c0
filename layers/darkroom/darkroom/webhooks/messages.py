"""The message that delivers a webhook."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Delivery:
    """Deliver a task's webhook. `attempt` counts from 1 within `round`, which is 0 but for what was sent again.

    `hops` counts how often this attempt was deferred because its message came before `due_at` (Unix milliseconds).
    """

    queue: ClassVar[str] = "webhook"
    task_id: str
    attempt: int = 1
    round: int = 0
    due_at: int = 0
    hops: int = 0
