"""Every protocol, one line each. An adapter is imported when it is first needed."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darkroom.providers.adapter import Adapter

PROTOCOLS = {
    "qingbo": "qingbo:Qingbo",
    "evolink": "evolink:Evolink",
    "chanjing": "chanjing:Chanjing",
    "deepspace": "deepspace:Deepspace",
    "acedata": "acedata:Acedata",
    "ark": "ark:Ark",
    "openai-images": "openai_images:OpenAiImages",
    "openai-images-by-link": "openai_images:OpenAiImagesByLink",
    "fal": "fal:Fal",
    "replicate": "replicate:Replicate",
    "kie": "kie:Kie",
    "wavespeed": "wavespeed:Wavespeed",
}


class UnknownProvider(LookupError):
    """No adapter speaks this protocol."""


@cache
def adapter(provider: str, protocol: str = "") -> "Adapter":
    """The adapter of a provider, by its protocol, else by its own name. Raises `UnknownProvider`."""
    place = PROTOCOLS.get(protocol or _PROTOCOL_OF.get(provider, provider))
    if place is None:
        raise UnknownProvider(protocol or provider)
    module, _, kind = place.partition(":")
    made: Adapter = getattr(import_module(f"darkroom.providers.{module}"), kind)(provider)
    return made


_PROTOCOL_OF = {"demo": "evolink", "demo-b": "evolink"}
"""Of providers that tasks of earlier releases went to, whose records name no protocol."""
