"""Image files without what is no picture: positions, names, texts, thumbnails, and whatever follows the end.

What decides how a picture looks stays: colour profile, orientation, animation. The picture's own data is not touched.
"""

import zlib
from collections.abc import Iterator
from typing import IO

from darkroom.images.formats import gif, jpeg, webp
from darkroom.images.formats.png import chunks as png_chunks
from darkroom.images.formats.reader import NotAnImage, Reader, TruncatedImage

STRIPPED = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
"""What can be rewritten. BMP has nothing to take out; TIFF and AVIF are kept as they are."""
_PIECE = 256 * 1024
_ORIENTATION = 0x0112
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT acTL fcTL fdAT".split()
)
_WEBP_KEPT = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_GIF_APPLICATIONS = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0"})
_APP0, _APP1, _APP2, _APP14, _COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
Part = bytes | tuple[int, int]
"""Bytes of their own, or those of the file from one place to another."""


def without_metadata(file: IO[bytes], content_type: str) -> Iterator[bytes]:
    """A whole image file of a type in `STRIPPED`, in pieces, without its metadata and without a tail."""
    size = file.seek(0, 2)
    reader = Reader(file, size)
    parts = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp, "image/gif": _gif}[content_type](reader)
    for part in parts:
        if isinstance(part, bytes):
            yield part
            continue
        begin, end = part
        for place in range(begin, end, _PIECE):
            yield reader.at(place, min(_PIECE, end - place))


def _jpeg(reader: Reader) -> Iterator[Part]:
    yield b"\xff\xd8"
    orientation = 1
    told = False
    for kind, begin, length in jpeg.segments(reader):
        if kind == jpeg.EOI:
            break
        if kind == _APP1 and reader.at(begin, min(6, length)) == b"Exif\0\0":
            orientation = _orientation(reader.at(begin + 6, length - 6))
        if not _kept_in_jpeg(reader, kind, begin, length):
            continue
        if kind != _APP0 and orientation != 1 and not told:
            exif = b"Exif\0\0" + _exif(orientation)
            yield b"\xff\xe1" + (2 + len(exif)).to_bytes(2, "big") + exif
            told = True
        yield begin - 4, begin + length
        if kind == jpeg.SOS:
            yield begin + length, jpeg.next_marker(reader, begin + length)
    yield b"\xff\xd9"


def _kept_in_jpeg(reader: Reader, kind: int, begin: int, length: int) -> bool:
    if kind == _APP2:
        return reader.at(begin, min(12, length)) == b"ICC_PROFILE\0"
    return kind in {_APP0, _APP14} or not (_APP0 <= kind <= 0xEF or kind == _COM)


def _png(reader: Reader) -> Iterator[Part]:
    yield 0, 8
    orientation = 1
    for kind, begin, length in png_chunks(reader):
        if kind == b"eXIf" and length < 65536:
            orientation = _orientation(reader.up_to(begin, length))
        if kind == b"IDAT" and orientation != 1:
            exif = b"eXIf" + _exif(orientation)
            yield (len(exif) - 4).to_bytes(4, "big") + exif + zlib.crc32(exif).to_bytes(4, "big")
            orientation = 1
        if kind in _PNG_KEPT and kind != b"IEND" and begin + length + 4 <= reader.size:
            yield begin - 8, begin + length + 4
        elif kind == b"IDAT":  # cut off behind the last row
            rest = reader.up_to(begin, length)
            yield len(rest).to_bytes(4, "big") + kind + rest + zlib.crc32(kind + rest).to_bytes(4, "big")
    yield b"\0\0\0\0IEND\xaeB`\x82"


def _webp(reader: Reader) -> Iterator[Part]:
    (declared,) = reader.unpack("<I", 4)
    found = list(webp.chunks(reader, 12, 8 + declared))
    turned = [(begin, length) for kind, begin, length in found if kind == b"EXIF" and length < 65536]
    orientation = _orientation(reader.at(*turned[0]).removeprefix(b"Exif\0\0")) if turned else 1
    parts: list[Part] = []
    length_of_all = 4
    for kind, begin, length in found:
        if kind not in _WEBP_KEPT:
            continue
        if kind == b"VP8X":
            flags = reader.at(begin, 1)[0] & ~0x0C | (0x08 if orientation != 1 else 0)
            parts += [b"VP8X" + length.to_bytes(4, "little") + bytes([flags]), (begin + 1, begin + length)]
        else:
            parts.append((begin - 8, begin + length))
        parts += [b"\0"] if length & 1 else []
        length_of_all += 8 + length + (length & 1)
    if orientation != 1:
        exif = _exif(orientation)
        parts.append(b"EXIF" + len(exif).to_bytes(4, "little") + exif)
        length_of_all += 8 + len(exif)
    yield b"RIFF" + length_of_all.to_bytes(4, "little") + b"WEBP"
    yield from parts


def _gif(reader: Reader) -> Iterator[Part]:
    yield 0, 13 + gif.colours(reader.at(10, 1)[0])
    for kind, begin, end in gif.blocks(reader):
        if kind == gif.PICTURE or _kept_in_gif(reader, begin):
            yield begin, min(end, reader.size)
            yield b"\0" * max(0, end - reader.size)
    yield b";"


def _kept_in_gif(reader: Reader, begin: int) -> bool:
    label = reader.at(begin + 1, 1)[0]
    return label == 0xF9 or (label == 0xFF and reader.up_to(begin + 3, 11) in _GIF_APPLICATIONS)


def _orientation(tiff: bytes) -> int:
    """The orientation in an Exif block, 1 where there is none or it can't be read (TIFF 6.0, Exif 2.3)."""
    order = {b"II": "little", b"MM": "big"}.get(tiff[:2])
    if order not in {"little", "big"}:
        return 1

    def number(place: int, wide: int) -> int:
        return int.from_bytes(tiff[place : place + wide], "little" if order == "little" else "big")

    begin = number(4, 4)
    for place in range(min(number(begin, 2), 200)):
        entry = begin + 2 + 12 * place
        if number(entry, 2) == _ORIENTATION:
            found = number(entry + 8, 2)
            return found if 1 <= found <= 8 else 1
    return 1


def _exif(orientation: int) -> bytes:
    """An Exif block with an orientation alone."""
    entry = _ORIENTATION.to_bytes(2, "big") + b"\0\x03\0\0\0\x01" + orientation.to_bytes(2, "big") + b"\0\0"
    return b"MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"


__all__ = ["STRIPPED", "NotAnImage", "TruncatedImage", "without_metadata"]
