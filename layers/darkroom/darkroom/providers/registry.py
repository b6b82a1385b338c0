"""Every provider, one line each. An adapter is imported when it is first needed."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darkroom.providers.base import Adapter

_ADAPTERS = {
    "qingbo": "Qingbo",
    "evolink": "Evolink",
    "chanjing": "Chanjing",
    "deepspace": "Deepspace",
    "acedata": "Acedata",
}
PROVIDERS = tuple(_ADAPTERS)
# No providers that anybody would name: see the settings' `demo_providers`.
_DEMO = {"demo": "Demo", "demo-b": "DemoB"}


class UnknownProvider(LookupError):
    """No adapter has this name."""


@cache
def adapter(name: str) -> "Adapter":
    """The adapter of a provider. Raises `UnknownProvider`."""
    if name in _DEMO:
        module, kind = "demo", _DEMO[name]
    elif name in _ADAPTERS:
        module, kind = name, _ADAPTERS[name]
    else:
        raise UnknownProvider(name)
    made: Adapter = getattr(import_module(f"darkroom.providers.{module}"), kind)()
    return made
