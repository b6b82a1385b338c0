"""Every dialect under its base path, one line each. A dialect is imported when somebody first speaks it."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darkroom.dialects.base import Dialect

_DIALECTS = {
    "qingbo": "Qingbo",
    "evolink": "Evolink",
    "chanjing": "Chanjing",
    "deepspace": "Deepspace",
    "acedata": "Acedata",
    "openai": "OpenAI",
    "ark": "Ark",
}
DIALECTS = tuple(_DIALECTS)


class UnknownDialect(LookupError):
    """No dialect has this name."""


@cache
def dialect(name: str) -> "Dialect":
    """A dialect by its name. Raises `UnknownDialect`."""
    if name not in _DIALECTS:
        raise UnknownDialect(name)
    made: Dialect = getattr(import_module(f"darkroom.dialects.{name}"), _DIALECTS[name])()
    return made
