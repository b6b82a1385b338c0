"""What CloudFormation does, told as it does it: every resource's status, and failures with their reasons."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.deploying.guide import GaveUp

EVERY = 3.0
"""Seconds between looks."""
MOST_MISSES = 20
"""Looks in a row that may fail (a network that is away for a minute) before it is left to itself."""
UNSEEN_FOR = 60.0
"""Seconds after which what has begun would show."""
GONE = "DELETE_COMPLETE"

_BEGINNINGS = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
_FOLLOWS = re.compile(r"Resource (creation|update) cancelled|The following resource\(s\) failed")
"""A failure that another one led to: no news."""
_ENDED_LOGIN = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
HINTS = (
    (r"not authorized|AccessDenied|is not allowed to", "the deployer's rights: docs/deploying.md has them as a policy"),
    (r"service control policy", "a rule of your organisation; public function URLs are left out by StreamingUrl=false"),
    (r"UnreservedConcurrentExecution", "reserve less: Callback/DialectsReservedConcurrency (0 reserves nothing)"),
    (r"already exists", "something of an earlier stack has this name: delete it, or give the stack another name"),
    (r"LimitExceeded|limit exceeded|quota", "a quota of the account: the Service Quotas console raises it"),
    (
        r"must be in format|could not be retrieved|GetObject",
        "the uploaded code can't be read: does the bucket still exist?",
    ),
)
"""What a reason means, where AWS does not say it."""


@dataclass
class Outcome:
    """How it ended."""

    status: str
    failures: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the stack is now what was asked for."""
        return self.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"}


class Progress:
    """Follows one operation on one stack."""

    def __init__(
        self, client: Any, stack: str, tell: Callable[[str], None], *,
        sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """`stack` is the id, where there is one: a deleted stack has no name."""
        self._client, self._stack, self._tell = client, stack, tell
        self._sleep, self._clock = sleep, clock
        self._seen: set[str] = set()
        self._said: set[tuple[str, str]] = set()
        self._failures: list[str] = []

    def mark(self) -> None:
        """What has happened until now is no news."""
        for event in self._new_events():
            self._seen.add(event["EventId"])

    def follow(self, *, just_begun: bool = True) -> Outcome:
        """Tell everything until the stack rests. Raises `GaveUp` where AWS is out of reach meanwhile.

        What has just begun may not show for a moment: the stack's state is then still that of before, and counts only
        once an event says it too (or nothing has happened for a minute).
        """
        began, misses, ended = self._clock(), 0, not just_begun
        while True:
            try:
                status = self._status()
                for event in reversed(list(self._new_events())):
                    self._seen.add(event["EventId"])
                    self._tell_event(event, self._clock() - began)
                    ended = ended or (_is_of_stack(event) and event["ResourceStatus"] == status)
                misses = 0
            except (BotoCoreError, ClientError) as error:
                misses += 1
                self._bear(error, misses)
                status = "IN_PROGRESS"
            slow = not self._said and self._clock() - began > UNSEEN_FOR
            if not status.endswith("IN_PROGRESS") and (ended or slow or status == GONE):
                return Outcome(status, self._failures)
            self._sleep(EVERY)

    def _bear(self, error: Exception, misses: int) -> None:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if code in _ENDED_LOGIN:
            raise GaveUp(
                "your login ended; CloudFormation goes on by itself. Log in and run this again to see how it ends"
            )
        if misses >= MOST_MISSES:
            raise GaveUp(
                f"AWS can't be reached ({error}); CloudFormation goes on by itself. Run this again to see how it ends"
            )
        if misses == 1:
            self._tell(f"        (no answer: {error}; asking again)")

    def _status(self) -> str:
        try:
            (found,) = self._client.describe_stacks(StackName=self._stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return GONE
            raise
        status: str = found["StackStatus"]
        return status

    def _new_events(self) -> Iterator[dict[str, Any]]:
        """The events that were not seen yet, the newest first."""
        try:
            for page in self._client.get_paginator("describe_stack_events").paginate(StackName=self._stack):
                for event in page["StackEvents"]:
                    if event["EventId"] in self._seen:
                        return
                    yield event
        except ClientError as error:
            if "does not exist" not in str(error):
                raise

    def _tell_event(self, event: dict[str, Any], elapsed: float) -> None:
        name, status = event["LogicalResourceId"], event["ResourceStatus"]
        reason = event.get("ResourceStatusReason", "")
        if failure := _failure(event):
            self._failures.append(failure)
        elif (name, status) in self._said:  # CloudFormation says twice that it begins
            return
        self._said.add((name, status))
        line = f"  {int(elapsed):5d} s  {status:<32} {event['ResourceType']}  {name}"
        if status.endswith("FAILED") or "ROLLBACK" in status:
            line += f"\n           {reason}" if reason else ""
        self._tell(line)


def failures_of(client: Any, stack: str) -> list[str]:
    """What failed in the last operation on a stack, the first failure first."""
    failures: list[str] = []
    for page in client.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            if _is_of_stack(event) and event["ResourceStatus"] in _BEGINNINGS:
                return failures[::-1]
            if failure := _failure(event):
                failures.append(failure)
    return failures[::-1]


def _is_of_stack(event: dict[str, Any]) -> bool:
    """Whether it says something of the stack as a whole."""
    return bool(event.get("PhysicalResourceId") == event["StackId"])


def _failure(event: dict[str, Any]) -> str | None:
    reason = event.get("ResourceStatusReason", "")
    if not event["ResourceStatus"].endswith("FAILED") or _FOLLOWS.search(reason):
        return None
    return f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason or 'no reason was given'}"


def explained(outcome: Outcome) -> str:
    """Why it failed, and what would help, for the end of the output."""
    lines = [f"CloudFormation ended with {outcome.status}."]
    for failure in outcome.failures:
        lines.append(f"  * {failure}")
        lines += [f"    -> {hint}" for pattern, hint in HINTS if re.search(pattern, failure)][:1]
    return "\n".join(lines)
