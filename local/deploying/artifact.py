"""Whether Lambda could load what was built: machine, Python and size, read from the files before they are uploaded."""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from local.deploying.guide import GaveUp

MACHINES = {"arm64": (0xB7, "aarch64"), "x86_64": (0x3E, "x86_64")}
"""Of each architecture: the machine in an ELF header, and its name in a wheel's tag."""
PYTHON = "313"
"""The runtime's, as tags write it."""
MOST_UNZIPPED = 250 * 1024 * 1024
"""Of a function and its layers together (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
MOST_ZIPPED = 50 * 1024 * 1024
"""Of what can be uploaded directly; a layer from S3 may have more, but ours has no reason to."""


def refuse_what_lambda_cannot_load(layer: Path, functions: Path, architecture: str) -> None:
    """Raises `GaveUp` with everything that is wrong with the built layer."""
    if faults := [*faults_of(layer, architecture), *size_faults(layer, functions)]:
        raise GaveUp(
            f"the layer in {layer} was not built for {architecture} and Python 3.{PYTHON[1:]}:\n  "
            + "\n  ".join(faults)
            + "\nBy hand it is built with `ARCHITECTURE=… sam build`, never with --cached, which keeps the old one."
        )


def faults_of(layer: Path, architecture: str) -> list[str]:
    """What of the layer this architecture's Python could not import."""
    if not (layer / "python" / "darkroom").is_dir():
        return ["there is no package `darkroom` in it: the build did not end"]
    return [*_library_faults(layer, architecture), *_wheel_faults(layer, architecture)]


def _library_faults(layer: Path, architecture: str) -> Iterator[str]:
    number, _ = MACHINES[architecture]
    for library in sorted(layer.rglob("*.so*")):
        with library.open("rb") as file:
            header = file.read(20)
        name = library.relative_to(layer)
        if header[:4] != b"\x7fELF":
            yield f"{name} is no Linux library"
        elif (found := int.from_bytes(header[18:20], "little")) != number:
            yield f"{name} is for machine {_machine(found)}"
        elif (tag := re.search(r"\.cpython-(\d+)", library.name)) and tag[1] != PYTHON:
            yield f"{name} is for CPython 3.{tag[1][1:]}"


def _machine(number: int) -> str:
    return next((name for found, name in MACHINES.values() if found == number), hex(number))


def _wheel_faults(layer: Path, architecture: str) -> Iterator[str]:
    """Wheels say for which Python, ABI and platform they are (https://peps.python.org/pep-0427/)."""
    for wheel in sorted(layer.glob("python/*.dist-info/WHEEL")):
        tags = re.findall(r"^Tag: (\S+)$", wheel.read_text(), re.MULTILINE)
        if not any(_fits(tag, architecture) for tag in tags):
            yield f"{wheel.parent.name.removesuffix('.dist-info')} is the wheel {', '.join(tags)}"


def _fits(tag: str, architecture: str) -> bool:
    pythons, abis, platforms = tag.split("-")
    python = any(
        each in {"py3", f"cp{PYTHON}"} or ("abi3" in abis and each.startswith("cp3")) for each in pythons.split(".")
    )
    abi = any(each in {"none", "abi3", f"cp{PYTHON}"} for each in abis.split("."))
    _, machine = MACHINES[architecture]
    platform = any(
        each == "any" or (each.startswith("manylinux") and each.endswith(machine)) for each in platforms.split(".")
    )
    return python and abi and platform


def size_faults(layer: Path, functions: Path) -> list[str]:
    """What of Lambda's limits the layer, with the largest function, goes beyond."""
    faults = []
    largest = max((_size(folder) for folder in functions.iterdir() if folder.is_dir()), default=0)
    if (unzipped := _size(layer) + largest) > MOST_UNZIPPED:
        faults.append(f"a function with its layer has {unzipped:,} bytes unzipped, and may have {MOST_UNZIPPED:,}")
    if (zipped := zipped_size(layer)) > MOST_ZIPPED:
        faults.append(f"the layer has {zipped:,} bytes zipped, and may have {MOST_ZIPPED:,}")
    return faults


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def zipped_size(folder: Path) -> int:
    """How large a folder is as the zip file that is uploaded."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                package.write(path, path.relative_to(folder))
    return buffer.tell()


def has_bytecode(layer: Path) -> bool:
    """Whether Lambda's Python finds its modules compiled."""
    return any((layer / "python" / "darkroom" / "__pycache__").glob(f"*.cpython-{PYTHON}.pyc"))


def built_architecture(template: Path) -> str:
    """What `sam build` says it built the layer for."""
    found = re.search(r"BuildArchitecture: (\S+)", template.read_text())
    return found[1] if found else ""
