"""AVIF: its size, and whether all of its data is there (ISO/IEC 14496-12 and 23008-12, AV1 Image File Format)."""

from collections.abc import Iterator
from dataclasses import dataclass

from darkroom.images.formats.reader import MAX_PARTS, NotAnImage, Reader, TruncatedImage, UnsupportedImage

MOST_ITEMS = 10_000
_HEVC = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"})
_AV1 = frozenset({b"avif", b"avis"})


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its kind, and where its content lies."""

    kind: bytes
    begin: int
    end: int


def boxes(reader: Reader, offset: int, end: int) -> Iterator[Box]:
    """The boxes between two places. Raises `NotAnImage`, `TruncatedImage`."""
    for _ in range(MAX_PARTS):
        if offset + 8 > end:
            return
        (length,) = reader.unpack(">I", offset)
        kind, head = reader.at(offset + 4, 4), 8
        if length == 1:
            (length,) = reader.unpack(">Q", offset + 8)
            head = 16
        elif length == 0:
            length = end - offset
        if length < head:
            raise NotAnImage("an AVIF with a broken box")
        yield Box(kind, offset + head, min(offset + length, end) if end < reader.size else offset + length)
        offset += length
    raise NotAnImage("an AVIF of too many boxes")


def size(reader: Reader) -> tuple[int, int]:
    """The primary item's sides, or for a sequence alone those of its track.

    Raises `NotAnImage`, `UnsupportedImage` for another codec in the same container, `TruncatedImage`.
    """
    check_brand(reader)
    found = {box.kind: box for box in boxes(reader, 0, reader.size)}
    if b"meta" in found:
        return _Meta(reader, found[b"meta"]).size()
    if b"moov" in found:
        return _track_size(reader, found[b"moov"])
    raise TruncatedImage("an AVIF without a picture")


def walk(reader: Reader) -> None:
    """Check that every box and every item's data end within the file. Raises `NotAnImage`, `TruncatedImage`."""
    found = list(boxes(reader, 0, reader.size))
    known = {box.kind for box in found}
    for box in found:
        if box.kind in {b"ftyp", b"meta", b"mdat", b"moov", b"idat"}:
            reader.has(box.begin, box.end - box.begin)
        if box.kind == b"meta":
            _Meta(reader, box).check_data()
    if b"mdat" not in known and b"meta" not in known:
        raise TruncatedImage("an AVIF without data")


def check_brand(reader: Reader) -> None:
    """Whether the container says that AV1 is in it. Raises `UnsupportedImage`, `NotAnImage`."""
    (length,) = reader.unpack(">I", 0)
    content = reader.at(8, max(0, min(length, 512) - 8))
    brands = {content[place : place + 4] for place in range(0, len(content), 4) if place != 4}
    if brands & _AV1:
        return
    if brands & _HEVC or b"mif1" in brands or b"msf1" in brands:
        raise UnsupportedImage("HEIC")
    raise NotAnImage("a container of something else")


class _Meta:
    """The boxes that describe the items."""

    def __init__(self, reader: Reader, meta: Box) -> None:
        self._reader = reader
        self._boxes = {box.kind: box for box in boxes(reader, meta.begin + 4, meta.end)}

    def size(self) -> tuple[int, int]:
        """The sides of the primary item (`pitm`, `ipma`, `ispe`)."""
        properties = self._boxes.get(b"iprp")
        if properties is None:
            raise TruncatedImage("an AVIF without properties")
        inner = {box.kind: box for box in boxes(self._reader, properties.begin, properties.end)}
        if b"ipco" not in inner:
            raise TruncatedImage("an AVIF without properties")
        listed = list(boxes(self._reader, inner[b"ipco"].begin, inner[b"ipco"].end))
        wanted = self._properties_of_primary(inner.get(b"ipma"))
        sizes = [box for place, box in enumerate(listed, 1) if box.kind == b"ispe" and (not wanted or place in wanted)]
        if not sizes:
            raise NotAnImage("an AVIF without a size")
        width, height = self._reader.unpack(">II", sizes[0].begin + 4)
        return width, height

    def _properties_of_primary(self, associations: Box | None) -> set[int]:
        primary = self._boxes.get(b"pitm")
        if associations is None or primary is None:
            return set()
        version = self._reader.at(primary.begin, 1)[0]
        (item,) = self._reader.unpack(">I" if version else ">H", primary.begin + 4)
        version, _, flags = self._reader.unpack(">BHB", associations.begin)
        (count,) = self._reader.unpack(">I", associations.begin + 4)
        offset = associations.begin + 8
        for _ in range(min(count, MOST_ITEMS)):
            (number,) = self._reader.unpack(">I" if version else ">H", offset)
            offset += 4 if version else 2
            (size,) = self._reader.unpack(">B", offset)
            form, wide, mask = (">H", 2, 0x7FFF) if flags & 1 else (">B", 1, 0x7F)
            found = {self._reader.unpack(form, offset + 1 + wide * place)[0] & mask for place in range(size)}
            if number == item:
                return found
            offset += 1 + wide * size
        return set()

    def check_data(self) -> None:
        """Every extent of every item that lies in the file itself (`iloc`) ends within it."""
        located = self._boxes.get(b"iloc")
        if located is None:
            raise TruncatedImage("an AVIF without data")
        at = self._reader.unpack
        version = at(">B", located.begin)[0]
        sizes = at(">BB", located.begin + 4)
        wide_offset, wide_length, wide_base = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
        wide_index = sizes[1] & 15 if version else 0
        (count,) = at(">I" if version > 1 else ">H", located.begin + 6)
        offset = located.begin + (10 if version > 1 else 8)
        total = 0
        for _ in range(min(count, MOST_ITEMS)):
            offset += 4 if version > 1 else 2
            inside = at(">H", offset)[0] & 15 if version else 0
            offset += (2 if version else 0) + 2
            base = self._number(offset, wide_base)
            (extents,) = at(">H", offset + wide_base)
            offset += wide_base + 2
            for _ in range(extents):
                offset += wide_index
                begin, length = self._number(offset, wide_offset), self._number(offset + wide_offset, wide_length)
                offset += wide_offset + wide_length
                if inside == 0:
                    self._reader.has(base + begin, length)
                total += length
        if not total:
            raise TruncatedImage("an AVIF without data")

    def _number(self, offset: int, wide: int) -> int:
        return int.from_bytes(self._reader.at(offset, wide), "big")


def _track_size(reader: Reader, movie: Box) -> tuple[int, int]:
    for track in boxes(reader, movie.begin, movie.end):
        if track.kind != b"trak":
            continue
        for box in boxes(reader, track.begin, track.end):
            if box.kind == b"tkhd":
                width, height = reader.unpack(">II", box.end - 8)
                return width >> 16, height >> 16
    raise NotAnImage("an AVIF without a size")
