"""What the demo sells: a model of its own, so that no real model's task ever goes there. It costs nothing."""

from decimal import Decimal

from darkroom.catalog.geometry import PixelRange, Resolution, SizeForms
from darkroom.catalog.models import Feature, Model, Offer

_FORMS = SizeForms(
    frozenset({Resolution.ONE_K, Resolution.TWO_K}), Resolution.ONE_K, accepts_class=True,
    pixels=PixelRange(512 * 512, 2048 * 2048, max_quotient=3),
)  # fmt: skip


def _offer(provider: str, seconds: float) -> Offer:
    features = frozenset({Feature.GENERATE, Feature.EDIT})
    return Offer("demo", provider, "demo-picture", Decimal(0), seconds, _FORMS, features, max_n=4)


DEMO = Model("demo", [], [_offer("demo", 3.0), _offer("demo-b", 4.0)])
