"""Bodies of answers and callbacks: from bytes to a JSON object, whatever the bytes are."""

import json
import zlib
from typing import Any

from darkroom.json_nesting import deeper_than
from darkroom.providers.base import Unreadable
from darkroom.providers.reading.values import Object

MAX_NESTING = 64
UNPACKED = 8 * 1024 * 1024
"""Bytes to which a small body may unpack. A large one holds pictures, which hardly shrink: four times itself."""
_GZIP, _ZLIB = b"\x1f\x8b", (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")


def read_object(body: bytes) -> Object:
    """A body as a JSON object; one that is packed (gzip, deflate) or in a list of its own is taken out of it.

    Raises `Unreadable`, whatever the bytes are.
    """
    body = _unpacked(body)
    if deeper_than(body, MAX_NESTING):
        raise Unreadable(f"nested more than {MAX_NESTING} levels deep")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {type(error).__name__}") from error
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, dict):
        raise Unreadable(f"a JSON object was expected, not {type(content).__name__}")
    return content


def inner_json(text: Any) -> Any:
    """What a text holds that is JSON itself (an object or a list), else None."""
    if not isinstance(text, str) or text[:1] not in {"{", "["} or deeper_than(text.encode("utf-8", "replace"), 16):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _unpacked(body: bytes) -> bytes:
    """A body without its packing. It is told by its first bytes: no JSON begins with them, and headers get lost."""
    if body.startswith(_GZIP):
        wbits = 16 + zlib.MAX_WBITS
    elif body.startswith(_ZLIB):
        wbits = zlib.MAX_WBITS
    else:
        return body
    unpacking = zlib.decompressobj(wbits)
    most = max(UNPACKED, 4 * len(body))
    try:
        content = unpacking.decompress(body, most)
    except zlib.error as error:
        raise Unreadable("packed, and not readable so") from error
    if unpacking.unconsumed_tail:
        raise Unreadable(f"it unpacks to more than {most} bytes")
    if not unpacking.eof:
        raise Unreadable("packed, and cut off")
    return content
