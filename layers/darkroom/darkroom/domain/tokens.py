"""The callback token: proof that a callback came by an address that we gave out for this task and provider."""

import base64
import hashlib
import hmac
from collections.abc import Iterable


def callback_token(secret: bytes, task_id: str, provider: str) -> str:
    """The token in the path of a task's callback address, 43 characters that a URL takes as they are."""
    digest = hmac.new(secret, f"callback\n{provider}\n{task_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def token_is_valid(token: str, task_id: str, provider: str, secrets: Iterable[bytes]) -> bool:
    """Whether any of the valid secrets (two, while one is being rotated) made this token. Constant time."""
    given = token.encode("utf-8", "replace")
    # Every secret is tried, whatever the first one said: the time taken tells nothing.
    matches = [hmac.compare_digest(callback_token(s, task_id, provider).encode(), given) for s in secrets]
    return any(matches)
