"""How large requests and answers may be: what API Gateway and Lambda carry, and what we say just before they refuse.

An HTTP API takes bodies of 10 MB and headers of 10,240 bytes (AWS: Quotas for configuring and running an HTTP API);
what it makes of a request, the event, may have 6 MB, and so may the answer (AWS: Lambda quotas, "Invocation payload").
A refusal of the gateway's can't be worded: only a REST API has gateway responses. So the words are ours up to where a
body can be carried at all, and beyond that the gateway's own 413.
"""

import json

MAX_PAYLOAD = 6 * 1024 * 1024
"""Bytes of an event, and of a function's answer, as JSON."""
MAX_BODY = 6_200_000
"""Bytes of a body in its event, base64 where it is that: beside it there is room for every header and query."""
MAX_OPEN_BODY = 4096
"""Bytes of a body that anybody may send, without a key."""
MAX_ANSWER = MAX_PAYLOAD - 64 * 1024
"""Bytes of an answer's body, escaped as a text in JSON: beside it there is room for its headers."""
_MOST_ESCAPED = 7
"""Bytes that one character of a body may take in the answer: `\\\\u0001`, escaped once as JSON and once more in it."""


def carried(body: str) -> int:
    """Bytes that a body takes in a function's answer.

    The runtime writes characters as they are (AWS: Python 3.12 runtime now available in AWS Lambda).
    """
    return len(json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def fits(body: str) -> bool:
    """Whether an answer's body can be carried."""
    return len(body) * _MOST_ESCAPED <= MAX_ANSWER or carried(body) <= MAX_ANSWER
