"""What the account calls accept."""

import re
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from darkroom.api.errors import invalid_field
from darkroom.api.request import refused_field

OWNER = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}"
"""An owner's name, without a dot at the beginning: it is a part of object keys, and clients resolve `..` in a link."""
Owner = Annotated[str, Field(pattern=f"^{OWNER}$")]
Amount = Annotated[Decimal, Field(max_digits=18, decimal_places=6)]
Limit = Annotated[StrictInt, Field(ge=1, le=100_000)] | None
Rate = Annotated[float, Field(ge=0.001, le=10_000)] | None
Name = Annotated[StrictStr, Field(max_length=100)]
Providers = Annotated[list[StrictStr], Field(max_length=20)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewKey(_Body):
    """A key to be made."""

    owner: Owner
    name: Name = ""
    admin: StrictBool = False
    providers: Providers = Field(default_factory=list, description="The only providers of its tasks, in this order.")
    requests_per_second: Rate = None
    open_tasks: Limit = Field(None, description="How many tasks of this key may be open at the same time.")


class KeyChanges(_Body):
    """Settings of a key to be changed; what is left out stays, null removes a limit."""

    name: Name = ""
    disabled: StrictBool = False
    providers: Providers = Field(default_factory=list)
    requests_per_second: Rate = None
    open_tasks: Limit = None


class Rotation(_Body):
    """How long (seconds) the old key stays valid beside the new one."""

    overlap_seconds: Annotated[StrictInt, Field(ge=0, le=30 * 86_400)] = 86_400


class AccountTerms(_Body):
    """Whether credits have to be there before they are spent, and what may be spent in a month."""

    prepaid: StrictBool = True
    monthly_budget: Amount | None = Field(None, ge=0)


class Credit(_Body):
    """Credits to be added (or, below zero, taken away), once for each reference."""

    amount: Amount
    reference: Annotated[StrictStr, Field(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")]
    note: Annotated[StrictStr, Field(max_length=200)] = ""


class Redrive(_Body):
    """How many messages to send on again."""

    limit: Annotated[StrictInt, Field(ge=1, le=1000)] = 100


def owner_named(name: str) -> str:
    """An owner's name in a path. Raises `ApiError` (422)."""
    if not re.fullmatch(OWNER, name):
        raise invalid_field(
            "an owner's name has 1 to 64 letters, digits, dots, dashes and underscores, and no dot first", "owner"
        )
    return name


B = TypeVar("B", bound=_Body)


def read(model: type[B], body: dict[str, Any]) -> B:
    """A body as its model. Raises `ApiError` (422)."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise refused_field(error, model) from error
