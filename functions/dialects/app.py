"""The providers' own APIs, each under its base path: qingbo, evolink, chanjing, deepspace, acedata, openai, ark."""

from typing import Any

from darkroom.container import Container
from darkroom.dialects.http import serve
from darkroom.observability import observed
from darkroom.settings import Settings

container = Container(Settings.from_environment())


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request of API Gateway, or of the function's own URL."""
    del context
    return serve(container, event)
