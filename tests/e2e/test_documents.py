"""The lines that the documents show are run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import ROOT
from tests.e2e.conftest import Api

BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DIALECT_PAGES = sorted((ROOT / "docs" / "dialects").glob("*.md"))
PAGES = [
    ROOT / "README.md",
    ROOT / "client" / "README.md",
    *DIALECT_PAGES,
    ROOT / "docs" / "accounts.md",
    ROOT / "docs" / "operations.md",
]


def blocks(page: Path) -> list[tuple[str, str]]:
    """The lines to be run of a page, and in which language."""
    return [(match[1], match[2]) for match in BLOCK.finditer(page.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_lines_of_a_page_work(api: Api, page: Path) -> None:
    environment = {
        **os.environ,
        "DARKROOM_URL": api.stack.base_url,
        "DARKROOM_STREAMING_URL": api.stack.streaming.url,
        "DARKROOM_KEY": api.stack.api_key,
        "DARKROOM_ADMIN_KEY": api.stack.admin_key,
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": str(ROOT / "client" / "src"),
    }
    assert blocks(page)
    for language, lines in blocks(page):
        command = [sys.executable, "-c", lines] if language == "python" else ["bash", "-euo", "pipefail", "-c", lines]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{lines}\n{done.stdout}\n{done.stderr}"
        said = done.stdout
        assert '"error"' not in said
        assert '"code":4' not in said, "chanjing answers its errors with HTTP 200"
        named = re.findall(r"task_[0-9A-Z]{26}", said)
        if named:
            environment["TASK_ID"] = named[0]


def test_every_dialect_has_its_page() -> None:
    from darkroom.dialects.registry import DIALECTS

    assert {page.stem for page in DIALECT_PAGES} == set(DIALECTS)
