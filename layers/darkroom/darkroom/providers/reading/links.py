"""Links as providers write them, and as they were meant."""

import re

_REMOVED = re.compile(r"[\t\r\n]")
"""WHATWG URL, "basic URL parser": tab and newline are removed wherever they stand."""
_AROUND = "".join(map(chr, range(0x21))) + "\u00a0\u200b\ufeff\"'<>`"
"""Control characters and spaces, as WHATWG URL strips them from both ends, and what texts put around a link."""
_SCHEME = re.compile(r"(?i)^(https?):/{0,4}(?=[^/])")
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
