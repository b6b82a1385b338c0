"""Small real pictures for tests."""

import io

from PIL import Image


def picture(form: str = "PNG", size: tuple[int, int] = (8, 6), **options: object) -> bytes:
    """An image file in a Pillow format."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 40, 90)).save(buffer, form, **options)
    return buffer.getvalue()
