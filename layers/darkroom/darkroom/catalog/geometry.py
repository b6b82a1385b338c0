"""Sizes, ratios and resolution classes, converted exactly: what can't be done is refused with what could."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache


class GeometryError(ValueError):
    """A size that can't be read, or that an offer can't make. `alternatives` are sizes that it could make."""

    def __init__(self, message: str, alternatives: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.alternatives = tuple(alternatives)


@dataclass(frozen=True, slots=True, order=True)
class Ratio:
    """A ratio of sides as it is written: 21:9 stays 21:9, and compares equal to nothing else."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}:{self.height}"


@dataclass(frozen=True, slots=True, order=True)
class Pixels:
    """A size in pixels."""

    width: int
    height: int

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Resolution(StrEnum):
    """A resolution class: about as many pixels as a square with that side, in units of 1024."""

    ONE_K = "1K"
    ONE_AND_A_HALF_K = "1.5K"
    TWO_K = "2K"
    THREE_K = "3K"
    FOUR_K = "4K"

    @property
    def side(self) -> int:
        """The side of the class's square, in pixels."""
        return int(1024 * float(self.value[:-1]))


_RESOLUTIONS = frozenset(resolution.value for resolution in Resolution)


class Adaptive(StrEnum):
    """The one size that is no size: the provider takes it from the reference image."""

    ADAPTIVE = "adaptive"


Size = Ratio | Pixels | Resolution | Adaptive

SQUARE = Ratio(1, 1)
_RATIO = re.compile(r"([1-9][0-9]{0,2}):([1-9][0-9]{0,2})")
_PIXELS = re.compile(r"([1-9][0-9]{0,4})[x×*]([1-9][0-9]{0,4})", re.IGNORECASE)


def parse_size(text: str) -> Size:
    """Read a size as the API takes it. Raises `GeometryError`."""
    if text.lower() == Adaptive.ADAPTIVE:
        return Adaptive.ADAPTIVE
    if text.upper() in _RESOLUTIONS:
        return Resolution(text.upper())
    if match := _RATIO.fullmatch(text):
        return Ratio(int(match[1]), int(match[2]))
    if match := _PIXELS.fullmatch(text):
        return Pixels(int(match[1]), int(match[2]))
    raise GeometryError(
        f"{text[:40]!r} is not a size: use a ratio (16:9), a class (1K, 1.5K, 2K, 3K, 4K), WIDTHxHEIGHT or adaptive"
    )


def parse_resolution(text: str) -> Resolution:
    """Read a resolution class. Raises `GeometryError`."""
    if text.upper() in _RESOLUTIONS:
        return Resolution(text.upper())
    raise GeometryError(f"{text[:40]!r} is not a resolution: use 1K, 1.5K, 2K, 3K or 4K", list(Resolution))


@dataclass(frozen=True, slots=True)
class Shape:
    """What a request asks for. Without a size the model's own is meant; a resolution goes with a ratio.

    Raises `GeometryError` where the two contradict each other.
    """

    size: Size | None = None
    resolution: Resolution | None = None

    def __post_init__(self) -> None:
        size, resolution = self.size, self.resolution
        if resolution is None or size is None or isinstance(size, Ratio) or size == resolution:
            return
        if isinstance(size, Pixels) and _classes().get(size, (None, None))[1] == resolution:
            return
        raise GeometryError(f"size {size} and resolution {resolution} contradict each other: give one of them")


# The sizes that the models' maker recommends for each class and ratio (Volcengine Ark, image generation API, `size`).
_PUBLISHED: dict[Resolution, dict[tuple[int, int], tuple[int, int]]] = {
    Resolution.ONE_K: {
        (1, 1): (1024, 1024), (4, 3): (1152, 864), (3, 4): (864, 1152), (16, 9): (1280, 720),
        (9, 16): (720, 1280), (3, 2): (1248, 832), (2, 3): (832, 1248), (21, 9): (1512, 648),
    },
    Resolution.TWO_K: {
        (1, 1): (2048, 2048), (4, 3): (2304, 1728), (3, 4): (1728, 2304), (16, 9): (2560, 1440),
        (9, 16): (1440, 2560), (3, 2): (2496, 1664), (2, 3): (1664, 2496), (21, 9): (3024, 1296),
    },
    Resolution.THREE_K: {
        (1, 1): (3072, 3072), (4, 3): (3456, 2592), (3, 4): (2592, 3456), (16, 9): (4096, 2304),
        (9, 16): (2304, 4096), (3, 2): (3744, 2496), (2, 3): (2496, 3744), (21, 9): (4704, 2016),
    },
    Resolution.FOUR_K: {
        (1, 1): (4096, 4096), (4, 3): (4704, 3520), (3, 4): (3520, 4704), (16, 9): (5504, 3040),
        (9, 16): (3040, 5504), (3, 2): (4992, 3328), (2, 3): (3328, 4992), (21, 9): (6240, 2656),
    },
}  # fmt: skip

PUBLISHED_RATIOS = frozenset(Ratio(*sides) for sides in _PUBLISHED[Resolution.TWO_K])
# Ratios that a provider of ours takes and the maker's table has not; their pixels are computed.
COMPUTED_RATIOS = frozenset({Ratio(1, 2), Ratio(2, 1), Ratio(4, 5), Ratio(5, 4), Ratio(9, 21)})
_STEP = 16


@cache
def pixels_for(ratio: Ratio, resolution: Resolution) -> Pixels:
    """The pixels of a ratio in a class: the maker's where it names them, else the largest exact ones in the class.

    Computed sides are multiples of 16 and keep the ratio exactly.
    """
    published = _PUBLISHED.get(resolution, {}).get((ratio.width, ratio.height))
    if published:
        return Pixels(*published)
    shared = math.gcd(ratio.width, ratio.height)
    width, height = ratio.width // shared, ratio.height // shared
    unit = math.isqrt(resolution.side**2 // (width * height))
    unit = max(unit - unit % _STEP, 1)
    return Pixels(width * unit, height * unit)


@cache
def _classes() -> dict[Pixels, tuple[Ratio, Resolution]]:
    found: dict[Pixels, tuple[Ratio, Resolution]] = {}
    for resolution in Resolution:
        for ratio in sorted(PUBLISHED_RATIOS) + sorted(COMPUTED_RATIOS):
            found.setdefault(pixels_for(ratio, resolution), (ratio, resolution))
    return found


def classify(pixels: Pixels) -> tuple[Ratio, Resolution] | None:
    """The ratio and class that mean exactly these pixels, or None where none do."""
    return _classes().get(pixels)


@dataclass(frozen=True, slots=True)
class PixelRange:
    """The pixel sizes that an offer takes: by area, and by the quotient of its sides."""

    min_area: int
    max_area: int
    max_quotient: float = 16.0

    def __contains__(self, pixels: Pixels) -> bool:
        quotient = pixels.width / pixels.height
        return self.min_area <= pixels.area <= self.max_area and 1 / self.max_quotient <= quotient <= self.max_quotient


@dataclass(frozen=True, slots=True)
class SizeForms:
    """How an offer can be told a size, and which sizes it has.

    `accepts_class` means a bare class (`2K`), the model choosing the ratio; `default` is the class of a bare ratio.
    """

    resolutions: frozenset[Resolution]
    default: Resolution
    ratios: frozenset[Ratio] = field(default_factory=frozenset)
    accepts_class: bool = False
    pixels: PixelRange | None = None
    adaptive: bool = False


@dataclass(frozen=True, slots=True)
class Expression:
    """A shape in the words of one offer: a ratio with a class, a bare class, pixels, or adaptive."""

    ratio: Ratio | None = None
    resolution: Resolution | None = None
    pixels: Pixels | None = None
    adaptive: bool = False


def largest_pixels(shape: Expression) -> int | None:
    """The most pixels that an image of this shape can have; None where only the reference image tells."""
    if shape.pixels:
        return shape.pixels.area
    if shape.resolution is None:
        return None
    if shape.ratio:
        return pixels_for(shape.ratio, shape.resolution).area
    # A bare class leaves the ratio to the model.
    return max(pixels_for(ratio, shape.resolution).area for ratio in PUBLISHED_RATIOS)


def express(shape: Shape, forms: SizeForms) -> Expression:
    """Say a shape in an offer's words, never rounded, in the form nearest to the user's own.

    Raises `GeometryError` with what the offer could make instead.
    """
    match shape.size:
        case None:
            return _express_default(shape, forms)
        case Adaptive():
            if forms.adaptive:
                return Expression(adaptive=True)
            raise GeometryError(f"adaptive: use {_either(sizes_of(forms))}", sizes_of(forms))
        case Resolution() as resolution:
            return _express_class(resolution, forms)
        case Ratio() as ratio:
            return _express_ratio(ratio, shape.resolution or forms.default, forms)
        case Pixels() as pixels:
            return _express_pixels(pixels, forms)


def sizes_of(forms: SizeForms) -> tuple[str, ...]:
    """Sizes that an offer surely makes, for messages: its classes, in order, or adaptive."""
    classes = tuple(str(resolution) for resolution in sorted(forms.resolutions))
    return classes or ("adaptive",)


def _express_default(shape: Shape, forms: SizeForms) -> Expression:
    if not forms.resolutions:
        if shape.resolution:
            raise GeometryError(f"{shape.resolution}: use adaptive", ["adaptive"])
        return Expression(adaptive=True)
    return _express_ratio(SQUARE, shape.resolution or forms.default, forms)


def _express_class(resolution: Resolution, forms: SizeForms) -> Expression:
    _need_class(resolution, forms)
    if forms.accepts_class:
        return Expression(resolution=resolution)
    return _express_ratio(SQUARE, resolution, forms)


def _express_ratio(ratio: Ratio, resolution: Resolution, forms: SizeForms) -> Expression:
    _need_class(resolution, forms)
    if ratio in forms.ratios:
        return Expression(ratio=ratio, resolution=resolution)
    pixels = pixels_for(ratio, resolution)
    if forms.pixels and pixels in forms.pixels:
        return Expression(pixels=pixels)
    if ratio == SQUARE and forms.accepts_class:
        # A class alone leaves the ratio to the model, whose own is the square.
        return Expression(resolution=resolution)
    ratios = [str(known) for known in sorted(forms.ratios)] or sizes_of(forms)
    raise GeometryError(f"{ratio} at {resolution}: use {_either(ratios)}", ratios)


def _express_pixels(pixels: Pixels, forms: SizeForms) -> Expression:
    if forms.pixels and pixels in forms.pixels:
        return Expression(pixels=pixels)
    ratio, resolution = _classes().get(pixels, (None, None))
    if ratio and resolution in forms.resolutions:
        if ratio in forms.ratios:
            return Expression(ratio=ratio, resolution=resolution)
        if ratio == SQUARE and forms.accepts_class:
            return Expression(resolution=resolution)
    if forms.pixels:
        low, high = forms.pixels.min_area, forms.pixels.max_area
        raise GeometryError(f"{pixels}: use between {low} and {high} pixels in all", sizes_of(forms))
    near = [str(pixels_for(known, best)) for known, best in _nearest(pixels, forms)] or sizes_of(forms)
    raise GeometryError(f"{pixels}: use {_either(near)}", near)


def _nearest(pixels: Pixels, forms: SizeForms) -> list[tuple[Ratio, Resolution]]:
    """The two sizes of an offer that come nearest to a size that it can't make."""

    def distance(choice: tuple[Ratio, Resolution]) -> float:
        other = pixels_for(*choice)
        return abs(math.log(other.width / pixels.width)) + abs(math.log(other.height / pixels.height))

    choices = [(ratio, resolution) for ratio in sorted(forms.ratios) for resolution in sorted(forms.resolutions)]
    return sorted(choices, key=distance)[:2]


def _need_class(resolution: Resolution, forms: SizeForms) -> None:
    if resolution not in forms.resolutions:
        raise GeometryError(f"{resolution}: use {_either(sizes_of(forms))}", sizes_of(forms))


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
