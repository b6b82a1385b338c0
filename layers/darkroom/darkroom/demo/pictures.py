"""Drawing without an image library: PNG files (W3C, "Portable Network Graphics") of soft colours and circles.

A row is made of slices of ready-made bytes and never pixel by pixel, and is compressed before the next one is drawn:
2048 by 2048 pixels take a fraction of a second, and memory for some rows.
"""

import colorsys
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BIT_RGB = (8, 2, 0, 0, 0)
_UNFILTERED = b"\0"
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Circle:
    """A disc of glass: it turns what lies under it towards its own colour. `tables` has a look-up for each channel."""

    x: float
    y: float
    radius: float
    tables: tuple[bytes, ...]

    def span(self, row: int) -> tuple[int, int]:
        """The columns that it covers in a row: from, and up to."""
        half = self.radius**2 - (row - self.y) ** 2
        reach = half**0.5 if half > 0 else 0.0
        return max(0, int(self.x - reach)), max(0, int(self.x + reach))


def draw(seed: bytes, width: int, height: int) -> bytes:
    """A PNG file of this size: the same picture for the same seed."""
    dice = random.Random(seed)
    packer = zlib.compressobj(6)
    packed = b"".join(packer.compress(_UNFILTERED + row) for row in _rows(dice, width, height)) + packer.flush()
    head = struct.pack(">II5B", width, height, *_EIGHT_BIT_RGB)
    return _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _rows(dice: random.Random, width: int, height: int) -> Iterator[bytes]:
    """The rows of a picture, three bytes a pixel: a diagonal gradient with circles over it."""
    hue = dice.random()
    circles = [_circle(dice, hue, width, height) for _ in range(9)]
    ramp = _ramp(_colour(hue, 0.55, 0.95), _colour(hue + 0.18, 0.75, 0.35), width + height)
    for number in range(height):
        row = bytearray(ramp[3 * number : 3 * (number + width)])
        for circle in circles:
            first, last = circle.span(number)
            last = min(last, width)
            if first < last:
                for channel, table in enumerate(circle.tables):
                    place = slice(3 * first + channel, 3 * last, 3)
                    row[place] = row[place].translate(table)
        yield bytes(row)


def _circle(dice: random.Random, hue: float, width: int, height: int) -> _Circle:
    colour = _colour(hue + dice.choice((0.08, 0.42, 0.5, 0.58)), 0.7, dice.uniform(0.6, 1.0))
    strength = dice.uniform(0.25, 0.6)
    tables = tuple(bytes(int(under + (over - under) * strength) for under in range(256)) for over in colour)
    radius = min(width, height) * dice.uniform(0.06, 0.34)
    return _Circle(dice.uniform(0, width), dice.uniform(0, height), radius, tables)


def _ramp(start: Colour, end: Colour, steps: int) -> bytes:
    """Pixels from one colour to another."""
    ramp = bytearray(3 * steps)
    for channel in range(3):
        low, way = start[channel], end[channel] - start[channel]
        ramp[channel::3] = bytes(int(low + way * step / steps) for step in range(steps))
    return bytes(ramp)


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = (int(255 * part) for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))
    return red, green, blue


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
