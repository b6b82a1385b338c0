"""Taking out of foreign text what is nobody's to see: links, callback addresses, tokens and keys.

A provider may repeat anything in what it says: our callback address with its token, the link to a picture that was
never paid for, a header. Every pattern is bounded, so that the work grows with the text alone.
"""

import re
from urllib.parse import urlsplit

_SLASHES = r"(?:\\{0,4}/\\{0,4}/|%2f%2f)"
_REST = r"[^\s\"'<>]+"
_HOST = r"(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?::[0-9]{1,5})?"
_LINK = re.compile(
    rf"(?i)(?<![a-z0-9+.-])(?:[a-z][a-z0-9+.-]{{0,15}}(?::|%3a))?{_SLASHES}{_REST}|(?<![\w.-]){_HOST}\\{{0,4}}/{_REST}"
)
_ADDRESS = re.compile(rf"(?i)callbacks(?:\\{{0,4}}/|%2f){_REST}")
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
_KEY = re.compile(r"(?i)bearer\s{1,4}\S+|\bsk-[\w-]{6,200}|\bdk_[\w-]{6,200}|(?:api[_-]?key|token|secret)\W{1,3}\S+")


def redacted(text: str) -> str:
    """The text without links (their host stays), callback addresses, tokens and keys."""
    text = _LINK.sub(_host_alone, text)
    text = _ADDRESS.sub("[callback address]", text)
    return _KEY.sub("[removed]", _TOKEN.sub("[token]", text))


def _host_alone(link: re.Match[str]) -> str:
    written = link[0].replace("\\", "")
    try:
        host = urlsplit(written if "//" in written else f"//{written}").hostname
    except ValueError:
        host = None
    return f"[link at {host}]" if host and "%" not in host else "[link]"
