"""When things happen again: looks, repeated submissions, repeated downloads and repeated webhooks.

All waits are seconds of real time; a deployment's time scale divides them (`scaled`) so that tests need not wait.
"""

import math
from dataclasses import dataclass

MAX_TRIES = 4
"""Submissions of one task to one offer that may be refused before it is left alone."""

MAX_QUEUE_DELAY = 900
"""The longest delay that SQS takes (AWS: SQS quotas, DelaySeconds)."""


MAX_HOPS = 160
"""How often a message that came before its moment is put off once more; then it is acted upon, early. Fifteen minutes
a hop reach beyond the longest wait of `WEBHOOKS` with its jitter (34.1 h)."""

MAX_INTAKE_WAITS = 100
"""How often a task that came as an event waits for a limit to let it in: a day in all."""

MAX_LOOKS = 2_000
"""Looks at one task, after which it ends with what it has: more than fit into the longest life that a task can have,
a deadline of a day and the hour for its images, at the fastest pace that is kept for long."""


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often one webhook is tried: the waits between its attempts, and how long an answer may take. Seconds."""

    waits: tuple[float, ...]
    timeout: float = 15

    def wait(self, attempt: int) -> float | None:
        """The wait between attempt number `attempt` (from 1) and the next, or None where that was the last."""
        return self.waits[attempt - 1] if attempt <= len(self.waits) else None


WEBHOOKS = RetryRule((5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 31 * 3600))
"""Our own rule: ten attempts to deliver one webhook, in 72 h."""

IMAGE_WAITS = (2, 10, 30, 120)
"""Waits between the five attempts to copy one image."""

SENDING_GRACE = 60
"""How long a request may be out before its attempt counts as lost: longer than any submission's time-out."""

SYNCHRONOUS_GRACE = 480
"""The same for a synchronous call, which runs as long as a picture takes: longer than `generate` lives."""

COPYING_GRACE = 150
"""How long images may be on their way into the bucket before their messages are sent again."""

SUBMISSION_GRACE = 20
"""How long a due submission may wait for its message before another message is sent for it."""


STEEPEST = 100
"""Looks after which a wait has long been the longest: beyond it only numbers would grow, past what a float holds."""

DOUBT_WAITS = (3, 6, 12, 24, 48, 96, 192, 300)
"""Waits before a provider whose answer was not understood is asked once more: its next one may be complete."""

COPYING_LIMIT = 3600
"""How long past a task's deadline its images, once made, may still be on their way into the bucket."""

ANNOUNCEMENT_GRACE = 300
"""How long the end of a task may stay unannounced before the reconciler announces it."""

SWEEP = 900
"""How often the reconciler runs (template.yaml)."""

LINK_LIFE = 20 * 3600
"""How long an image that was made surely lives at its provider: links die after 24 h, less what went by before."""


def submission_backoff(tries: int) -> float:
    """Seconds before submission number `tries` + 1 to the same offer: none, 2, 6, 18."""
    return 2.0 * 3 ** (tries - 1) if tries > 0 else 0.0


def look_wait(looks: int, *, latency: float, called_back: bool) -> float:
    """Seconds until look number `looks` + 1, for a model that usually takes `latency` seconds.

    Where a callback is awaited the look is a watchdog: rare, and later and later. Where none will come it is how we
    find out: soon, and at first every few seconds.
    """
    if called_back:
        first = max(15.0, 1.5 * latency)
        return min(first * 1.5 ** min(looks, STEEPEST), 600.0)
    if looks == 0:
        return max(2.0, 0.3 * latency)
    return min(max(3.0, 0.1 * latency) * 1.15 ** min(max(0, looks - 20), STEEPEST), 60.0)


def doubt_wait(doubts: int) -> float | None:
    """Seconds before a provider is asked again after `doubts` answers in a row that were not understood (from 1).

    None after the last: the looks that are due anyway go on.
    """
    return float(DOUBT_WAITS[doubts - 1]) if doubts <= len(DOUBT_WAITS) else None


def image_wait(attempt: int) -> float | None:
    """Seconds between attempt number `attempt` (from 1) to copy an image and the next, or None after the last."""
    return float(IMAGE_WAITS[attempt - 1]) if attempt <= len(IMAGE_WAITS) else None


def intake_wait(times: int) -> float | None:
    """Seconds until a task that a limit stands against is tried once more, after `times` such waits; None after a day.

    30 s, then twice as long each time, up to what SQS takes.
    """
    if times >= MAX_INTAKE_WAITS:
        return None
    return min(30.0 * 2.0 ** min(times, 10), float(MAX_QUEUE_DELAY))


def jittered(seconds: float, chance: float) -> float:
    """Spread a wait by up to a tenth either way; `chance` is from 0 to 1."""
    return seconds * (0.9 + 0.2 * chance)


def queue_delay(seconds: float) -> int:
    """Whole seconds for a queue, from 0 to its limit. Rounded up: a look must not come before its time."""
    return max(0, min(math.ceil(seconds), MAX_QUEUE_DELAY))
