"""Task ids: derived from the owner's idempotency key where there is one, else a ULID."""

import hashlib
import hmac
import secrets

PREFIX = "task_"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS = 128


def derived_task_id(identity: bytes, owner: str, idempotency_key: str) -> str:
    """The one id of this owner's key: the same for every repetition, not to be guessed by anyone else."""
    # The owner's length is part of the message, so that no two pairs of owner and key read alike.
    message = f"{len(owner)}:{owner}{idempotency_key}".encode()
    digest = hmac.new(identity, message, hashlib.sha256).digest()
    return PREFIX + _base32(int.from_bytes(digest[: _BITS // 8]))


def new_task_id(now: int) -> str:
    """A fresh ULID (sorts by time): 48 bits of `now` in milliseconds, 80 random ones."""
    return PREFIX + _base32((now << 80) | secrets.randbits(80))


def made_up_nonce(created_at: int) -> str:
    """The nonce of a record that an earlier release wrote without one: no two records of an id were made in one
    millisecond."""
    return f"{created_at:x}"


def new_nonce() -> str:
    """A fresh mark of one record or one claim, 16 hexadecimal digits: two of them are never equal."""
    return secrets.token_hex(8)


def well_formed(task_id: str) -> bool:
    """Whether a text could be a task id at all, so that nothing else is ever looked up."""
    body = task_id.removeprefix(PREFIX)
    return task_id.startswith(PREFIX) and len(body) == 26 and all(letter in _ALPHABET for letter in body)


def _base32(number: int) -> str:
    """Crockford's base 32, 26 characters for 128 bits, as the ULID specification has it."""
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
