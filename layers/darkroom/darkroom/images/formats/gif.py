"""GIF: every block is there, and the first picture has all of its pixels (GIF89a specification)."""

from collections.abc import Iterator

from darkroom.images.formats.reader import MAX_PARTS, NotAnImage, Reader, TruncatedImage

MOST_CODES = 4096
EXTENSION, PICTURE, _TRAILER = 0x21, 0x2C, 0x3B


def size(reader: Reader) -> tuple[int, int]:
    """The logical screen. Raises `TruncatedImage`."""
    width, height = reader.unpack("<HH", 6)
    return width, height


def walk(reader: Reader) -> None:
    """Go through all blocks. A missing trailer or a tail is nobody's loss; a block that is cut off is.

    Raises `NotAnImage`, `TruncatedImage`.
    """
    pictures = 0
    for kind, begin, end in blocks(reader):
        if kind != PICTURE:
            continue
        _, _, width, height, flags = reader.unpack("<HHHHB", begin + 1)
        if not pictures or end > reader.size:
            _check_pixels(reader, begin + 10 + colours(flags), width * height)
        pictures += 1
    if not pictures:
        raise TruncatedImage("a GIF without a picture")


def blocks(reader: Reader) -> Iterator[tuple[int, int, int]]:
    """Kind of each extension and picture, where it begins and where it ends.

    That is one byte past the file where nothing but its own end is missing. Raises `NotAnImage`, `TruncatedImage`.
    """
    offset = 13 + colours(reader.at(10, 1)[0])
    pictures = 0
    for _ in range(MAX_PARTS):
        kind = (reader.up_to(offset, 1) or b";")[0]
        if kind == EXTENSION:
            end = _blocks_end(reader, offset + 2)
        elif kind == PICTURE:
            end = _blocks_end(reader, offset + 11 + colours(reader.at(offset + 9, 1)[0]))
            pictures += 1
        elif kind in {_TRAILER, 0} or pictures:
            return  # the end, or a tail
        else:
            raise NotAnImage("a GIF with a broken block")
        yield kind, offset, end
        offset = end
    raise NotAnImage("a GIF of too many blocks")


def colours(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(reader: Reader, offset: int) -> int:
    while (length := reader.up_to(offset, 1)) and length[0]:
        reader.has(offset + 1, length[0])
        offset += 1 + length[0]
    return offset + 1


def _check_pixels(reader: Reader, offset: int, pixels: int) -> None:
    """Count the pixels that the codes stand for (LZW, appendix F): how long each code's string is tells enough."""
    smallest = reader.at(offset, 1)[0]
    if not 1 <= smallest <= 11:
        raise NotAnImage("a GIF with a broken code size")
    clear, end = 1 << smallest, (1 << smallest) + 1
    lengths, width, before = [1] * (end + 1), smallest + 1, 0
    bits, kept, offset = 0, 0, offset + 1
    while pixels > 0:
        length = (reader.up_to(offset, 1) or b"\0")[0]
        if not length:
            raise TruncatedImage("a GIF with fewer pixels than it says")
        for byte in reader.at(offset + 1, length):
            bits, kept = bits | byte << kept, kept + 8
            while kept >= width:
                code, bits, kept = bits & ((1 << width) - 1), bits >> width, kept - width
                if code == clear:
                    lengths, width, before = lengths[: end + 1], smallest + 1, 0
                    continue
                if code == end:
                    if pixels > 0:
                        raise TruncatedImage("a GIF with fewer pixels than it says")
                    return
                if code > len(lengths) or (code == len(lengths) and not before):
                    raise NotAnImage("a GIF with a broken code")
                if before and len(lengths) < MOST_CODES:
                    lengths.append(before + 1)
                before = lengths[code] if code < len(lengths) else before + 1
                pixels -= before
                if len(lengths) == 1 << width and width < 12:
                    width += 1
        offset += 1 + length
