"""Sizes as the providers take them, in pixels."""

from darkroom.catalog.geometry import Pixels, Ratio, Resolution, parse_size, pixels_for


def from_ratio(ratio: str, resolution: str) -> tuple[int, int]:
    """A ratio in a class. Raises `ValueError`."""
    size = parse_size(ratio)
    if not isinstance(size, Ratio):
        raise ValueError(f"{ratio} is not a ratio")
    pixels = pixels_for(size, Resolution(resolution))
    return pixels.width, pixels.height


def from_text(text: str) -> tuple[int, int]:
    """A class, WIDTHxHEIGHT, or `adaptive`. Raises `ValueError`."""
    size = parse_size(text)
    match size:
        case Pixels():
            return size.width, size.height
        case Resolution():
            return size.side, size.side
        case Ratio():
            raise ValueError(f"{text} is not a size here")
        case _:
            return 1024, 1024
