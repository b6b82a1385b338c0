"""Many things in batches, as many as one call takes (`itertools.batched` for Python before 3.12)."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def batched(things: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """The things in order, `size` at a time; the last batch may be smaller."""
    return (things[start : start + size] for start in range(0, len(things), size))
