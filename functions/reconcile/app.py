"""Looks, on a schedule, for what every other part may have lost."""

from dataclasses import asdict
from typing import Any

from darkroom.observation import logger, observed
from darkroom.services.assembly import Assembly
from darkroom.settings import Settings

assembly = Assembly(Settings.from_environment())


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Go over old open tasks and the next part of the bucket."""
    del event, context
    findings = asdict(assembly.reconciler().run())
    logger.info("reconciled", extra=findings)
    return findings
