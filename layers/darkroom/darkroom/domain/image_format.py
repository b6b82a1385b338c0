"""What an image is, from its own bytes: its type, its size in pixels, and whether its end is there."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

MAX_SIDE = 65_535
MAX_SEGMENTS = 4_000
"""Segments or chunks that are walked through before a file counts as hostile."""
TAIL = 64 * 1024
"""How far before the end of the file an end marker may stand: some writers pad, or append data of their own."""


class NotAnImage(ValueError):
    """The bytes are no PNG, JPEG, WebP, GIF, BMP or TIFF, or break that format's own rules."""


class TruncatedImage(ValueError):
    """The image begins well but its end is missing."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What was found: the media type, the usual file extension, and the sides in pixels."""

    content_type: str
    extension: str
    width: int
    height: int


def inspect(file: IO[bytes]) -> ImageFacts:
    """Look into a seekable file from its beginning, reading little of it whatever its size.

    Raises `NotAnImage`, `TruncatedImage`. The pixels themselves are not decoded.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(16)
    for matches, read, content_type, extension in _FORMATS:
        if matches(head):
            width, height = read(_Reader(file, size))
            if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
                raise NotAnImage(f"impossible size {width}x{height}")
            return ImageFacts(content_type, extension, width, height)
    raise NotAnImage("no known signature")


class _Reader:
    """Reads exact pieces of a file, and says so where the file ends first."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.size = size

    def at(self, offset: int, count: int) -> bytes:
        if offset < 0 or offset + count > self.size:
            raise TruncatedImage(f"it ends before byte {offset + count}")
        self._file.seek(offset)
        return self._file.read(count)

    def unpack(self, form: str, offset: int) -> tuple[int, ...]:
        return struct.unpack(form, self.at(offset, struct.calcsize(form)))

    def tail(self) -> bytes:
        start = max(0, self.size - TAIL)
        return self.at(start, self.size - start)


def _png(reader: _Reader) -> tuple[int, int]:
    """IHDR first, then chunks up to IEND (PNG specification, 5.3 and 11.2)."""
    if reader.at(12, 4) != b"IHDR":
        raise NotAnImage("a PNG without IHDR")
    width, height = reader.unpack(">II", 16)
    if b"IEND\xaeB`\x82" not in reader.tail():
        raise TruncatedImage("a PNG without IEND")
    return width, height


def _jpeg(reader: _Reader) -> tuple[int, int]:
    """Segments up to a frame header (ITU T.81, B.2.2), and an end marker near the end."""
    offset = 2
    for _ in range(MAX_SEGMENTS):
        mark, kind = reader.at(offset, 2)
        if mark != 0xFF:
            raise NotAnImage("a JPEG with a broken segment")
        if kind == 0xFF:
            offset += 1  # fill byte
            continue
        if kind == 0x01 or 0xD0 <= kind <= 0xD8:
            offset += 2  # markers without content
            continue
        (length,) = reader.unpack(">H", offset + 2)
        if 0xC0 <= kind <= 0xCF and kind not in {0xC4, 0xC8, 0xCC}:
            height, width = reader.unpack(">HH", offset + 5)
            if b"\xff\xd9" not in reader.tail():
                raise TruncatedImage("a JPEG without its end marker")
            return width, height
        if kind in {0xD9, 0xDA} or length < 2:
            break
        offset += 2 + length
    raise NotAnImage("a JPEG without a frame")


def _gif(reader: _Reader) -> tuple[int, int]:
    """The logical screen (GIF89a, 18), and the trailer."""
    width, height = reader.unpack("<HH", 6)
    if reader.tail().rstrip(b"\0")[-1:] != b";":
        raise TruncatedImage("a GIF without its trailer")
    return width, height


def _webp(reader: _Reader) -> tuple[int, int]:
    """The first chunk tells the kind (WebP container specification)."""
    (declared,) = reader.unpack("<I", 4)
    if declared + 8 > reader.size + 1:  # an odd last chunk may lack its padding byte
        raise TruncatedImage("a WebP shorter than it says")
    kind = reader.at(12, 4)
    if kind == b"VP8X":
        low = reader.at(24, 6)
        return 1 + int.from_bytes(low[:3], "little"), 1 + int.from_bytes(low[3:], "little")
    if kind == b"VP8L":
        signature, bits = reader.at(20, 1), reader.unpack("<I", 21)[0]
        if signature != b"\x2f":
            raise NotAnImage("a lossless WebP with a broken header")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        if reader.at(23, 3) != b"\x9d\x01\x2a":
            raise NotAnImage("a WebP with a broken frame")
        width, height = reader.unpack("<HH", 26)
        return width & 0x3FFF, height & 0x3FFF
    raise NotAnImage("a WebP of an unknown kind")


def _bmp(reader: _Reader) -> tuple[int, int]:
    """File header and info header (BITMAPFILEHEADER, BITMAPINFOHEADER); a negative height means top-down."""
    (declared,) = reader.unpack("<I", 2)
    if declared > reader.size:
        raise TruncatedImage("a BMP shorter than it says")
    (header,) = reader.unpack("<I", 14)
    if header == 12:
        width, height = reader.unpack("<HH", 18)
        return width, height
    if header < 40:
        raise NotAnImage("a BMP with an unknown header")
    width, height = reader.unpack("<ii", 18)
    return width, abs(height)


_TIFF_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of one value, by its type (TIFF 6.0, section 2); one for the others."""


def _tiff(reader: _Reader) -> tuple[int, int]:
    """The first directory (TIFF 6.0, section 2), and whether its strips or tiles lie within the file."""
    order = "<" if reader.at(0, 2) == b"II" else ">"
    (directory,) = reader.unpack(order + "I", 4)
    (count,) = reader.unpack(order + "H", directory)
    if not 0 < count <= MAX_SEGMENTS:
        raise NotAnImage("a TIFF with a broken directory")
    entries: dict[int, tuple[int, int, int]] = {}
    for place in range(count):
        start = directory + 2 + 12 * place
        tag, kind, number = reader.unpack(order + "HHI", start)
        entries[tag] = (kind, number, start + 8)
        length = number * _TIFF_SIZES.get(kind, 1)
        if length > 4:  # the value lies elsewhere, and has to be there
            (elsewhere,) = reader.unpack(order + "I", start + 8)
            reader.at(elsewhere + length, 0)
    if 256 not in entries or 257 not in entries:
        raise NotAnImage("a TIFF without a size")
    width, height = (_tiff_number(reader, order, entries[tag], 0) for tag in (256, 257))
    for offsets, counts in ((273, 279), (324, 325)):
        if offsets in entries and counts in entries:
            last = min(entries[offsets][1], entries[counts][1]) - 1
            if last >= 0:
                begin = _tiff_number(reader, order, entries[offsets], last)
                length = _tiff_number(reader, order, entries[counts], last)
                reader.at(begin + length, 0)
    return width, height


def _tiff_number(reader: _Reader, order: str, entry: tuple[int, int, int], place: int) -> int:
    kind, number, offset = entry
    form, width = {3: ("H", 2), 4: ("I", 4)}.get(kind, ("", 0))
    if not width or place >= number:
        raise NotAnImage("a TIFF with a field of an unexpected type")
    if number * width > 4:
        (offset,) = reader.unpack(order + "I", offset)
    return reader.unpack(order + form, offset + place * width)[0]


_Format = tuple[Callable[[bytes], bool], Callable[[_Reader], tuple[int, int]], str, str]
_FORMATS: tuple[_Format, ...] = (
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), _png, "image/png", "png"),
    (lambda head: head.startswith(b"\xff\xd8\xff"), _jpeg, "image/jpeg", "jpg"),
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", _webp, "image/webp", "webp"),
    (lambda head: head[:6] in {b"GIF87a", b"GIF89a"}, _gif, "image/gif", "gif"),
    (lambda head: head[:2] == b"BM", _bmp, "image/bmp", "bmp"),
    (lambda head: head[:4] in {b"II*\0", b"MM\0*"}, _tiff, "image/tiff", "tiff"),
)
