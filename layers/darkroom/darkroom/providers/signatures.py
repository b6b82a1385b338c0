"""Signatures of callbacks: whether a body comes from the provider that it says it comes from, and is not an old one.

Sources: docs.fal.ai/model-endpoints/webhooks (Ed25519), standardwebhooks.com (replicate),
wavespeed.ai/docs/verify-webhooks, docs.kie.ai (webhook verification).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum

TOLERANCE = 300
"""Seconds that a signed callback may be old, or ahead of our clock."""
STANDARD_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
"""The headers of Standard Webhooks, and of what is modelled on it."""


class Authenticity(StrEnum):
    """What a callback's signature says of it.

    UNCHECKED is one that there is no key for at the moment.
    """

    GENUINE = "genuine"
    FORGED = "forged"
    UNSIGNED = "unsigned"
    UNCHECKED = "unchecked"


class CallbackTrust(StrEnum):
    """What a callback has to have beside its address to count: nothing, a signature, or the provider's own look-up."""

    TOKEN = "token"  # noqa: S105 - the address's, no secret
    SIGNATURE = "signature"
    CONFIRM = "confirm"


def is_recent(timestamp: str, now: float) -> bool:
    """Whether a timestamp in Unix seconds is within the tolerance of our clock."""
    return (
        timestamp.isascii()
        and timestamp.isdecimal()
        and len(timestamp) <= 12
        and abs(now - int(timestamp)) <= TOLERANCE
    )


def is_signed_by_key(message: bytes, signature: bytes, keys: Collection[bytes]) -> bool:
    """Whether a message has the Ed25519 signature of one of these public keys, 32 bytes each."""
    from nacl.exceptions import BadSignatureError  # libsodium is loaded for those who sign alone
    from nacl.signing import VerifyKey

    for key in keys:
        try:
            VerifyKey(key).verify(message, signature)
        except (BadSignatureError, ValueError, TypeError):
            continue
        return True
    return False


def is_standard_webhook(headers: Mapping[str, str], body: bytes, secrets: Collection[str]) -> bool:
    """Whether a webhook has the signature that Standard Webhooks wants of it, by one of these secrets (`whsec_…`).

    How old it is is not asked here: the library's `verify` would ask its own clock.
    """
    from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

    given = [text.removeprefix("v1,") for text in headers["webhook-signature"].split() if text.startswith("v1,")]
    for secret in secrets:
        try:
            sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            wanted = Webhook(secret).sign(headers["webhook-id"], sent_at, body.decode()).removeprefix("v1,")
        except (EmptyWebhookSecretError, RuntimeError, ValueError, OverflowError):
            continue
        if any(hmac.compare_digest(from_base64(wanted), from_base64(each)) for each in given):
            return True
    return False


def sha256_hmac(secret: bytes, message: bytes) -> bytes:
    """The HMAC-SHA256 of a message."""
    return hmac.new(secret, message, hashlib.sha256).digest()


def from_hex(text: str) -> bytes:
    """The bytes of hexadecimal digits; none where they are no such digits."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def from_base64(text: str) -> bytes:
    """The bytes of base64 in either alphabet, padded or not; none where it is no base64."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
