"""WebP: every chunk of the picture is whole (WebP container specification; RFC 6386, 9.1)."""

from collections.abc import Iterator

from darkroom.images.formats.reader import MAX_PARTS, NotAnImage, Reader, TruncatedImage

_LOSSY, _LOSSLESS, _EXTENDED, _FRAME = b"VP8 ", b"VP8L", b"VP8X", b"ANMF"
_FRAME_HEAD = 16
"""Bytes of a frame of an animation before its own chunks."""


def size(reader: Reader) -> tuple[int, int]:
    """The sides that the first chunk gives. Raises `NotAnImage`, `TruncatedImage`."""
    kind = reader.at(12, 4)
    if kind == _EXTENDED:
        low = reader.at(24, 6)
        return 1 + int.from_bytes(low[:3], "little"), 1 + int.from_bytes(low[3:], "little")
    if kind == _LOSSLESS:
        signature, bits = reader.at(20, 1), reader.unpack("<I", 21)[0]
        if signature != b"\x2f":
            raise NotAnImage("a lossless WebP with a broken header")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == _LOSSY:
        if reader.at(23, 3) != b"\x9d\x01\x2a":
            raise NotAnImage("a WebP with a broken frame")
        width, height = reader.unpack("<HH", 26)
        return width & 0x3FFF, height & 0x3FFF
    raise NotAnImage("a WebP of an unknown kind")


def walk(reader: Reader) -> None:
    """Go through all chunks that the container declares. Raises `NotAnImage`, `TruncatedImage`."""
    (declared,) = reader.unpack("<I", 4)
    pictures = 0
    for kind, offset, length in chunks(reader, 12, 8 + declared):
        if kind == _FRAME:
            inner = chunks(reader, offset + _FRAME_HEAD, offset + length)
            pictures += sum(_is_picture(reader, *chunk) for chunk in inner)
        else:
            pictures += _is_picture(reader, kind, offset, length)
    if not pictures:
        raise TruncatedImage("a WebP without a picture")


def chunks(reader: Reader, offset: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each chunk up to `end`, and place and length of its content.

    An odd last one may lack its padding byte.
    """
    for _ in range(MAX_PARTS):
        if offset + 8 > end:
            return
        kind = reader.at(offset, 4)
        (length,) = reader.unpack("<I", offset + 4)
        if offset + 8 + length > end:
            raise TruncatedImage("a WebP that declares less than it needs")
        reader.has(offset + 8, length)
        yield kind, offset + 8, length
        offset += 8 + length + (length & 1)
    raise NotAnImage("a WebP of too many chunks")


def _is_picture(reader: Reader, kind: bytes, offset: int, length: int) -> bool:
    if kind == _LOSSLESS:
        if length <= 5:
            raise TruncatedImage("a lossless WebP without data")
        return True
    if kind == _LOSSY:
        if length <= 10:
            raise TruncatedImage("a WebP without data")
        first = int.from_bytes(reader.at(offset, 3), "little") >> 5
        if not first or 10 + first >= length:
            raise TruncatedImage("a WebP whose data is shorter than its first part")
        return True
    return False
