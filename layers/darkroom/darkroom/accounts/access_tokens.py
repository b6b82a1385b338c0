"""Access tokens: an API key's digest and the end of the token's life, sealed so that nobody else can make one."""

import hashlib
import hmac
import re

PREFIX = "dat_"
LIFE = 86_400
"""Seconds for which a token is good."""
_TOKEN = re.compile(r"dat_([0-9a-f]{64})\.([0-9]{1,12})\.([0-9a-f]{64})")


def access_token(key_digest: str, now: int, secret: bytes) -> str:
    """A token that stands for the API key with this digest, for a day. `now` is in Unix seconds."""
    content = f"{key_digest}.{now + LIFE}"
    return f"{PREFIX}{content}.{_seal(content, secret)}"


def key_digest_of(token: str, now: int, secret: bytes) -> str | None:
    """The digest of the API key that a token stands for; None where it is not ours or has expired."""
    match = _TOKEN.fullmatch(token)
    if not match:
        return None
    digest, expires_at, seal = match.groups()
    genuine = hmac.compare_digest(seal, _seal(f"{digest}.{expires_at}", secret))
    return digest if genuine and now < int(expires_at) else None


def _seal(content: str, secret: bytes) -> str:
    return hmac.new(secret, content.encode(), hashlib.sha256).hexdigest()
