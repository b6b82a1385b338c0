"""Every provider, one line each. An adapter is imported when it is first needed."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darkroom.adapters.base import Adapter

_ADAPTERS = {
    "qingbo": "Qingbo",
    "evolink": "Evolink",
    "chanjing": "Chanjing",
    "deepspace": "Deepspace",
    "acedata": "Acedata",
}
PROVIDERS = tuple(_ADAPTERS)


class UnknownProvider(LookupError):
    """No adapter has this name."""


@cache
def adapter(name: str) -> "Adapter":
    """The adapter of a provider. Raises `UnknownProvider`."""
    if name not in _ADAPTERS:
        raise UnknownProvider(name)
    made: Adapter = getattr(import_module(f"darkroom.adapters.{name}"), _ADAPTERS[name])()
    return made
