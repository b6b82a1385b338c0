"""How deep a JSON text is nested, found without recursing: a parser must never find out the hard way."""

import re

_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def deeper_than(body: bytes, limit: int) -> bool:
    """Whether a JSON text is nested more than `limit` levels deep. Brackets inside texts do not count."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    depth = 0
    for match in _MARKS.finditer(body):
        mark = match[0]
        if mark in {b"[", b"{"}:
            depth += 1
            if depth > limit:
                return True
        elif mark in {b"]", b"}"}:
            depth -= 1
    return False
