"""How long a task and its pictures are there."""

from darkroom.tasks.request import LONGEST_DEADLINE
from darkroom.tasks.task import Task

DAY = 86_400


def expiry(created_at: int, deadline_at: int, retention_days: int) -> int:
    """When a new task's record may be dropped (Unix seconds): never before it has had a day to end after its deadline.

    `created_at` and `deadline_at` are in Unix milliseconds.
    """
    return max(created_at // 1000 + retention_days * DAY, deadline_at // 1000 + DAY)


def is_gone(task: Task, now: int, retention_days: int | None = None) -> bool:
    """Whether a task is to be treated as not there, though its record may be. `now` is in Unix milliseconds.

    DynamoDB deletes an expired item "typically within a few days" (Developer Guide, Time to Live), and the bucket's
    lifecycle goes by the retention of today: what was posted under a longer one has lost its pictures. A task that is
    open is always there: it holds credits back, and must still end.
    """
    if not task.status.terminal:
        return False
    until = task.expires_at
    if retention_days is not None:
        # No picture of the task is older than the moment at which its images were handed out to be copied.
        until = min(until, (task.copying_at or task.created_at) // 1000 + retention_days * DAY)
    return now >= until * 1000


def oldest_kept(now: int, retention_days: int) -> int:
    """The moment before which every task that was posted and has ended is gone. Times are Unix milliseconds.

    Pictures may be copied until somewhat after the deadline, and last from there on.
    """
    return now - 1000 * ((retention_days + 2) * DAY + LONGEST_DEADLINE)
