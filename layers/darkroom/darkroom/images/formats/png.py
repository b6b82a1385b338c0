"""PNG: all rows are there (PNG specification, third edition, 5, 8 and 11)."""

import zlib
from collections.abc import Iterator

from darkroom.images.formats.reader import MAX_PARTS, NotAnImage, Reader, TruncatedImage

_PIECE = 64 * 1024
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by colour type."""
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Where each pass of an interlaced image begins and how far its pixels are apart: x, y, across, down."""


def size(reader: Reader) -> tuple[int, int]:
    """The sides that IHDR gives. Raises `NotAnImage`, `TruncatedImage`."""
    if reader.at(12, 4) != b"IHDR":
        raise NotAnImage("a PNG without IHDR")
    width, height = reader.unpack(">II", 16)
    return width, height


def walk(reader: Reader) -> None:
    """Unpack the image data as far as its last row, and keep nothing of it.

    What follows the last row is nobody's loss: IEND, a checksum, a tail.
    """
    rest = _rows_bytes(reader)
    unpacking = zlib.decompressobj()
    try:
        for piece in _image_data(reader):
            packed = piece
            while packed:
                rest -= len(unpacking.decompress(packed, _PIECE))
                if rest <= 0:
                    return
                if unpacking.eof:
                    raise TruncatedImage("a PNG with fewer rows than it says")
                packed = unpacking.unconsumed_tail
    except zlib.error as error:
        raise NotAnImage("a PNG whose data can't be unpacked") from error
    raise TruncatedImage("a PNG whose last rows are missing")


def _rows_bytes(reader: Reader) -> int:
    """Bytes of all rows, each with its filter's number before it."""
    width, height, depth, colour, _, _, interlaced = reader.unpack(">IIBBBBB", 16)
    if colour not in _SAMPLES or depth not in {1, 2, 4, 8, 16} or interlaced not in {0, 1}:
        raise NotAnImage("a PNG of an unknown kind")
    bits = depth * _SAMPLES[colour]
    if not interlaced:
        return height * (1 + (width * bits + 7) // 8)
    total = 0
    for x, y, across, down in _ADAM7:
        columns, rows = (width - x + across - 1) // across, (height - y + down - 1) // down
        total += rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0
    return total


def _image_data(reader: Reader) -> Iterator[bytes]:
    """What the IDAT chunks hold, in pieces; of one that is cut off, what there is."""
    for kind, begin, length in chunks(reader):
        if kind == b"IDAT":
            end = min(begin + length, reader.size)
            for place in range(begin, end, _PIECE):
                yield reader.at(place, min(_PIECE, end - place))


def chunks(reader: Reader) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each chunk before IEND, and place and length of its content, which may be cut off.

    Raises `NotAnImage`.
    """
    offset = 8
    for _ in range(MAX_PARTS):
        head = reader.up_to(offset, 8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        length = int.from_bytes(head[:4], "big")
        yield head[4:], offset + 8, length
        offset += 12 + length
    raise NotAnImage("a PNG of too many chunks")
