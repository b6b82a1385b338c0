"""Erasing an owner, as the API tells of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from darkroom.accounts.keys import ApiKey
from darkroom.api.errors import conflict
from darkroom.operations.erasure_store import Erasure, Phase

if TYPE_CHECKING:
    from darkroom.api.parts import ErasingParts, ErasureParts

Json = dict[str, Any]
DAY = 86_400
DEAD_LETTERS_DAYS = 14
"""How long a message that was given up on is kept (template.yaml)."""
KINDS = ("keys", "tasks", "tasks_cancelled", "objects", "ledger_lines", "account_items")


def erase_owner(parts: "ErasingParts", caller: ApiKey, owner: str, *, seconds: float) -> Json:
    """Erase an owner, as far as there is time; the call repeated goes on, and tells how far it is.

    Raises `ApiError` (409) where it is the caller's own.
    """
    if caller.owner == owner:
        raise conflict("this key is the owner's own: erase it with the key of another admin")
    found = parts.eraser().erase(owner, seconds=seconds)
    done = found.phase is Phase.DONE
    return {
        "object": "owner.erasure",
        "owner": owner,
        "status": "erased" if done else "erasing",
        "phase": found.phase.value,
        "begun_at": found.begun_at,
        "next_at": None if done or not found.due_at else found.due_at,
        "finished_at": found.finished_at,
        "removed": {kind: found.removed.get(kind, 0) for kind in KINDS},
        "kept": _kept(found, parts.settings.recovery_days, parts.settings.log_retention_days),
    }


def refuse_while_erasing(parts: "ErasureParts", owner: str) -> None:
    """Let nothing be made for an owner who is being erased. Raises `ApiError` (409)."""
    if parts.erasures().is_under_way(owner):
        raise conflict("this owner is being erased: wait for the end of it (DELETE /v1/admin/owners/{owner})")


def _kept(erasure: Erasure, recovery_days: int, log_days: int) -> list[Mapping[str, Any]]:
    """What an erasure does not reach, why, and until when (Unix seconds; null while it is not done)."""

    def until(days: int) -> int | None:
        return None if erasure.finished_at is None else erasure.finished_at // 1000 + days * DAY

    return [
        {
            "what": "backups",
            "why": "point-in-time recovery of both tables holds what was deleted; nobody reads it but by a restore",
            "until": until(recovery_days),
        },
        {
            "what": "logs",
            "why": "log lines name owner and tasks, but no prompt, picture or key; the access log has addresses",
            "until": until(log_days),
        },
        {
            "what": "dead_letters",
            "why": "messages that were given up on, with task ids; a task that came as an event is in them whole",
            "until": until(DEAD_LETTERS_DAYS),
        },
        {
            "what": "receipt",
            "why": "times and counts of this erasure under the SHA-256 of the owner's name: a restore goes by it",
            "until": until(recovery_days),
        },
    ]
