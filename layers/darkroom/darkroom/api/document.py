"""The OpenAPI document as it is served: a file that `make openapi` writes and a test keeps true."""

from functools import cache
from pathlib import Path

DOCUMENT = Path(__file__).with_name("openapi.json")


@cache
def openapi_document() -> str:
    """The document as JSON."""
    return DOCUMENT.read_text(encoding="utf-8")
