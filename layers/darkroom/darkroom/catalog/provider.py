"""A provider: who sells pictures, spoken to in a protocol, at an address, with a credential of its name."""

import re
from dataclasses import dataclass

PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")
"""What a provider may be called: its name stands in addresses, in counters and in the names of credentials."""

SYNCHRONOUS_PROTOCOLS = frozenset({"ark", "openai-images", "openai-images-by-link"})
"""The protocols in which the answer to a submission is, or may be, the pictures: a function has to wait for it."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One row of the catalog's providers. `protocol` names its adapter (`providers/registry.py`).

    `enabled` says whether new tasks go there; those on their way end as they would have. `rank` is its place where a
    request goes by the order of the catalog (`strategy: listed`), lower first. `credential` names the one in the secret
    that new tasks take; empty for the secret's own current one. `callback_trust` is what a callback has to have beside
    its address to count (`providers/signatures.py`); empty for what the protocol allows.
    """

    name: str
    protocol: str
    base_url: str
    enabled: bool = True
    rank: int = 100
    credential: str = ""
    callback_trust: str = ""
    region: str = ""
    notes: str = ""
