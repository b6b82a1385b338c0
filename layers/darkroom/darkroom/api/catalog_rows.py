"""What a row of the catalog may say, checked field by field: for the files that ship and for an operator's own rows."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from darkroom.catalog.geometry import GeometryError, Ratio, parse_size
from darkroom.catalog.models import Feature
from darkroom.catalog.provider import PROVIDER_NAME
from darkroom.providers.registry import PROTOCOLS, adapter

Name = Annotated[StrictStr, Field(pattern=f"^{PROVIDER_NAME.pattern}$")]
Alias = Annotated[StrictStr, Field(min_length=1, max_length=200)]
Classes = Literal["1K", "1.5K", "2K", "3K", "4K"]
MOST_CREDITS = 1_000_000
DAY = r"^\d{4}-\d{2}-\d{2}$"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    def plain(self) -> dict[str, Any]:
        """The row as JSON values, as it was given: what is at its default is left out."""
        return self.model_dump(exclude_defaults=True)


def _money(value: str) -> str:
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise ValueError('must be a decimal number as a text, such as "1.80"') from error
    if not amount.is_finite() or not 0 <= amount <= MOST_CREDITS:
        raise ValueError(f"must be from 0 to {MOST_CREDITS}")
    return value


class ProviderRow(_Row):
    """A provider: `protocol` is how it is spoken to, `base_url` where. `rank` is its place in `strategy: listed`."""

    protocol: StrictStr
    base_url: Annotated[StrictStr, Field(min_length=1, max_length=500)]
    enabled: StrictBool = True
    rank: Annotated[StrictInt, Field(ge=0, le=10_000)] = 100
    callback_trust: Literal["", "token", "signature", "confirm"] = Field(
        "", description="What a callback has to have to count: its address alone, a signature, or the look-up's word."
    )
    credential: Annotated[StrictStr, Field(max_length=40)] = Field(
        "", description="The name of the credential in the secret that new tasks take."
    )
    region: Annotated[StrictStr, Field(max_length=100)] = ""
    notes: Annotated[StrictStr, Field(max_length=2000)] = ""

    @field_validator("protocol")
    @classmethod
    def _is_spoken(cls, protocol: str) -> str:
        if protocol not in PROTOCOLS:
            raise ValueError(f"is no protocol that is spoken here: use {', '.join(sorted(PROTOCOLS))}")
        return protocol

    @field_validator("callback_trust")
    @classmethod
    def _can_be_had(cls, trust: str, row: ValidationInfo) -> str:
        protocol = row.data.get("protocol")
        if trust == "signature" and protocol and not adapter(protocol, protocol).traits.signs_callbacks:
            raise ValueError(f"can't be signature: {protocol} signs no callbacks, and every one would be refused")
        return trust

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s?#@]+", url) or url.endswith("/"):
            raise ValueError("must be https://host[/path], without a slash at its end, a query or credentials in it")
        return url


class ModelRow(_Row):
    """A model: what else it is called, and from when on its maker no longer serves it."""

    aliases: Annotated[list[Alias], Field(max_length=50)] = Field(default_factory=list)
    retired: Annotated[StrictStr, Field(pattern=DAY)] | Literal[""] = ""
    replacement: StrictStr = ""


class PixelsRow(_Row):
    """The sizes in pixels that an offer takes: `min` and `max` of the area, `max_ratio` of the sides' quotient."""

    min: Annotated[StrictInt, Field(ge=1)]
    max: Annotated[StrictInt, Field(ge=1, le=200_000_000)]
    max_ratio: Annotated[StrictInt, Field(ge=1, le=100)] = 16

    @model_validator(mode="after")
    def _is_a_range(self) -> "PixelsRow":
        if self.min > self.max:
            raise ValueError("min must not be above max")
        return self


class SizesRow(_Row):
    """How an offer is told a size. `bare_class`: a class alone is taken, the ratio is the model's."""

    classes: list[Classes] = Field(default_factory=list)
    default: Classes | None = None
    ratios: Annotated[list[StrictStr], Field(max_length=100)] = Field(default_factory=list)
    bare_class: StrictBool = False
    pixels: PixelsRow | None = None
    adaptive: StrictBool = False

    @field_validator("ratios")
    @classmethod
    def _are_ratios(cls, ratios: list[str]) -> list[str]:
        for each in ratios:
            try:
                known = isinstance(parse_size(each), Ratio)
            except GeometryError:
                known = False
            if not known:
                raise ValueError(f"{each[:20]!r} is no ratio: write 16:9")
        return ratios

    @model_validator(mode="after")
    def _can_say_something(self) -> "SizesRow":
        if self.classes and self.default not in self.classes:
            raise ValueError("default must be one of classes")
        if not self.classes and not self.adaptive:
            raise ValueError("must have classes, or be adaptive")
        return self


class BandRow(_Row):
    """What an image of up to so many pixels costs."""

    up_to_pixels: Annotated[StrictInt, Field(ge=1, le=200_000_000)]
    image: StrictStr

    _is_money = field_validator("image")(_money)


class PriceRow(_Row):
    """A price in parts (`catalog/price.py`). `rate` is credits for one unit of the currency of the figures."""

    image: StrictStr
    bands: Annotated[list[BandRow], Field(max_length=10)] = Field(default_factory=list)
    exact: StrictStr | None = None
    reference: StrictStr = "0"
    free_references: Annotated[StrictInt, Field(ge=0, le=100)] = 0
    web_search: StrictStr = "0"
    rate: StrictStr = "1"
    currency: Annotated[StrictStr, Field(max_length=10)] = ""

    _is_money = field_validator("image", "exact", "reference", "web_search", "rate")(
        lambda value: value if value is None else _money(value)
    )

    @model_validator(mode="after")
    def _rises(self) -> "PriceRow":
        pixels = [band.up_to_pixels for band in self.bands]
        prices = [Decimal(band.image) for band in self.bands] + [Decimal(self.image)]
        if pixels != sorted(set(pixels)) or prices != sorted(prices):
            raise ValueError("bands must rise in pixels and in price, up to image")
        return self


class OfferRow(_Row):
    """One model at one provider, under the provider's own name for it."""

    model: Name
    provider: Name
    upstream_model: Annotated[StrictStr, Field(min_length=1, max_length=200)]
    price: StrictStr | PriceRow
    cost: StrictStr | PriceRow | None = None
    seconds: Annotated[float, Field(gt=0, le=3600, strict=False)]
    sizes: SizesRow
    features: list[StrictStr]
    synchronous: StrictBool = False
    max_n: Annotated[StrictInt, Field(ge=1, le=15)] = 15
    max_image_urls: Annotated[StrictInt, Field(ge=0, le=14)] = 14
    max_prompt: Annotated[StrictInt, Field(ge=1, le=4000)] = 4000

    @field_validator("price", "cost")
    @classmethod
    def _is_money(cls, price: str | PriceRow | None) -> str | PriceRow | None:
        return _money(price) if isinstance(price, str) else price

    @field_validator("features")
    @classmethod
    def _are_features(cls, features: list[str]) -> list[str]:
        known = [feature.value for feature in Feature]
        for each in features:
            if each not in known:
                raise ValueError(f"{each[:40]!r} is no feature: use {', '.join(known)}")
        if not {Feature.GENERATE.value, Feature.EDIT.value} & set(features):
            raise ValueError("must have generate or edit")
        return features


def offer_key(row: Mapping[str, Any]) -> str:
    """What an offer's row is kept under: its model, its provider and the provider's name for it."""
    return f"{row['model']}|{row['provider']}|{row['upstream_model']}"
