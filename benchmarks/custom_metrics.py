"""What is counted by CloudWatch's custom metrics, and what the reconciler reads, in a busy month.

CloudWatch bills every combination of a name and its dimensions' values as a metric of its own, for the hours in which
it was sent (CloudWatch pricing, "Custom metrics"): the worst is that all of them were, in every hour of the month.
"""

import math
from collections.abc import Mapping

from darkroom.callbacks.receiver import Verdict
from darkroom.catalog.shipped import shipped_rows
from darkroom.images.copying import CopyOutcome
from darkroom.observability import METRICS
from darkroom.operations.reconciliation import MOST_OBJECTS
from darkroom.submission.dispatching import SubmissionOutcome
from darkroom.tasks.update import Status
from darkroom.webhooks.delivery_log import DeliveryState

DOLLARS_A_METRIC = 0.30
RUNS = 30 * 24 * 4
"""Of the reconciler in a month: one in a quarter of an hour."""
PAGE = 1_000
"""Keys that one listing of a bucket gives (Amazon S3, ListObjectsV2)."""


def values(name: str, dimension: str) -> frozenset[str]:
    """All values that a metric's dimension may have."""
    match dimension:
        case "provider":
            return frozenset(shipped_rows()["providers"])
        case "status":
            return frozenset(status.value for status in Status if status.terminal)
        case "verdict":
            return frozenset(Verdict)
        case "state":
            return frozenset(DeliveryState)
        case "outcome":
            return frozenset({"Submission": SubmissionOutcome, "ImageCopy": CopyOutcome}[name])
    raise KeyError(f"{name} has a dimension {dimension!r} whose values are not known: say here which they are")


def combinations() -> dict[str, int]:
    """How many metrics each name can become, at the worst."""
    return {
        name: math.prod(len(values(name, dimension)) for dimension in dimensions)
        for name, dimensions in METRICS.items()
    }


def reconciler_month(kept: int, made: int) -> Mapping[str, float]:
    """What the reconciler asks for in a month with so many pictures in the bucket, and so many made in it.

    Every picture is compared with its record at most twice, at half a read unit (eventually consistent, up to 4 KB);
    all of them are listed in every round.
    """
    listed = min(kept, MOST_OBJECTS)
    return {"DynamoDB read units": 2 * made * 0.5, "S3 writes": RUNS * math.ceil(max(listed, 1) / PAGE)}
