"""When a task's own steps are taken again. Seconds of real time, which a deployment's time scale divides."""

MAX_TRIES = 4
"""Submissions of one task to one offer that may be refused before it is left alone."""

MAX_HOPS = 160
"""How often a message that came before its moment is deferred once more; then it is acted upon, early. Fifteen minutes
a hop reach beyond the longest wait of `WEBHOOKS` with its jitter (34.1 h)."""

DOUBT_WAITS = (3, 6, 12, 24, 48, 96, 192, 300)
"""Waits before a provider whose answer was not understood is asked once more: its next one may be complete."""

COPYING_LIMIT = 3600
"""How long past a task's deadline its images, once made, may still be on their way into the bucket."""


def submission_backoff(tries: int) -> float:
    """Seconds before submission number `tries` + 1 to the same offer: none, 2, 6, 18."""
    return 2.0 * 3 ** (tries - 1) if tries > 0 else 0.0


def doubt_wait(doubts: int) -> float | None:
    """Seconds before a provider is asked again after `doubts` answers in a row that were not understood (from 1).

    None after the last: the polls that are due anyway go on.
    """
    return float(DOUBT_WAITS[doubts - 1]) if doubts <= len(DOUBT_WAITS) else None
