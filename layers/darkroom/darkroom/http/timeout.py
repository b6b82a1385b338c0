"""How long a request may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds: to connect, between two pieces of the answer, and for all of it."""

    connect: float = 5
    read: float = 15
    total: float = 30


DEFAULT = Timeout()
