"""The providers' own APIs, each under its base path: qingbo, evolink, chanjing, deepspace, acedata, openai, ark."""

from typing import Any

from darkroom.api.dialects import serve
from darkroom.observation import observed
from darkroom.services.assembly import Assembly
from darkroom.settings import Settings

assembly = Assembly(Settings.from_environment())


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request of API Gateway, or of the function's own URL."""
    del context
    return serve(assembly, event)
