"""Whether bytes are a whole picture, told without an image library."""

import struct
import zlib

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})
"""Markers among the start-of-frame markers that start no frame (ITU T.81, table B.1)."""


class NotAPicture(ValueError):
    """Bytes that are no picture, or not all of one."""


def size_of(content: bytes) -> tuple[int, int]:
    """Width and height of a whole PNG or JPEG file. Raises `NotAPicture`."""
    try:
        if content.startswith(_PNG):
            return _size_of_png(content)
        if content.startswith(_JPEG):
            return _size_of_jpeg(content)
    except (struct.error, IndexError) as error:
        raise NotAPicture("it breaks off") from error
    raise NotAPicture(f"it is no PNG and no JPEG: it begins with {content[:8]!r}")


def noise(width: int, height: int, seed: bytes) -> bytes:
    """A PNG file of random pixels, which takes the room of all of them: three bytes each."""
    import random

    dice = random.Random(seed)
    rows = b"".join(b"\0" + dice.randbytes(3 * width) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return _PNG + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 0)) + _chunk(b"IEND", b"")


def _size_of_png(content: bytes) -> tuple[int, int]:
    place = len(_PNG)
    while True:
        length, kind = struct.unpack_from(">I4s", content, place)
        (told,) = struct.unpack_from(">I", content, place + 8 + length)
        if told != zlib.crc32(content[place + 4 : place + 8 + length]):
            raise NotAPicture(f"its part {kind.decode('latin-1')} is damaged")
        place += 12 + length
        if kind == b"IEND":
            break
    if place != len(content):
        raise NotAPicture("something follows its end")
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _size_of_jpeg(content: bytes) -> tuple[int, int]:
    if not content.rstrip(b"\0").endswith(_JPEG_END):
        raise NotAPicture("it breaks off before its end")
    place = 2
    while True:
        marker, length = struct.unpack_from(">xBH", content, place)
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width = struct.unpack_from(">HH", content, place + 5)
            return width, height
        place += 2 + length


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
