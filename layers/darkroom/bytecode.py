"""Compiles a built layer with the runtime's own Python. Standard library only; any Python from 3.11 on runs it.

A layer is read-only: what is not compiled in it is compiled anew by every cold start, and only the very version of the
runtime writes bytecode that it reads (https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation).
The files carry no time, so that the same source makes the same layer.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

VERSION = "3.13"
"""The runtime's, in template.yaml."""
PLACE = "/opt"
"""Where Lambda lays a layer down; file names in tracebacks begin with it."""


def interpreter(environment: Mapping[str, str] = os.environ) -> str | None:
    """A Python of the runtime's version on this machine, or None.

    Looked for in BYTECODE_PYTHON (which alone counts when it is given), this interpreter, PATH, pyenv's versions and
    what uv knows. Every candidate is run: a shim of a version manager may be there and have nothing behind it.
    """
    given = environment.get("BYTECODE_PYTHON")
    candidates = iter([given]) if given else _candidates(environment)
    return next((candidate for candidate in candidates if _is_right(candidate)), None)


def _candidates(environment: Mapping[str, str]) -> Iterator[str]:
    name = f"python{VERSION}"
    yield sys.executable
    for folder in environment.get("PATH", os.defpath).split(os.pathsep):
        if (found := Path(folder) / name).is_file():
            yield str(found)
    pyenv = Path(environment.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(str(found) for found in pyenv.glob(f"versions/{VERSION}*/bin/{name}"))
    if uv := shutil.which(environment.get("UV") or "uv"):
        command = [uv, "python", "find", "--no-config", "--no-project", "--no-python-downloads", VERSION]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        yield done.stdout.strip()


def _is_right(candidate: str) -> bool:
    script = "import platform, sys; print(platform.python_implementation(), '%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([candidate, "-I", "-c", script], capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.split() == ["CPython", VERSION]


def compile_layer(layer: Path, python: str) -> None:
    """Compile everything under `layer` with this interpreter; nothing of it is ever compared with its source again."""
    command = [python, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(layer), "-p", PLACE, str(layer / "python")]
    subprocess.run(command, check=True)  # noqa: S603


if __name__ == "__main__":
    FOUND = interpreter()
    if FOUND:
        compile_layer(Path(sys.argv[1]), FOUND)
        print(f"bytecode: by {FOUND}")
    else:
        print(f"bytecode: none, no Python {VERSION} was found (set BYTECODE_PYTHON): every cold start compiles")
