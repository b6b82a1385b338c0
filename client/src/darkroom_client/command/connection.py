"""Which deployment the command speaks to, and as whom."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from darkroom_client.client import Darkroom

STATE = Path(".local") / "stack.json"


@dataclass
class Connection:
    """The address and the key, and whether answers are wanted as JSON."""

    url: str | None
    key: str | None
    as_json: bool

    def open(self, *, admin: bool = False) -> Darkroom:
        """A client. Raises `click.UsageError` where nobody said of what."""
        url, key, _ = self.target(admin=admin)
        return Darkroom(url, key)

    def target(self, *, admin: bool = False) -> tuple[str, str, dict[str, Any]]:
        """The address and the key, and what the local stack says of itself where it is what is spoken to.

        Raises `click.UsageError` where nobody said of what.
        """
        # The local stack's keys are for the local stack: none goes to an address that somebody gave.
        state = {} if self.url else _local_state()
        url = self.url or state.get("base_url")
        key = self.key or state.get("admin_key" if admin else "api_key")
        if not url or not key:
            raise click.UsageError("say which deployment: set DARKROOM_URL and DARKROOM_KEY, or use --url and --key")
        return url, key, state


def _local_state() -> dict[str, Any]:
    """The local stack's own file, where one runs in this folder."""
    try:
        found: dict[str, Any] = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return found


connected = click.make_pass_decorator(Connection)
