"""What the functions log, gathered in one file: the emulator's own log has only what it polled for itself."""

import contextlib
import threading
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

EVERY = 2.0
"""Seconds between two looks."""
_PREFIX = "/darkroom/"
_LAG = 1000
"""Milliseconds that an entry may come after its own time."""


class FunctionLogs:
    """Follows the functions' log groups into one file, from a thread of its own."""

    def __init__(self, client: Any, file: Path) -> None:
        self.file = file
        self._client = client
        self._since = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="function logs", daemon=True)

    def start(self) -> None:
        """Follow."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(b"")
        self._thread.start()

    def stop(self) -> None:
        """Write what is still missing, and end. The emulator must still be up."""
        self._ended.set()
        self._thread.join()
        self._write(int(time.time() * 1000))

    def _follow(self) -> None:
        while not self._ended.wait(EVERY):
            self._write(int(time.time() * 1000) - _LAG)

    def _write(self, until: int) -> None:
        """Append the entries since the last look, up to this time (in milliseconds)."""
        # Logs are a convenience: whatever is wrong with them must not end the stack.
        with contextlib.suppress(BotoCoreError, ClientError), self.file.open("a", encoding="utf-8") as file:
            entries = sorted(self._entries(until), key=lambda entry: entry[0])
            file.writelines(f"{name} {message}\n" for _, name, message in entries)
            self._since = until + 1

    def _entries(self, until: int) -> list[tuple[int, str, str]]:
        found = []
        for group in self._client.describe_log_groups(logGroupNamePrefix=_PREFIX)["logGroups"]:
            name = group["logGroupName"]
            window = {"startTime": self._since, "endTime": until}
            for event in self._client.filter_log_events(logGroupName=name, **window)["events"]:
                found.append((event["timestamp"], name.removeprefix(_PREFIX), event["message"].rstrip()))
        return found
