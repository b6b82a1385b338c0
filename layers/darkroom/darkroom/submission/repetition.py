"""Which synchronous call repeats which: a client that lost its answer and asks again is owed the task it paid for.

Nothing tells us that a client has gone. What tells is that the call says so itself (`x-stainless-retry-count` of
OpenAI's and other generated clients), that an earlier equal call was told that its time was up, or that the client is
of a kind that repeats a lost call without a mark. Equal calls side by side are wishes of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

LIFE = 900_000
"""Milliseconds for which a repeated call may still be the same wish."""
SIDE_BY_SIDE = 1_000
"""Milliseconds within which equal calls of a client that repeats without a mark are wishes of their own."""
MAKING = 30_000
"""Milliseconds in which a task is made, or its function has died: API Gateway waits no longer."""
MOST_WAITS = 32
"""Waits that are remembered for one body."""
TIME_OUT = 0.75
"""How much of the time between two calls is a time-out; the rest is a pause (of the origin's SDK, from 0.5 s)."""
_SILENT = ("volc-sdk-python/", "byteplus-", "acedatacloud-python/")
"""Clients that repeat a lost call as if it were a new one, by their user agents (their published packages)."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody waits for a task. Times are Unix milliseconds.

    `place` is the wait's own name; `task_id` is empty as long as the task is being made. `since` is when the one who
    waits now began, `until` when that wait ends; `turn` counts those who waited, and `tries` is the number that the
    last of them gave to its repetition. `patience` is the shortest time after which one who said nothing came again, 0
    where none did. `given` says that its answer was handed out.
    """

    place: str
    asked_at: int
    since: int
    until: int
    turn: int = 0
    tries: int = 0
    patience: int = 0
    given: bool = False
    task_id: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """A call that may be a repetition: when it came, until when it waits, its number, and whether its kind says one."""

    now: int
    until: int
    tries: int = 0
    silent: bool = False


def repeats_silently(user_agent: str) -> bool:
    """Whether a client of this kind repeats a lost call without saying so."""
    return user_agent.strip().lower().startswith(_SILENT)


def claimed(waits: Sequence[Wait], caller: Caller) -> Wait | None:
    """The wait that a call takes over, or None where it is a wish of its own.

    A marked call takes the place of the call with the number before its own, the longest unanswered one first: so
    every one of several clients finds one, whoever asks when. Where that call never came, the next smaller number does.
    An unmarked call takes one whose time was up unanswered; of a client that repeats silently, also the longest
    unanswered one, unless it came side by side with it.
    """
    alive = (wait for wait in waits if caller.now - wait.asked_at <= (LIFE if wait.task_id else MAKING))
    known = sorted(alive, key=lambda wait: wait.since)
    open_ones = [wait for wait in known if not wait.given]
    over = [wait for wait in open_ones if wait.until <= caller.now]
    if caller.tries:
        lower = [wait for wait in [*open_ones, *(wait for wait in known if wait.given)] if wait.tries < caller.tries]
        return max(lower, key=lambda wait: wait.tries, default=None)
    if over:
        return over[0]
    if caller.silent:
        return next((wait for wait in open_ones if wait.since <= caller.now - SIDE_BY_SIDE), None)
    return None


def taken_over(wait: Wait, caller: Caller) -> Wait:
    """The wait, once this call waits in it."""
    waited = caller.now - wait.since
    patience = min(waited, wait.patience or waited) if caller.silent else wait.patience
    tries = max(wait.tries, caller.tries)
    return replace(
        wait, since=caller.now, until=caller.until, turn=wait.turn + 1, tries=tries, patience=patience, given=False
    )


def with_wait(waits: Sequence[Wait], wait: Wait) -> tuple[Wait, ...]:
    """The waits with this one in its place; of too many, answered ones go first."""
    others = [each for each in waits if each.place != wait.place and wait.since - each.asked_at <= LIFE]
    others.sort(key=lambda each: (not each.given, each.asked_at))
    return (*others[max(0, len(others) + 1 - MOST_WAITS) :], wait)


def without(waits: Sequence[Wait], place: str) -> tuple[Wait, ...]:
    """The waits but this one, which came to nothing."""
    return tuple(wait for wait in waits if wait.place != place)


def made(waits: Sequence[Wait], place: str, task_id: str) -> tuple[Wait, ...]:
    """The waits once the task of this one is there, whoever waits in it by now."""
    return tuple(replace(wait, task_id=task_id) if wait.place == place else wait for wait in waits)


def answered(waits: Sequence[Wait], place: str, turn: int, now: int) -> tuple[Wait, ...] | None:
    """The waits once an answer was handed to the caller of this turn; None where nothing changes.

    The answer to a caller whose place another has taken reaches nobody; nor does one that comes after the time in which
    this client has given up before.
    """
    found = next((wait for wait in waits if wait.place == place), None)
    if found is None or found.turn != turn or found.given:
        return None
    if found.patience and now - found.since >= TIME_OUT * found.patience:
        return None
    return tuple(replace(wait, given=True) if wait is found else wait for wait in waits)
