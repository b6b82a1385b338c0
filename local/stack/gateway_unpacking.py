"""Packed request bodies, as API Gateway hands them on: unpacked.

"When API Gateway receives the request, it verifies if the specified content coding is supported. Then, it attempts to
decompress the payload"; 415 where that fails (API Gateway developer guide, "Call an API method with a compressed
payload", written of REST APIs; of HTTP APIs no page says it).
"""

import zlib
from collections.abc import Mapping

from local.stack.gateway_limits import Refused

MOST = 10 * 1024 * 1024
_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def unpacked(headers: Mapping[str, str], body: bytes) -> bytes | Refused:
    """The body behind its `content-encoding`, itself where it has none that is known, or why it is refused."""
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in _WINDOWS or not body:
        return body
    unpacking = zlib.decompressobj(_WINDOWS[coding])
    try:
        content = unpacking.decompress(body, MOST)
    except zlib.error:
        return Refused(415, "Unsupported Media Type")
    if unpacking.unconsumed_tail:
        return Refused(413, "Request Entity Too Large")
    return content
