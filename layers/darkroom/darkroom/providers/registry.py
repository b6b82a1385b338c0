"""Every provider, one line each. An adapter is imported when it is first needed."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darkroom.providers.adapter import Adapter

_ADAPTERS = {
    "qingbo": "qingbo:Qingbo",
    "evolink": "evolink:Evolink",
    "chanjing": "chanjing:Chanjing",
    "deepspace": "deepspace:Deepspace",
    "acedata": "acedata:Acedata",
}
PROVIDERS = tuple(_ADAPTERS)
# No providers that anybody would name (see the settings' `demo_providers`), in evolink's words.
_DEMO = {"demo": "evolink:Evolink", "demo-b": "evolink:Evolink"}


class UnknownProvider(LookupError):
    """No adapter has this name."""


@cache
def adapter(name: str) -> "Adapter":
    """The adapter of a provider. Raises `UnknownProvider`."""
    place = {**_ADAPTERS, **_DEMO}.get(name)
    if place is None:
        raise UnknownProvider(name)
    module, _, kind = place.partition(":")
    made: Adapter = getattr(import_module(f"darkroom.providers.{module}"), kind)(name)
    return made
