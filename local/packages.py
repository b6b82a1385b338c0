"""The packages that a deployment uploads: the layer, built for this host, and a folder for each function."""

import hashlib
import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from local.paths import BUILD, FUNCTIONS, LAYER

_MOMENT = (2020, 1, 1, 0, 0, 0)


def layer_package() -> bytes:
    """The layer as a zip file: the locked dependencies for this interpreter, and the darkroom package."""
    dependencies = _dependencies()
    own = LAYER / "darkroom"
    files = [(path, Path("python") / path.relative_to(dependencies)) for path in _files(dependencies)]
    files.append((LAYER / "streaming-runtime", Path("streaming-runtime")))
    files += [(path, Path("python/darkroom") / path.relative_to(own)) for path in _files(own)]
    return _zip(files)


def function_package(name: str) -> bytes:
    """One function's folder as a zip file."""
    folder = FUNCTIONS / name
    return _zip((path, path.relative_to(folder)) for path in _files(folder))


def _dependencies() -> Path:
    """The dependencies, installed once for each lock and interpreter."""
    lock = (LAYER / "requirements.txt").read_bytes() + (LAYER / "prune.py").read_bytes()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = BUILD / f"dependencies-{version}-{hashlib.sha256(lock).hexdigest()[:16]}"
    if target.exists():
        return target
    # A name of its own: two stacks may be started in one checkout at the same time.
    BUILD.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=BUILD))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += [
        "--require-hashes",
        "--target",
        str(unfinished),
        "--requirement",
        str(LAYER / "requirements.txt"),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    # Run as a script, because that is how `sam build` runs it too.
    subprocess.run([sys.executable, str(LAYER / "prune.py"), str(unfinished)], check=True)
    try:
        unfinished.rename(target)
    except OSError:  # the other one was faster, and built the same
        shutil.rmtree(unfinished)
    return target


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _zip(files: Iterable[tuple[Path, Path]]) -> bytes:
    """The same bytes for the same content: nothing of times or owners."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as package:
        for path, name in files:
            entry = zipfile.ZipInfo(str(name), _MOMENT)
            entry.external_attr = 0o644 << 16
            package.writestr(entry, path.read_bytes())
    return buffer.getvalue()
