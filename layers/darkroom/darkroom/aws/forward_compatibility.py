"""Reading what another release wrote: fields that this one does not know are ignored.

After a rollback the older release finds records and messages of the newer one (a tolerant reader, as Martin Fowler
names it). What a value that it does not know is taken for is decided where it is read.
"""

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

E = TypeVar("E", bound=StrEnum)


@cache
def field_names(kind: Any) -> frozenset[str]:
    """The fields of a dataclass."""
    return frozenset(field.name for field in fields(kind))


def known(kind: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """What of a record is a field of this dataclass. Raises `AttributeError` where it is no mapping."""
    names = field_names(kind)
    return {name: value for name, value in record.items() if name in names}


def unknown(kind: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """What of a record is no field of this dataclass."""
    names = field_names(kind)
    return {name: value for name, value in record.items() if name not in names}


def member(kind: type[E], value: Any, otherwise: E) -> E:
    """The member of an enumeration with this value, or `otherwise` where a later release gave it one more."""
    try:
        return kind(value)
    except ValueError:
        return otherwise
