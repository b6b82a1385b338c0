"""Numbers in queries and headers."""

MOST_DIGITS = 16


def whole_number(text: str) -> int | None:
    """The number that a text of ASCII digits is, or None: digits of other scripts are none here, nor is a long text."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        return None
    return int(text)
