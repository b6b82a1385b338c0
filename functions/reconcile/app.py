"""Looks, on a schedule, for what every other part may have lost."""

from dataclasses import asdict
from typing import Any

from darkroom.container import Container
from darkroom.deadline import invocation
from darkroom.observability import logger, observed
from darkroom.settings import Settings

container = Container(Settings.from_environment())

MARGIN = 20.0
"""Seconds of an invocation that are left to finish a step of an erasure in."""


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Go over old open tasks and the next part of the bucket, and go on with erasures in the time that is left."""
    del event, context
    try:
        findings = asdict(container.reconciler().run())
    finally:
        erasing = container.eraser().go_on_with_all(seconds=invocation.left(reserve=MARGIN))
    logger.info("reconciled", extra={**findings, "erasing": erasing})
    return {**findings, "erasing": erasing}
