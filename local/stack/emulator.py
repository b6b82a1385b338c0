"""The emulated AWS: one process in an environment of its own, on loopback, checking every function's own rights."""

import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local.paths import EMULATOR_ENVIRONMENT, ROOT, WORK
from local.processes import Process

REGION = "us-east-1"
ROOT_KEY = "test"
"""Key id and secret of the emulator's root."""
CONCURRENCY = 32
"""Handlers at work at the same time: more cold starts at once than that bring a small machine to its knees."""


STRICT = ROOT / "local" / "stack" / "strict_emulator.py"


class EmulatorFailed(Exception):
    """The emulator did not come up."""


class Emulator:
    """A running emulator."""

    def __init__(self, patience: float = 30) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._scratch = WORK / f"tmp-{os.getpid()}-{self.port}"  # one process may have several
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        # Kept only where somebody wants to compare them (`local/auditing/rights.py`); else they go with the scratch.
        kept = Path(os.environ.get("DARKROOM_CALLS") or self._scratch)
        kept.mkdir(parents=True, exist_ok=True)
        self.calls = kept / f"{os.getpid()}-{self.port}.jsonl"
        self.calls.write_bytes(b"")
        self._process = Process(
            "emulator",
            # `-P`: the folder of the script must not become a place that the emulator imports from.
            [str(EMULATOR_ENVIRONMENT / "bin" / "python"), "-P", str(STRICT), str(self.calls)],
            environment=self._environment(),
            directory=self._scratch,
        )
        try:
            self._wait(patience)
        except BaseException:
            self.stop()
            raise

    def _environment(self) -> dict[str, str]:
        # Nothing of this process's environment: the emulator hands its own to every handler.
        return {
            "PATH": f"{EMULATOR_ENVIRONMENT / 'bin'}:/usr/bin:/bin",
            "HOME": str(self._scratch),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self._scratch),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "AUTH": "true",
            "LAMBDA_ACCOUNT_CONCURRENCY": str(CONCURRENCY),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PYTHONDONTWRITEBYTECODE": "",
        }

    def _wait(self, patience: float) -> None:
        ends_at = time.monotonic() + patience
        while time.monotonic() < ends_at:
            if not self._process.alive:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1):  # noqa: S310
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise EmulatorFailed(f"the emulator did not come up:\n{self._process.last_words()}")

    @cached_property
    def session(self) -> boto3.Session:
        """A session with the emulator's root."""
        return boto3.Session(ROOT_KEY, ROOT_KEY, region_name=REGION)

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator."""
        config = Config(retries={"total_max_attempts": 3, "mode": "standard"}, read_timeout=60)
        return self.session.client(service, endpoint_url=self.url, config=config)  # type: ignore[call-overload]

    @property
    def log(self) -> Path:
        """Its output."""
        return self._process.log

    def stop(self) -> None:
        """End it, and remove what it left."""
        self._process.stop(patience=3)
        shutil.rmtree(self._scratch, ignore_errors=True)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
