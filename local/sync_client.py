"""Makes the client's synchronous form of its asynchronous one: `python -m local.sync_client`, or `make client`.

What is written by hand is `asynchronous.py`; unasync takes `async` and `await` out of it and puts other names in.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import unasync

from local.paths import ROOT

SOURCE = ROOT / "client/src/darkroom_client/asynchronous.py"
MADE = SOURCE.with_name("client.py")
_NAMES = {
    "AsyncDarkroom": "Darkroom",
    "AsyncClient": "Client",
    "aclose": "close",
    "asyncio": "time",
    '""The asynchronous client.""': '""The synchronous client, made of `asynchronous.py` by `make client`.""',
    '""A client of one deployment with one API key. Close it, or use it with `async with`.""':
        '""A client of one deployment with one API key. Close it, or use it as a context.""',
}  # fmt: skip


def rendered() -> str:
    """The synchronous client as its file has it."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "from" / SOURCE.name, Path(folder) / "to" / SOURCE.name
        source.parent.mkdir()
        shutil.copy(SOURCE, source)
        rule = unasync.Rule(f"{folder}/from/", f"{folder}/to/", additional_replacements=_NAMES)
        unasync.unasync_files([str(source)], [rule])
        ruff = [str(Path(sys.executable).with_name("ruff"))]
        settings = ["--quiet", "--config", str(ROOT / "pyproject.toml"), str(made)]
        # `asyncio` and `time` have become the same import.
        subprocess.run([*ruff, "check", "--select", "I", "--fix", *settings], check=True)
        subprocess.run([*ruff, "format", *settings], check=True)
        return made.read_text(encoding="utf-8")


if __name__ == "__main__":
    MADE.write_text(rendered(), encoding="utf-8")
