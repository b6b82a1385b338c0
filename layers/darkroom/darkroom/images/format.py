"""What an image is, from its own bytes: its type, its size in pixels, and whether all of it is there."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import IO

from darkroom.images.formats import avif, bmp, gif, jpeg, png, tiff, webp
from darkroom.images.formats.reader import NotAnImage, Reader, TruncatedImage, UnsupportedImage

__all__ = ["ImageFacts", "NotAnImage", "Script", "TruncatedImage", "UnsupportedImage", "inspect"]
MAX_SIDE = 65_535
MAX_PIXELS = 200_000_000
"""More than ten times the largest picture that any model makes: anything above is a bomb, and is not walked through."""


class Script(NotAnImage):
    """The bytes are a document that may run in a browser (SVG): no later answer makes a picture of it."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What was found: the media type, the usual file extension, and the sides in pixels."""

    content_type: str
    extension: str
    width: int
    height: int


def inspect(file: IO[bytes]) -> ImageFacts:
    """Look through a seekable file from its beginning, with bounded memory whatever its size.

    All of its data is walked through: rows are counted, scans followed to their end, offsets checked. What follows the
    picture (a video, a maker's data, padding) is nobody's loss, and a mark of the end that is missing is none either.
    A picture of more than `MAX_PIXELS` is told by its header alone.

    Raises `NotAnImage` (`UnsupportedImage`, `Script`), `TruncatedImage`.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(512)
    for matches, form, content_type, extension in _FORMATS:
        if matches(head):
            return _inspect(Reader(file, size), form, content_type, extension)
    _name(head)
    raise NotAnImage("no known signature")


def _inspect(reader: Reader, form: ModuleType, content_type: str, extension: str) -> ImageFacts:
    width, height = form.size(reader)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise NotAnImage(f"impossible size {width}x{height}")
    if width * height <= MAX_PIXELS:
        form.walk(reader)
    return ImageFacts(content_type, extension, width, height)


def _name(head: bytes) -> None:
    """Say what a file is that is known and not stored. Raises `UnsupportedImage`, `Script`."""
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        raise UnsupportedImage("JPEG XL")
    if head.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        raise UnsupportedImage("JPEG 2000")
    if b"<svg" in head.lower():
        raise Script("an SVG")


_Format = tuple[Callable[[bytes], bool], ModuleType, str, str]
_FORMATS: tuple[_Format, ...] = (
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), png, "image/png", "png"),
    (lambda head: head.startswith(b"\xff\xd8\xff"), jpeg, "image/jpeg", "jpg"),
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", webp, "image/webp", "webp"),
    (lambda head: head[:6] in {b"GIF87a", b"GIF89a"}, gif, "image/gif", "gif"),
    (lambda head: head[:2] == b"BM", bmp, "image/bmp", "bmp"),
    (lambda head: head[:4] in {b"II*\0", b"MM\0*"}, tiff, "image/tiff", "tiff"),
    (lambda head: head[4:8] == b"ftyp", avif, "image/avif", "avif"),
)
