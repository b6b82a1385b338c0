"""The options of its own that a provider's protocol documents, and a request may hand to it in `extra`.

What decides price, number, place or routing is none of them: that is what the request's own fields are for, and what
its reserve was counted by. Sources: docs/providers.md.
"""

from collections.abc import Collection, Mapping
from typing import Any

OPTIONS: Mapping[str, Mapping[str, Collection[str]]] = {
    "qingbo": {"response_format": ("url", "b64_json")},
    "acedata": {"response_format": ("url", "b64_json")},
}
"""By provider: the options' names with the values that they may have."""


def taken_options(provider: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `extra` that a provider takes."""
    return {name: value for name, value in extra.items() if problem_with(provider, name, value) is None}


def problem_with(provider: str, name: str, value: object) -> str | None:
    """What is wrong with one option at a provider, as the end of a sentence; None for nothing."""
    values = OPTIONS.get(provider, {}).get(name)
    if values is None:
        takers = sorted(each for each, options in OPTIONS.items() if name in options)
        return f"is no option of {provider}" + (f": {', '.join(takers)} takes it" if takers else ": leave it out")
    if not isinstance(value, str) or value not in values:
        return f"must be one of {', '.join(values)} at {provider}"
    return None
