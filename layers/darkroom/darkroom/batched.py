"""Many things a part at a time: as many as one call takes."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def parts(things: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """The things in order, `size` at a time; the last part may be smaller."""
    return (things[start : start + size] for start in range(0, len(things), size))
