"""What an adapter makes of any answer or callback of a provider."""

from dataclasses import dataclass
from enum import StrEnum

from darkroom.tasks.failure import Failure


class Status(StrEnum):
    """The status of a task, ours and (once translated) a provider's."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """A terminal status never changes."""
        return self in _TERMINAL


_TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


@dataclass(frozen=True, slots=True)
class MadeImage:
    """One picture that a provider made: a link to it, its bytes in base64, or why there is none.

    Exactly one of the three is set. `base64` has no `data:` prefix.
    """

    url: str = ""
    base64: str = ""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """The state of a provider's task as one answer told it.

    `images` is set with COMPLETED only; `failure` with FAILED and CANCELLED only; `progress` is 0 to 100. `doubt` says
    what was not understood, by the names and types of fields: the task goes on, and is to be asked about again soon.
    `poll_path` is where at the provider's address the task is to be asked about, where its acceptance said so.
    """

    status: Status
    upstream_id: str = ""
    progress: int | None = None
    images: tuple[MadeImage, ...] = ()
    failure: Failure | None = None
    doubt: str = ""
    poll_path: str = ""
