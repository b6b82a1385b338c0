"""The catalog's rows: who sells which model, under what name, within which limits.

Where a provider states no limit, the widest that the model's maker documents stands (Volcengine Ark, image
generation API). Only evolink's price is published (1.8 credits per image); the others are the operator's to set.
"""

from decimal import Decimal

from darkroom.catalog.geometry import (
    COMPUTED_RATIOS,
    PUBLISHED_RATIOS,
    PixelRange,
    Ratio,
    Resolution,
    SizeForms,
)
from darkroom.catalog.models import Feature, Model, Offer

ONE, TWO, THREE, FOUR = Resolution.ONE_K, Resolution.TWO_K, Resolution.THREE_K, Resolution.FOUR_K

_QINGBO_RATIOS = PUBLISHED_RATIOS | {Ratio(1, 2)}
_FIVE_RATIOS = frozenset(Ratio(*sides) for sides in ((1, 1), (3, 4), (4, 3), (9, 16), (16, 9)))
# From 2560x1440 to 4096x4096 pixels, sides within 1/16 and 16 (evolink's page; Ark has the same for 4.5).
_LARGE = PixelRange(2560 * 1440, 4096 * 4096)
_ANY = PixelRange(1280 * 720, 4096 * 4096)  # Ark for 4.0
_SMALL = PixelRange(512 * 512, 2048 * 2048, max_quotient=4)  # Ark for 3.0: 512x512 to 2048x2048
_FIVE = PixelRange(2560 * 1440, 3072 * 3072 + 3072 * 1376)  # Ark for 5.0: from 2560x1440 to 3K in any ratio

_BOTH = frozenset({Feature.GENERATE, Feature.EDIT})
_OPTIONS = frozenset({Feature.WATERMARK_OFF, Feature.FAST_PROMPT})
_NEWEST = _BOTH | _OPTIONS | {Feature.OUTPUT_FORMAT, Feature.WEB_SEARCH}
_WORDS_ONLY = frozenset({Feature.GENERATE})


def _by_ratio(*resolutions: Resolution, ratios: frozenset[Ratio], default: Resolution = TWO) -> SizeForms:
    return SizeForms(frozenset(resolutions), default, ratios)


def _by_pixels(*resolutions: Resolution, pixels: PixelRange, default: Resolution = TWO) -> SizeForms:
    return SizeForms(frozenset(resolutions), default, accepts_class=True, pixels=pixels)


_DEEPSPACE_ONLY_CLASS = SizeForms(frozenset({TWO, FOUR}), TWO, accepts_class=True)
# The page for 3.0 names `adaptive` and pixels; a class of 3.0 is sent as pixels.
_ACEDATA_3 = SizeForms(frozenset({ONE, TWO}), ONE, pixels=_SMALL)

SEEDREAM_5 = Model(
    "seedream-5.0",
    [
        "seedream-5", "seedream-5-0", "seedream-5.0-lite", "seedream-5-0-lite", "doubao-seedream-5.0",
        "doubao-seedream-5-0", "doubao-seedream-5.0-lite", "doubao-seedream-5-0-lite",
        "doubao-seedream-5-0-lite-260128", "seedream-5-0-260128", "seedream-5-0-lite-260128",
    ],
    [
        Offer(
            "seedream-5.0", "qingbo", "seedream-5.0", Decimal("1.60"), 25.0,
            _by_ratio(TWO, THREE, ratios=_QINGBO_RATIOS | COMPUTED_RATIOS - {Ratio(2, 1), Ratio(9, 21)}), _NEWEST,
        ),
        Offer(
            "seedream-5.0", "acedata", "doubao-seedream-5-0-260128", Decimal("1.70"), 22.0,
            _by_pixels(TWO, THREE, pixels=_FIVE), _NEWEST,
        ),
        Offer(
            "seedream-5.0", "deepspace", "Seedream-5.0-Lite", Decimal("1.75"), 30.0,
            _by_ratio(TWO, ratios=PUBLISHED_RATIOS), _BOTH | {Feature.FAST_PROMPT},
        ),
        Offer(
            "seedream-5.0", "deepspace", "Seedream-5.0-Lite-Preferential", Decimal("1.50"), 40.0,
            SizeForms(frozenset({TWO}), TWO, accepts_class=True),
            _BOTH | {Feature.WATERMARK_OFF, Feature.OUTPUT_FORMAT}, synchronous=True, max_n=1,
        ),
    ],
)  # fmt: skip

SEEDREAM_45 = Model(
    "seedream-4.5",
    ["seedream-4-5", "doubao-seedream-4-5", "doubao-seedream-4-5-251128", "seedream-4-5-251128"],
    [
        Offer(
            "seedream-4.5", "evolink", "doubao-seedream-4.5", Decimal("1.80"), 20.0,
            _by_pixels(TWO, FOUR, pixels=_LARGE), _BOTH | {Feature.FAST_PROMPT}, max_prompt=2000,
        ),
        Offer(
            "seedream-4.5", "qingbo", "seedream-4.5", Decimal("1.85"), 25.0,
            _by_ratio(TWO, FOUR, ratios=_QINGBO_RATIOS), _BOTH | _OPTIONS,
        ),
        Offer(
            "seedream-4.5", "acedata", "doubao-seedream-4-5-251128", Decimal("1.90"), 22.0,
            _by_pixels(TWO, FOUR, pixels=_LARGE), _BOTH | _OPTIONS,
        ),
        Offer(
            "seedream-4.5", "deepspace", "Seedream-4.5", Decimal("1.95"), 30.0,
            _by_ratio(TWO, FOUR, ratios=PUBLISHED_RATIOS), _BOTH | {Feature.FAST_PROMPT},
        ),
        Offer(
            "seedream-4.5", "chanjing", "doubao-seedream-4.5", Decimal("2.00"), 35.0,
            _by_ratio(TWO, FOUR, ratios=_FIVE_RATIOS), _BOTH, max_n=4,
        ),
        Offer(
            "seedream-4.5", "deepspace", "Seedream-4.5-Preferential", Decimal("2.05"), 40.0,
            _DEEPSPACE_ONLY_CLASS, _BOTH | {Feature.WATERMARK_OFF, Feature.OUTPUT_FORMAT},
            synchronous=True, max_n=1,
        ),
    ],
)  # fmt: skip

SEEDREAM_40 = Model(
    "seedream-4.0",
    ["seedream-4", "seedream-4-0", "doubao-seedream-4", "doubao-seedream-4-0", "seedream-4-0-250828"],
    [
        Offer(
            "seedream-4.0", "evolink", "doubao-seedream-4.0", Decimal("1.35"), 18.0,
            _by_pixels(ONE, TWO, FOUR, pixels=_ANY), _BOTH | {Feature.FAST_PROMPT}, max_prompt=2000,
        ),
        Offer(
            "seedream-4.0", "qingbo", "seedream-4.0", Decimal("1.40"), 20.0,
            _by_ratio(ONE, TWO, FOUR, ratios=_QINGBO_RATIOS), _BOTH | _OPTIONS,
        ),
        Offer(
            "seedream-4.0", "acedata", "doubao-seedream-4-0-250828", Decimal("1.45"), 20.0,
            _by_pixels(ONE, TWO, FOUR, pixels=_ANY), _BOTH | _OPTIONS,
        ),
        Offer(
            "seedream-4.0", "deepspace", "Seedream-4.0", Decimal("1.50"), 28.0,
            _by_ratio(ONE, TWO, FOUR, ratios=PUBLISHED_RATIOS), _BOTH | {Feature.FAST_PROMPT},
        ),
    ],
)  # fmt: skip

SEEDREAM_30 = Model(
    "seedream-3.0",
    ["seedream-3", "seedream-3-0", "seedream-3.0-t2i", "doubao-seedream-3-0-t2i", "seedream-3-0-t2i-250415"],
    [
        Offer(
            "seedream-3.0", "chanjing", "doubao-seedream-3.0-t2i", Decimal("1.00"), 20.0,
            _by_ratio(ONE, TWO, FOUR, ratios=_FIVE_RATIOS, default=ONE), _WORDS_ONLY, max_n=4, max_images=0,
        ),
        Offer(
            "seedream-3.0", "evolink", "doubao-seedream-3.0-t2i", Decimal("1.10"), 12.0,
            SizeForms(frozenset({ONE, TWO}), ONE, pixels=_SMALL), _WORDS_ONLY, max_n=1, max_images=0,
            max_prompt=2000,
        ),
        Offer(
            "seedream-3.0", "acedata", "doubao-seedream-3-0-t2i-250415", Decimal("1.15"), 12.0,
            _ACEDATA_3, _WORDS_ONLY | {Feature.SEED, Feature.GUIDANCE, Feature.WATERMARK_OFF},
            max_n=1, max_images=0,
        ),
    ],
)  # fmt: skip

SEEDEDIT_30 = Model(
    "seededit-3.0",
    ["seededit-3", "seededit-3-0", "seededit-3.0-i2i", "doubao-seededit-3-0-i2i", "seededit-3-0-i2i-250628"],
    [
        Offer(
            "seededit-3.0", "evolink", "doubao-seededit-3.0-i2i", Decimal("1.20"), 15.0,
            SizeForms(frozenset(), ONE, adaptive=True), frozenset({Feature.EDIT}), max_n=1, max_images=1,
            max_prompt=2000,
        ),
        Offer(
            "seededit-3.0", "acedata", "doubao-seededit-3-0-i2i-250628", Decimal("1.25"), 15.0,
            SizeForms(frozenset(), ONE, adaptive=True),
            frozenset({Feature.EDIT, Feature.SEED, Feature.GUIDANCE, Feature.WATERMARK_OFF}),
            max_n=1, max_images=1,
        ),
    ],
)  # fmt: skip

MODELS = (SEEDREAM_5, SEEDREAM_45, SEEDREAM_40, SEEDREAM_30, SEEDEDIT_30)
