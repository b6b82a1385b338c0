"""The layer is compiled by the runtime's own Python, wherever the host keeps it, or by none."""

import os
import stat
import sys
from pathlib import Path

import pytest

import bytecode


def command(folder: Path, name: str, says: str) -> Path:
    """A program that answers the question for its version."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"PATH": str(tmp_path / "empty"), "PYENV_ROOT": str(tmp_path / "pyenv"), "UV": "no-uv-here", **more}


@pytest.mark.skipif(sys.version_info[:2] == (3, 13), reason="this very interpreter is one")
def test_where_there_is_none_there_is_none(tmp_path: Path) -> None:
    assert bytecode.interpreter(environment(tmp_path)) is None


def test_a_shim_with_nothing_behind_it_is_passed_over(tmp_path: Path) -> None:
    command(tmp_path / "shims", "python3.13", "echo command not found >&2; exit 127")
    right = command(tmp_path / "bin", "python3.13", "echo CPython 3.13")
    found = bytecode.interpreter(environment(tmp_path, PATH=f"{tmp_path}/shims{os.pathsep}{tmp_path}/bin:/bin"))
    assert found in {str(right), sys.executable}


def test_pyenvs_versions_are_looked_through(tmp_path: Path) -> None:
    right = command(tmp_path / "pyenv" / "versions" / "3.13.4" / "bin", "python3.13", "echo CPython 3.13")
    assert bytecode.interpreter(environment(tmp_path)) in {str(right), sys.executable}


def test_uv_is_asked(tmp_path: Path) -> None:
    right = command(tmp_path / "managed", "python", "echo CPython 3.13")
    uv = command(tmp_path / "tools", "uv", f"echo {right}")
    assert bytecode.interpreter(environment(tmp_path, UV=str(uv))) in {str(right), sys.executable}


def test_what_is_given_alone_counts(tmp_path: Path) -> None:
    wrong = command(tmp_path, "python3.12", "echo CPython 3.12")
    right = command(tmp_path / "bin", "python3.13", "echo CPython 3.13")
    assert bytecode.interpreter(environment(tmp_path, PATH=str(right.parent), BYTECODE_PYTHON=str(wrong))) is None
    assert bytecode.interpreter(environment(tmp_path, BYTECODE_PYTHON=str(right))) == str(right)


def test_another_implementation_writes_bytecode_that_is_never_read(tmp_path: Path) -> None:
    pypy = command(tmp_path, "python3.13", "echo PyPy 3.13")
    assert bytecode.interpreter(environment(tmp_path, BYTECODE_PYTHON=str(pypy))) is None


def test_compiled_files_name_no_time_and_no_place_of_the_host(tmp_path: Path) -> None:
    module = tmp_path / "python" / "darkroom" / "part.py"
    module.parent.mkdir(parents=True)
    module.write_text("value = 1\n")
    bytecode.compile_layer(tmp_path, sys.executable)
    (compiled,) = module.parent.glob("__pycache__/*.pyc")
    content = compiled.read_bytes()
    assert int.from_bytes(content[4:8], "little") == 0b01, "hash-based, and never checked"
    assert b"/opt/python/darkroom/part.py" in content
    assert str(tmp_path).encode() not in content
