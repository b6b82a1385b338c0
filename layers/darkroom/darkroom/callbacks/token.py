"""The callback token: proof that a callback came by an address that we gave out for this record of a task."""

import base64
import hashlib
import hmac
from collections.abc import Iterable


def callback_token(secret: bytes, task_id: str, provider: str, nonce: str) -> str:
    """The token in the path of a task's callback address: the record's nonce, a dot, and 43 characters of proof.

    A record that expired and the one that came after it under the same id have different nonces.
    """
    proof = _proof(secret, f"{provider}\n{task_id}\n{nonce}")
    return f"{nonce}.{proof}"


def nonce_of(token: str, task_id: str, provider: str, secrets: Iterable[bytes]) -> str | None:
    """The nonce of the record that a token was made for, under any of the valid secrets (two, while one is being
    rotated); None for a token that none of them made. Empty for one of an earlier release, which named no record.

    Takes constant time.
    """
    nonce, dot, proof = token.rpartition(".")
    told = f"{provider}\n{task_id}\n{nonce}" if dot else f"{provider}\n{task_id}"
    given = proof.encode("utf-8", "replace")
    # Every secret is tried, whatever the first one said: the time taken tells nothing.
    matches = [hmac.compare_digest(_proof(secret, told).encode(), given) for secret in secrets]
    return nonce if any(matches) else None


def _proof(secret: bytes, told: str) -> str:
    digest = hmac.new(secret, f"callback\n{told}".encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
