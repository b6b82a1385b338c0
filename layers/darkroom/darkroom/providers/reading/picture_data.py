"""Pictures as text: base64 as people write it, and `data:` addresses (RFC 4648, RFC 2397)."""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

_BEGINNINGS = ("iVBORw0KGgo", "/9j/", "_9j_", "UklGR", "R0lGOD", "Qk", "SUkqA", "TU0AK", "AAAA")
"""How the signatures of PNG, JPEG, WebP, GIF, BMP, TIFF and AVIF begin in base64."""
_SHORTEST = 64
_SPACE = re.compile(r"\s+")
_ALPHABET = re.compile(r"[A-Za-z0-9+/_\-\s]+")
_URL_SAFE = str.maketrans("-_", "+/")
_HEAD = 200
"""Characters in which the head of a `data:` address ends."""


class BrokenData(ValueError):
    """The text is no base64, or is nothing at all."""


def is_data_address(text: str) -> bool:
    """Whether a text is a picture's `data:` address."""
    return text[:32].lstrip().lower().startswith(("data:image/", "data:application/octet-stream", "data:;base64"))


def looks_like_picture(text: str) -> bool:
    """Whether a bare text begins as a picture in base64 does, and goes on in its alphabet."""
    start = text[:_HEAD].lstrip()
    return (
        len(text) >= _SHORTEST and start.startswith(_BEGINNINGS) and _ALPHABET.fullmatch(start.rstrip("=")) is not None
    )


def picture_bytes(text: str) -> bytes:
    """The bytes behind base64 with or without a `data:` head. Raises `BrokenData`.

    Line breaks and spaces anywhere, missing or doubled padding and the alphabet for URLs are taken as they come.
    """
    head, comma, rest = text[:_HEAD].partition(",")
    if head.lstrip().lower().startswith("data:"):
        if not comma:
            raise BrokenData("a data address without a comma")
        content = rest + text[_HEAD:]
        if ";base64" not in head.lower().replace(" ", ""):
            return _not_empty(unquote_to_bytes(content))
        text = content
    if "%" in text:
        text = unquote_to_bytes(text).decode("latin-1")
    text = _SPACE.sub("", text).rstrip("=").translate(_URL_SAFE)
    try:
        return _not_empty(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (binascii.Error, ValueError) as error:
        raise BrokenData("no base64") from error


def _not_empty(content: bytes) -> bytes:
    if not content:
        raise BrokenData("nothing in it")
    return content
