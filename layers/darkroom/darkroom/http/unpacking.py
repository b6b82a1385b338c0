"""Content codings of what is downloaded: some servers pack although nothing but the thing itself was asked for."""

import zlib
from collections.abc import Iterator

from darkroom.http.errors import LinkFailed

PIECE = 256 * 1024
"""Bytes that are unpacked at a time, whatever the packed ones stand for."""
_GZIP_BEGINS = b"\x1f\x8b"


def unpacked(pieces: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """The pieces without their packing (gzip, deflate with or without its zlib header).

    The first bytes decide: a `gzip` that is none, and a coding that there is not (`UTF-8`), are nothing but a header.
    No image begins as gzip does. Raises `LinkFailed` where packed content breaks off or is broken.
    """
    first = next((piece for piece in pieces if piece), b"")
    if len(first) < len(_GZIP_BEGINS):
        first += b"".join(piece for _, piece in zip(range(4), pieces, strict=False))
    window = _window(first, {each.strip() for each in coding.lower().split(",")})
    if window is None:
        yield from _joined(first, pieces)
        return
    unpacking = zlib.decompressobj(window)
    try:
        for piece in _joined(first, pieces):
            packed = piece
            while packed and not unpacking.eof:
                yield unpacking.decompress(packed, PIECE)
                packed = unpacking.unconsumed_tail
    except zlib.error as error:
        raise LinkFailed("its packing is broken") from error
    if not unpacking.eof:
        raise LinkFailed("its packing breaks off")


def _window(first: bytes, codings: set[str]) -> int | None:
    """How zlib is to read it, or None for what is not packed."""
    if first.startswith(_GZIP_BEGINS):
        return 16 + zlib.MAX_WBITS
    if "deflate" not in codings:
        return None
    for window in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        try:
            zlib.decompressobj(window).decompress(first, 64)
        except zlib.error:
            continue
        return window
    return None


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
