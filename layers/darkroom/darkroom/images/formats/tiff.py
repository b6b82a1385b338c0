"""TIFF: its first picture's strips or tiles lie within the file (TIFF 6.0, sections 2, 3 and 15)."""

from dataclasses import dataclass

from darkroom.images.formats.reader import NotAnImage, Reader, TruncatedImage

MOST_FIELDS = 4_000
MOST_STRIPS = 200_000
_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of one value, by its type; one for the others."""
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277
_STRIPS, _TILES = (273, 279), (324, 325)
"""Where the parts begin, and how long they are."""


@dataclass(frozen=True, slots=True)
class _Field:
    kind: int
    count: int
    offset: int


class _Directory:
    """The fields of the first directory."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._order = "<" if reader.at(0, 2) == b"II" else ">"
        (begin,) = reader.unpack(self._order + "I", 4)
        (count,) = reader.unpack(self._order + "H", begin)
        if not 0 < count <= MOST_FIELDS:
            raise NotAnImage("a TIFF with a broken directory")
        self.fields: dict[int, _Field] = {}
        for place in range(count):
            start = begin + 2 + 12 * place
            tag, kind, number = reader.unpack(self._order + "HHI", start)
            length = number * _SIZES.get(kind, 1)
            offset = start + 8 if length <= 4 else reader.unpack(self._order + "I", start + 8)[0]
            reader.has(offset, length)
            self.fields[tag] = _Field(kind, number, offset)

    def numbers(self, tag: int, default: int = 0) -> list[int]:
        """A field's numbers, or the default alone. Raises `NotAnImage`, `TruncatedImage`."""
        field = self.fields.get(tag)
        if field is None:
            return [default]
        form = {3: "H", 4: "I"}.get(field.kind)
        if form is None or not 0 < field.count <= MOST_STRIPS:
            raise NotAnImage("a TIFF with a field of an unexpected type")
        return list(self._reader.unpack(f"{self._order}{field.count}{form}", field.offset))


def size(reader: Reader) -> tuple[int, int]:
    """The sides. Raises `NotAnImage`, `TruncatedImage`."""
    directory = _Directory(reader)
    if not {_WIDTH, _HEIGHT} <= directory.fields.keys():
        raise NotAnImage("a TIFF without a size")
    return directory.numbers(_WIDTH)[0], directory.numbers(_HEIGHT)[0]


def walk(reader: Reader) -> None:
    """Check every part of the first picture, and of a plain one that they are enough."""
    directory = _Directory(reader)
    found = next((names for names in (_STRIPS, _TILES) if names[0] in directory.fields), None)
    if found is None or found[1] not in directory.fields:
        raise TruncatedImage("a TIFF without data")
    begins, lengths = directory.numbers(found[0]), directory.numbers(found[1])
    if len(begins) != len(lengths):
        raise NotAnImage("a TIFF with broken strips")
    for begin, length in zip(begins, lengths, strict=True):
        reader.has(begin, length)
    if directory.numbers(_COMPRESSION, 1)[0] == 1 and sum(lengths) < _plain_bytes(directory):
        raise TruncatedImage("a TIFF with less data than it needs")
    if not sum(lengths):
        raise TruncatedImage("a TIFF without data")


def _plain_bytes(directory: _Directory) -> int:
    width, height = directory.numbers(_WIDTH)[0], directory.numbers(_HEIGHT)[0]
    samples = directory.numbers(_SAMPLES, 1)[0]
    bits = directory.numbers(_BITS, 1)
    whole = sum(bits) if len(bits) >= samples else bits[0] * samples
    return height * ((width * whole + 7) // 8)
