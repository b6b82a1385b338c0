"""BMP: all rows are there (BITMAPFILEHEADER, BITMAPCOREHEADER, BITMAPINFOHEADER and its successors)."""

from darkroom.images.formats.reader import NotAnImage, Reader, TruncatedImage

_CORE, _INFO = 12, 40
_PLAIN = frozenset({0, 3, 6})
"""Rows as they are: BI_RGB, BI_BITFIELDS, BI_ALPHABITFIELDS."""
_RUNS = frozenset({1, 2})
"""Rows as runs: BI_RLE8, BI_RLE4."""


def size(reader: Reader) -> tuple[int, int]:
    """The sides; a negative height is that of rows from top to bottom. Raises `NotAnImage`, `TruncatedImage`."""
    (header,) = reader.unpack("<I", 14)
    if header == _CORE:
        width, height = reader.unpack("<HH", 18)
        return width, height
    if header < _INFO:
        raise NotAnImage("a BMP with an unknown header")
    width, height = reader.unpack("<ii", 18)
    return width, abs(height)


def walk(reader: Reader) -> None:
    """Check that the rows end within the file; what a header declares of the file's length is not believed."""
    width, height = size(reader)
    (data,) = reader.unpack("<I", 10)
    core = reader.unpack("<I", 14)[0] == _CORE
    bits, compression = (reader.unpack("<H", 24)[0], 0) if core else reader.unpack("<HI", 28)
    if bits not in {1, 2, 4, 8, 16, 24, 32}:
        raise NotAnImage("a BMP of an unknown depth")
    if compression in _PLAIN:
        reader.has(data, (width * bits + 31) // 32 * 4 * (height - 1) + (width * bits + 7) // 8)
    elif compression in _RUNS:
        _walk_runs(reader, data, height, nibbles=compression == 2)
    else:
        raise NotAnImage("a BMP with another format in it")


def _walk_runs(reader: Reader, offset: int, height: int, *, nibbles: bool) -> None:
    """Go through the runs to the end of the bitmap, or to that of its last row."""
    rows = 0
    while rows < height:
        count, value = reader.at(offset, 2)
        offset += 2
        if count:
            continue
        if value == 0:
            rows += 1
        elif value == 1:
            return
        elif value == 2:
            rows += reader.at(offset, 2)[1]
            offset += 2
        else:
            length = (value + 1) // 2 if nibbles else value
            reader.has(offset, length)
            offset += length + (length & 1)
    if rows > height:
        raise TruncatedImage("a BMP with more rows than it says")
