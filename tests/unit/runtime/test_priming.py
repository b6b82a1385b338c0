"""A snapshot has what a first request needs; without one nothing is made before it is asked for."""

import random
import sys
from types import ModuleType

import pytest

from darkroom.runtime.priming import prime


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """AWS's runtime, as far as it tells of snapshots; the hooks that were registered with it."""
    registered: list[object] = []
    runtime = ModuleType("snapshot_restore_py")
    runtime.register_after_restore = registered.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", runtime)
    return registered


def test_a_snapshot_is_taken_with_everything_made(monkeypatch: pytest.MonkeyPatch, hooks: list[object]) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    made: list[str] = []
    prime(lambda: made.append("parts"))
    assert made == ["parts"]
    assert hooks == [random.seed]


@pytest.mark.parametrize("how", ["on-demand", "provisioned-concurrency", ""])
def test_without_a_snapshot_nothing_is_made(how: str, monkeypatch: pytest.MonkeyPatch, hooks: list[object]) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", how)
    prime(lambda: pytest.fail("made too early"))
    assert hooks == []
