"""JPEG: its scans end where the file says that they end (ITU T.81, annex B).

An end marker counts where it stands for the picture itself: one inside a segment, as that of a thumbnail in Exif, is
passed over with the segment. Where there is none, the last scan is decoded (`jpeg_scan`) to see whether it is whole.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from darkroom.images.formats.reader import MAX_PARTS, NotAnImage, Reader, TruncatedImage

_PIECE = 64 * 1024
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker within data: neither a stuffed byte nor a restart nor a fill byte."""
SOI, EOI, SOS, DHT, DRI = 0xD8, 0xD9, 0xDA, 0xC4, 0xDD
_NO_FRAME = frozenset({DHT, 0xC8, 0xCC})
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_ARITHMETIC = frozenset({0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})


@dataclass(slots=True)
class Frame:
    """A frame header: the kind of its marker, the sides, and each component's sampling."""

    kind: int
    width: int
    height: int
    sampling: dict[int, tuple[int, int]]

    @property
    def most(self) -> tuple[int, int]:
        """The largest sampling factors."""
        return max(h for h, _ in self.sampling.values()), max(v for _, v in self.sampling.values())

    @property
    def blocks(self) -> int:
        """Blocks of eight by eight that the smallest encoding of the picture has."""
        across, down = self.most
        return sum(
            -(-self.width * h // (8 * across)) * -(-self.height * v // (8 * down)) for h, v in self.sampling.values()
        )


@dataclass(slots=True)
class Scan:
    """One scan: its header's content, where its data lies, and how many segments of tables came before it."""

    header: bytes
    begin: int
    end: int
    tables: int


@dataclass(slots=True)
class Found:
    """What was met on the way through the file."""

    frame: Frame | None = None
    scans: list[Scan] = field(default_factory=list)
    tables: list[bytes] = field(default_factory=list)
    restart: int = 0
    ended: bool = False


def size(reader: Reader) -> tuple[int, int]:
    """The sides that the frame header gives. Raises `NotAnImage`, `TruncatedImage`."""
    for kind, begin, length in segments(reader):
        if kind in {EOI, SOS}:
            break
        if _is_frame(kind):
            frame = _frame(reader, kind, begin, length)
            return frame.width, frame.height
    raise NotAnImage("a JPEG without a frame")


def walk(reader: Reader) -> None:
    """Go through all segments and scans to the end marker. Raises `NotAnImage`, `TruncatedImage`."""
    found = _walk(reader)
    frame = found.frame
    if frame is None or not found.scans:
        raise TruncatedImage("a JPEG without data")
    bits = 8 * sum(scan.end - scan.begin for scan in found.scans)
    # No Huffman code is shorter than a bit, and a block has two of them, or one in a progressive picture's first scan.
    least = frame.blocks * (1 if frame.kind in _PROGRESSIVE else 2)
    if frame.kind not in _ARITHMETIC and bits < least:
        raise TruncatedImage("a JPEG with less data than it needs")
    if not found.ended:
        from darkroom.images.formats.jpeg_scan import is_whole  # hardly ever needed

        if not is_whole(reader, found, frame):
            raise TruncatedImage("a JPEG whose data breaks off")


def _walk(reader: Reader) -> Found:
    found = Found()
    for kind, begin, length in segments(reader):
        if kind == EOI:
            found.ended = True
            return found
        if _is_frame(kind):
            found.frame = found.frame or _frame(reader, kind, begin, length)
        elif kind == DHT:
            found.tables.append(reader.at(begin, length))
        elif kind == DRI:
            (found.restart,) = reader.unpack(">H", begin)
        elif kind == SOS:
            data = begin + length
            end = next_marker(reader, data)
            found.scans.append(Scan(reader.at(begin, length), data, end, len(found.tables)))
    return found


def segments(reader: Reader) -> Iterator[tuple[int, int, int]]:
    """Kind of each marker, and place and length of its content, to the end of picture or file."""
    offset, scanning = 2, False
    for _ in range(MAX_PARTS):
        two = reader.up_to(offset, 2)
        if scanning and len(two) < 2:
            return
        mark, kind = two if len(two) == 2 else reader.at(offset, 2)
        if mark != 0xFF:
            if not scanning:
                raise NotAnImage("a JPEG with a broken segment")
            offset = next_marker(reader, offset)  # bytes that nothing announces: decoders pass over them
            continue
        if kind == 0xFF:
            offset += 1
            continue
        if kind == 0x01 or 0xD0 <= kind <= SOI:
            offset += 2
            continue
        if kind == EOI:
            yield kind, offset + 2, 0
            return
        (length,) = reader.unpack(">H", offset + 2)
        if length < 2:
            raise NotAnImage("a JPEG with a broken segment")
        reader.has(offset + 4, length - 2)
        yield kind, offset + 4, length - 2
        offset += 2 + length
        if kind == SOS:
            scanning = True
            offset = next_marker(reader, offset)
    raise NotAnImage("a JPEG of too many segments")


def _is_frame(kind: int) -> bool:
    return 0xC0 <= kind <= 0xCF and kind not in _NO_FRAME


def _frame(reader: Reader, kind: int, begin: int, length: int) -> Frame:
    content = reader.at(begin, length)
    if length < 6 or length < 6 + 3 * content[5] or not content[5]:
        raise NotAnImage("a JPEG with a broken frame")
    height, width = int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big")
    sampling = {}
    for place in range(6, 6 + 3 * content[5], 3):
        across, down = content[place + 1] >> 4, content[place + 1] & 15
        if not (1 <= across <= 4 and 1 <= down <= 4):
            raise NotAnImage("a JPEG with broken sampling")
        sampling[content[place]] = (across, down)
    return Frame(kind, width, height, sampling)


def next_marker(reader: Reader, offset: int) -> int:
    """Where the next marker stands that is no restart, or the file's end."""
    while offset < reader.size:
        piece = reader.up_to(offset, _PIECE + 1)
        if marker := _MARKER.search(piece):
            return offset + marker.start()
        offset += max(1, len(piece) - 1) if offset + len(piece) < reader.size else len(piece)
    return reader.size
