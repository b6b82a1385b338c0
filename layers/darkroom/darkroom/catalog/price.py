"""What an image costs: a price for all, or by how many pixels it has, and what references and options add.

Money is exact decimals, in credits; a row may say it in another currency, with its rate to credits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from darkroom.catalog.geometry import Expression, largest_pixels
from darkroom.tasks.rates import ZERO, Rates


@dataclass(frozen=True, slots=True)
class Price:
    """How an offer is priced, in credits.

    `exact` is the price of an image whose size was given in pixels, where that differs. References cost `reference`
    each, but the first `free_references`.
    """

    image: Decimal
    bands: tuple[tuple[int, Decimal], ...] = ()
    exact: Decimal | None = None
    reference: Decimal = ZERO
    free_references: int = 0
    web_search: Decimal = ZERO

    def rates(self, shape: Expression, *, references: int, web_search: bool) -> Rates:
        """What a request of this shape costs, worst case and by pixels."""
        fixed = self.reference * max(0, references - self.free_references) + (self.web_search if web_search else ZERO)
        if shape.pixels and self.exact is not None:
            return Rates(self.exact, fixed)
        if not self.bands:
            return Rates(self.image, fixed)
        largest = largest_pixels(shape)
        worst = next((price for most, price in self.bands if largest is not None and largest <= most), self.image)
        within = tuple((most, price) for most, price in self.bands if price < worst)
        return Rates(worst, fixed, within)


def read_price(row: str | Mapping[str, Any]) -> Price:
    """A price as a row has it: a decimal as text, or a table.

    The table: `image`, and if they apply `bands` (a list of `{up_to_pixels, image}`), `exact`, `reference`,
    `free_references`, `web_search`, and `rate`: credits for one unit of the currency that the figures are in.
    """
    if isinstance(row, str):
        return Price(Decimal(row))
    rate = Decimal(row.get("rate", "1"))

    def credits(name: str) -> Decimal:
        return Decimal(row.get(name, "0")) * rate

    return Price(
        image=credits("image"),
        bands=tuple((int(band["up_to_pixels"]), Decimal(band["image"]) * rate) for band in row.get("bands", ())),
        exact=credits("exact") if "exact" in row else None,
        reference=credits("reference"),
        free_references=int(row.get("free_references", 0)),
        web_search=credits("web_search"),
    )
