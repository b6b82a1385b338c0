"""Waits longer than SQS's 900 seconds: one-time schedules of EventBridge Scheduler that put a message into its queue.

A schedule costs less than the hops of fifteen minutes that it replaces, and its wait is no chain of invocations. AWS's
rules, from docs.aws.amazon.com/scheduler: `at(yyyy-mm-ddThh:mm:ss)` in UTC, met within 60 seconds
(UserGuide/schedule-types); a name of up to 64 letters, digits, `-`, `_` and `.`, taken once in its group
(APIReference/API_CreateSchedule); ten million schedules and 250 to 5,000 new ones a second
(UserGuide/scheduler-quotas); at least one delivery, so that a message may come twice as from any queue.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.observability import logger

RETRY = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
"""How long Scheduler goes on trying to put a due message into its queue: as long and as often as it can."""


class SchedulerClient(Protocol):
    """The one call of botocore's Scheduler client that is made."""

    def create_schedule(self, **parameters: Any) -> Any:
        """Make a schedule. Raises botocore's errors."""
        ...


@dataclass(frozen=True, slots=True)
class Schedules:
    """Books messages. `role` is the ARN that Scheduler takes on to send them, `group` the stack's own schedules.

    `dead_letters` finds the queue (by kind; its URL, or None) for what could not be put into its own.
    """

    client: Callable[[], SchedulerClient]
    group: str
    role: str
    region: str
    dead_letters: Callable[[str], str | None]

    def book(self, kind: str, queue_url: str, body: str, due_at: int) -> bool:
        """Have a message put into a queue at a moment (Unix milliseconds). Whether it will be.

        The name comes of the message itself, so that a repetition finds it booked. Scheduler's refusals are not raised:
        they are logged, and the caller has to find another way.
        """
        target: dict[str, Any] = {
            "Arn": self._arn(queue_url), "RoleArn": self.role, "Input": body, "RetryPolicy": RETRY,
        }  # fmt: skip
        if dead_letters := self.dead_letters(kind):
            target["DeadLetterConfig"] = {"Arn": self._arn(dead_letters)}
        try:
            self.client().create_schedule(
                Name=schedule_name(kind, queue_url, body, due_at),
                GroupName=self.group,
                ScheduleExpression=at(due_at),
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target=target,
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConflictException":
                return True  # booked by an earlier try of the same message
            logger.warning("wait not scheduled", extra={"queue": kind, "reason": code})
            return False
        except BotoCoreError as error:
            logger.warning("wait not scheduled", extra={"queue": kind, "reason": type(error).__name__})
            return False
        return True

    def _arn(self, queue_url: str) -> str:
        """The ARN of a queue of ours: its URL ends in account and name; the partition is the role's."""
        account, name = urlsplit(queue_url).path.strip("/").split("/")[-2:]
        return f"arn:{self.role.split(':')[1]}:sqs:{self.region}:{account}:{name}"


def schedule_name(kind: str, queue_url: str, body: str, due_at: int) -> str:
    """The name of a message's schedule: always the same for the same message, queue and moment."""
    digest = hashlib.sha256(f"{queue_url}\n{due_at}\n{body}".encode()).hexdigest()
    return f"{kind}-{digest[:40]}"


def at(moment: int) -> str:
    """A moment (Unix milliseconds) as Scheduler takes it: whole seconds of UTC, rounded up."""
    return f"at({datetime.fromtimestamp(math.ceil(moment / 1000), UTC):%Y-%m-%dT%H:%M:%S})"
