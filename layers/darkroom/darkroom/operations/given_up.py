"""What was given up on, by queues and by `notify`: counted, and sent on its way again."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from darkroom.observability import logger
from darkroom.operations.dead_letters import QUEUES, DeadLetters
from darkroom.operations.kept_failures import KeptFailures

if TYPE_CHECKING:
    from darkroom.webhooks.fan_out import Notifier

NOTIFY = "notify"
MOST_FAILURES = 3
"""Batches that may fail in one call: as many as there is time for when AWS itself does not answer."""


class GivenUp:
    """Counts and redrives. `notify` is the name of what is no queue's: batches of the stream's records."""

    names = (*QUEUES, NOTIFY)

    def __init__(self, *, dead_letters: DeadLetters, kept: KeptFailures, notifier: "Callable[[], Notifier]") -> None:
        self._dead_letters = dead_letters
        self._kept = kept
        self._notifier = notifier

    def counted(self) -> list[dict[str, Any]]:
        """Every name with the number of its messages, for `notify` of its batches."""
        queues = [{"queue": name, "messages": self._dead_letters.count(name)} for name in QUEUES]
        return [*queues, {"queue": NOTIFY, "messages": self._kept.count()}]

    def redrive(self, name: str, limit: int, *, go_on: Callable[[], bool] = lambda: True) -> int:
        """Send up to `limit` messages, or records of the stream, on their way again; how many went.

        `go_on` is asked before each step whether there is time for it. Raises what the first batch met where not one
        went through.
        """
        if name != NOTIFY:
            return self._dead_letters.redrive(name, limit, go_on=go_on)
        sent = 0
        problems: list[Exception] = []
        for key in self._kept.keys(limit):
            if sent >= limit or len(problems) >= MOST_FAILURES or not go_on():
                break
            try:
                sent += self._announce_again(key)
            except Exception as problem:
                logger.exception("a batch was not announced again", extra={"key": key})
                problems.append(problem)
        if problems and not sent:
            raise problems[0]
        return sent

    def _announce_again(self, key: str) -> int:
        """Announce what a batch tells of, as far as that is still to be done, and only then delete it."""
        records = self._kept.records(key)
        for record in records:
            self._notifier().changed(record)
        self._kept.delete(key)
        return len(records)
