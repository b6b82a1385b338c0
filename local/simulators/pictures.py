"""Pictures drawn from a prompt: the same words give the same picture, in the size and format that were asked for."""

import colorsys
import hashlib
import io
import random
from functools import lru_cache

from PIL import Image, ImageDraw

_SMALL = 96


@lru_cache(maxsize=64)
def draw(prompt: str, index: int, width: int, height: int, form: str) -> bytes:
    """An image file: a landscape of the prompt's own colours with its words on it. `form` is `jpeg` or `png`."""
    dice = random.Random(hashlib.sha256(f"{prompt}\0{index}".encode()).digest())
    small = _landscape(dice, width / height)
    picture = small.resize((width, height), Image.Resampling.BILINEAR)
    words = ImageDraw.Draw(picture)
    size = max(12, width // 40)
    words.text((size, height - 3 * size), f"{prompt[:60]} #{index + 1}", fill="white", font_size=size)
    buffer = io.BytesIO()
    if form == "png":
        picture.save(buffer, "PNG", compress_level=1)
    else:
        picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _landscape(dice: random.Random, ratio: float) -> Image.Image:
    """Sky, sun and hills at a small scale, which is quick to draw and soft when it is enlarged."""
    width, height = max(8, int(_SMALL * ratio**0.5)), max(8, int(_SMALL / ratio**0.5))
    hue = dice.random()
    small = Image.new("RGB", (width, height))
    canvas = ImageDraw.Draw(small)
    for row in range(height):
        canvas.line((0, row, width, row), fill=_colour(hue, 0.5, 0.95 - 0.5 * row / height))
    radius = dice.randint(4, 12)
    x, y = dice.randint(0, width), dice.randint(0, height // 2)
    canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(hue + 0.15, 0.4, 1.0))
    for layer in range(3):
        base = height * (0.55 + 0.15 * layer)
        points = [(step * width / 6, base + dice.uniform(-0.12, 0.12) * height) for step in range(7)]
        shade = _colour(hue + 0.5, 0.5, 0.6 - 0.18 * layer)
        canvas.polygon([(0, height), *points, (width, height)], fill=shade)
    return small


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return int(255 * red), int(255 * green), int(255 * blue)
