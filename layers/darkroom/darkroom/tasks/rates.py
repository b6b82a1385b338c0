"""What the images of one request cost, settled when it was accepted: nothing of it changes with the catalog."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rates:
    """In credits: `image` each at the most, and `fixed` for the request as soon as there is one.

    `bands` are (most pixels, price) pairs, rising; an image costs by the first that it fits into, else `image`.
    """

    image: Decimal
    fixed: Decimal = ZERO
    bands: tuple[tuple[int, Decimal], ...] = ()

    def of_image(self, pixels: int | None) -> Decimal:
        """The price of one image with so many pixels; the most where nobody knows how many."""
        if pixels is None:
            return self.image
        return next((price for most, price in self.bands if pixels <= most), self.image)

    def worst(self, images: int) -> Decimal:
        """The most that so many images can cost."""
        return self.fixed + self.image * images


def read_rates(record: Mapping[str, Any] | None) -> Rates | None:
    """Rates as they were recorded: decimals as texts. None where there are none."""
    if record is None:
        return None
    bands = tuple((int(most), Decimal(price)) for most, price in record.get("bands", ()))
    return Rates(Decimal(record["image"]), Decimal(record.get("fixed", 0)), bands)
