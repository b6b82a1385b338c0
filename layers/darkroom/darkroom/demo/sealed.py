"""Texts that carry their own content, and that nobody else can make: what needs no table to be remembered."""

import base64
import binascii
import hashlib
import hmac

_MAC_BYTES = 16


class NotOurs(ValueError):
    """A text that was not sealed with this key, or for another purpose."""


def seal(key: bytes, purpose: str, content: bytes) -> str:
    """The content with its seal, as a text that a URL takes as it is."""
    return base64.urlsafe_b64encode(content + _mac(key, purpose, content)).rstrip(b"=").decode()


def unseal(key: bytes, purpose: str, text: str) -> bytes:
    """The content of a sealed text. Raises `NotOurs`."""
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotOurs("not a sealed text") from error
    content, mac = whole[:-_MAC_BYTES], whole[-_MAC_BYTES:]
    # The text as we write it: base64 has several spellings of the same bytes.
    if not hmac.compare_digest(mac, _mac(key, purpose, content)) or text != seal(key, purpose, content):
        raise NotOurs("not sealed here")
    return content


def _mac(key: bytes, purpose: str, content: bytes) -> bytes:
    return hmac.new(key, purpose.encode() + b"\0" + content, hashlib.sha256).digest()[:_MAC_BYTES]
