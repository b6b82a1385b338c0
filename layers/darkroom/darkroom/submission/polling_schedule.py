"""When a provider is asked how a task stands, and when something of a task counts as lost. Seconds of real time."""

MAX_POLLS = 2_000
"""Polls of one task, after which it ends with what it has: more than fit into the longest life that a task can have,
a deadline of a day and the hour for its images, at the fastest pace that is kept for long."""

SENDING_GRACE = 60
"""How long a request may be out before its attempt counts as lost: longer than any submission's time-out."""

SYNCHRONOUS_GRACE = 480
"""The same for a synchronous call, which runs as long as a picture takes: longer than `generate` lives."""

COPYING_GRACE = 150
"""How long images may be on their way into the bucket before their messages are sent again."""

SUBMISSION_GRACE = 20
"""How long a due submission may wait for its message before another message is sent for it."""

STEEPEST = 100
"""Polls after which a wait has long been the longest: beyond it only numbers would grow, past what a float holds."""


def poll_wait(polls: int, *, latency: float, called_back: bool) -> float:
    """Seconds until poll number `polls` + 1, for a model that usually takes `latency` seconds.

    Where a callback is awaited the poll is a watchdog: rare, and later and later. Where none will come it is how we
    find out: soon, and at first every few seconds.
    """
    if called_back:
        first = max(15.0, 1.5 * latency)
        return min(first * 1.5 ** min(polls, STEEPEST), 600.0)
    if polls == 0:
        return max(2.0, 0.3 * latency)
    return min(max(3.0, 0.1 * latency) * 1.15 ** min(max(0, polls - 20), STEEPEST), 60.0)
