"""Looks, on a schedule, for what every other part may have lost."""

from dataclasses import asdict
from typing import Any

from darkroom.observation import logger, observed
from darkroom.services.assembly import Assembly
from darkroom.settings import Settings

assembly = Assembly(Settings.from_environment())

MARGIN = 20.0
"""Seconds of an invocation that are left to finish a step of an erasure in."""


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Go over old open tasks and the next part of the bucket, and go on with erasures in the time that is left."""
    del event
    try:
        findings = asdict(assembly.reconciler().run())
    finally:
        seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN
        erasing = assembly.eraser().go_on_with_all(seconds=seconds)
    logger.info("reconciled", extra={**findings, "erasing": erasing})
    return {**findings, "erasing": erasing}
