"""Logs and metrics, set up once for every function: one structured line an invocation at the least."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from darkroom.deadline import invocation

logger = Logger()

Handler = Callable[[dict[str, Any], Any], Any]


METRICS: Mapping[str, tuple[str, ...]] = {
    "TaskEnded": ("status",),
    "Submission": ("provider", "outcome"),
    "ImageCopy": ("outcome",),
    "CallbackReceived": ("verdict",),
    "WebhookAttempt": ("state",),
    "RecordFailed": (),
    "MessageGivenUp": (),
    "ProviderTrouble": (),
    "NotUnderstood": (),
    "Overdue": (),
}
"""Everything that is counted, with its dimensions beside `service`. CloudWatch bills every combination of values as a
metric of its own (docs/performance.md has the count; a test keeps this list and every call the same)."""
SERVICE = "darkroom"


def observed(handler: Handler) -> Handler:
    """Log every invocation of a handler in one line: how it ended and how many records it had.

    Its deadline begins here. One that raises is counted, and raises on.
    """

    @functools.wraps(handler)
    @logger.inject_lambda_context(clear_state=True)
    def run(event: dict[str, Any], context: Any) -> Any:
        invocation.begin(context.get_remaining_time_in_millis() / 1000)
        try:
            answer = handler(event, context)
        except Exception:
            count("RecordFailed")
            raise
        finally:
            invocation.end()
        logger.info("done", extra=_outline(event, answer))
        return answer

    return run


def follow(task_id: str, correlation_id: str = "") -> None:
    """Put a task's id, and once known the id of the request that posted it, on every line from here on."""
    logger.append_keys(task_id=task_id)
    if correlation_id:
        logger.append_keys(correlation_id=correlation_id)


def count(name: str, amount: int = 1, /, **dimensions: str) -> None:
    """Count occurrences of something that is in `METRICS`, by its dimensions (CloudWatch embedded metric format)."""
    from aws_lambda_powertools.metrics import MetricUnit, single_metric  # not every event has something to count

    with single_metric(name=name, unit=MetricUnit.Count, value=amount) as metric:
        for dimension, value in {"service": SERVICE, **dimensions}.items():
            metric.add_dimension(name=dimension, value=value)


def _outline(event: dict[str, Any], answer: Any) -> dict[str, Any]:
    outline: dict[str, Any] = {}
    if "Records" in event:
        outline["records"] = len(event["Records"])
    if isinstance(answer, dict):
        if "statusCode" in answer:
            outline["status"] = answer["statusCode"]
        if "batchItemFailures" in answer:
            outline["failed"] = len(answer["batchItemFailures"])
    return outline
