"""Credits as exact decimals."""

from collections.abc import Iterable
from decimal import Decimal

from darkroom.tasks.rates import Rates
from darkroom.tasks.task import PlannedOffer

_CENT = Decimal("0.01")


def format_credits(amount: Decimal) -> str:
    """An amount as the API shows it: at least two decimals, no exponent, nothing rounded."""
    exact = amount.normalize()
    places = exact.as_tuple().exponent
    return f"{exact.quantize(_CENT) if isinstance(places, int) and places > -2 else exact:f}"


def reserve(offers: Iterable[PlannedOffer], images: int) -> Decimal:
    """What to hold back for a task: its worst case, all images at the dearest offer that it could end up with."""
    return max((offer.rates or Rates(offer.price)).worst(images) for offer in offers)
