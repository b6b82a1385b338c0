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
        state = _local_state() if not (self.url and self.key) else {}
        url = self.url or state.get("base_url")
        key = self.key or state.get("admin_key" if admin else "api_key")
        if not url or not key:
            raise click.UsageError("say which deployment: set DARKROOM_URL and DARKROOM_KEY, or use --url and --key")
        return Darkroom(url, key)


def _local_state() -> dict[str, Any]:
    """The local stack's own file, where one runs in this folder."""
    try:
        found: dict[str, Any] = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return found


connected = click.make_pass_decorator(Connection)
