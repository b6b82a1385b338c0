"""Links as providers write them, and as they were meant."""

import re
from collections.abc import Sequence

from darkroom.providers.reading.envelopes import layers
from darkroom.providers.reading.values import Object, as_text, plain

_REMOVED = re.compile(r"[\t\r\n]")
"""WHATWG URL, "basic URL parser": tab and newline are removed wherever they stand."""
_AROUND = "".join(map(chr, range(0x21))) + "\u00a0\u200b\ufeff\"'<>`"
"""Control characters and spaces, as WHATWG URL strips them from both ends, and what texts put around a link."""
_SCHEME = re.compile(r"(?i)^(https?):/{0,4}(?=[^/])")
_PATH = re.compile(r"/[A-Za-z0-9._~/:@-]{1,300}")
_SEVERAL = re.compile(r"(?<![\s,;|])[\s,;|]{1,20}(?=(?:https?:)?//|data:image/)", re.IGNORECASE)


def clean_link(text: str) -> str:
    """The web address that a text is, as a link with a scheme in small letters; empty for what is none.

    Spaces and quotes around it, line breaks in it, slashes that were escaped twice and `&amp;` are put right. `//host`
    is taken to be https. Nothing says that the link may be followed: that is decided when it is.
    """
    link = _REMOVED.sub("", text.strip(_AROUND)).replace("\\/", "/").replace("&amp;", "&")
    if link.startswith("//") and not link.startswith("///"):
        link = "https:" + link
    scheme = _SCHEME.match(link)
    if scheme is None:
        return ""
    return f"{scheme[1].lower()}://{link[scheme.end() :]}"


def several_links(text: str) -> list[str]:
    """The links in a text that lists them, each as it was written: by commas, bars, spaces or one a line."""
    return [part for part in _SEVERAL.split(text.strip(_AROUND)) if part]


def path_within(address: str, content: Object, names: Sequence[str]) -> str:
    """The path under a base address that one of these fields links to, or its `get`; empty where none is under it.

    A path with a query or dots in it is none: what follows a key must not lead anywhere else.
    """
    for layer in layers(content):
        for name in names:
            value = layer.get(plain(name))
            link = clean_link(as_text(value.get("get") if isinstance(value, dict) else value))
            path = link.removeprefix(address)
            if path != link and _PATH.fullmatch(path) and ".." not in path:
                return path
    return ""
