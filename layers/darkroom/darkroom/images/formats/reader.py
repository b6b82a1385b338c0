"""Reading exact pieces of an image file, and what can be wrong with one."""

import struct
from typing import IO

MAX_PARTS = 100_000
"""Segments, chunks or blocks that are walked through before a file counts as hostile."""


class NotAnImage(ValueError):
    """The bytes are no image of a known format, or break that format's own rules."""


class UnsupportedImage(NotAnImage):
    """The bytes are an image of a format that is not stored; the message names it."""


class TruncatedImage(ValueError):
    """The image begins well, but not all of its data is there."""


class Reader:
    """Reads exact pieces of a seekable file, and says so where the file ends first."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.size = size

    def at(self, offset: int, count: int) -> bytes:
        """So many bytes from there. Raises `TruncatedImage`."""
        self.has(offset, count)
        self._file.seek(offset)
        return self._file.read(count)

    def has(self, offset: int, count: int) -> None:
        """Check that so many bytes from there are in the file. Raises `TruncatedImage`."""
        if offset < 0 or count < 0 or offset + count > self.size:
            raise TruncatedImage(f"it ends before byte {offset + count}")

    def up_to(self, offset: int, count: int) -> bytes:
        """So many bytes from there, or what there is of them."""
        return self.at(offset, min(count, self.size - offset)) if 0 <= offset < self.size else b""

    def unpack(self, form: str, offset: int) -> tuple[int, ...]:
        """Numbers from there (`struct`). Raises `TruncatedImage`."""
        return struct.unpack(form, self.at(offset, struct.calcsize(form)))
