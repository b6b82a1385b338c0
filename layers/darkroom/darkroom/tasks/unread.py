"""What a later release recorded and this one can't read: kept by where it stood, and written back with every change.

So a release that was rolled back to takes nothing away from the records of the one that comes after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """What was not read of one object. `words` are values of a known field, by what they were taken for; `tail` is
    what a list has beyond what is known; `of` is the known part of a value that only counts as a whole.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    tail: tuple[Any, ...] = ()
    of: Mapping[str, Any] | None = None


def restore(record: Json, unread: Mapping[Path, Unread]) -> None:
    """Put what was not read back to where it stood, except where something else stands there now."""
    for path, part in unread.items():
        place = _at(record, path)
        if isinstance(place, list):
            place.extend(part.tail)
        elif isinstance(place, dict) and (part.of is None or place == part.of):
            place.update({name: value for name, value in part.fields.items() if name not in place})
            # A request leaves out what is at its default: what is not there is still what the word was taken for.
            place.update({name: word for name, (taken, word) in part.words.items() if place.get(name, taken) == taken})


def _at(record: Json, path: Path) -> Any:
    place: Any = record
    for step in path:
        try:
            place = place[step]
        except (KeyError, IndexError, TypeError):
            return None
    return place
