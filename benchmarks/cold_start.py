"""Cold start: a fresh process that imports a function and makes its first clients, against a bare boto3 handler.

Baseline: a process that imports boto3, as it is installed for everybody, and makes one DynamoDB client. Each function
also makes all the parts that its first event needs. The best of several runs counts, because what disturbs a run only
ever makes it slower; the runs of all take turns, so that a slow minute is everybody's.

The layer is the one that `sam build` makes, with bytecode, under the runtime's own version of Python, where one is at
hand (`layers/darkroom/bytecode.py` finds it); else one for this interpreter, which says less.
"""

import importlib.metadata
import io
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import bytecode
from benchmarks.figures import Figure, at_most
from local.packages import function_package, layer_package
from local.paths import LAYER

BARE = "bare boto3 handler"
BASELINE = "import boto3; boto3.client('dynamodb')"
BASELINE_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
# What each function needs on its first event, beyond its imports; and its target.
FIRST = {
    "status": ("app.container.tasks(); app.container.accounts(); app.container.links()", 1.25),
    "callback": ("app.container.callbacks()", 1.25),
    "notify": ("app.container.notifier()", 1.25),
    "track": ("app.container.poller()", 1.4),
    "ingest": ("app.container.image_copier()", 1.4),
    "deliver": ("app.container.deliverer()", 1.4),
    "submit": ("app.container.accounts(); app.container.submissions()", 1.5),
    "generate": ("app.container.dispatcher()", 1.5),
    "dialects": (
        "import darkroom.dialects.service; from darkroom.dialects.registry import dialect; dialect('evolink'); "
        "app.container.accounts(); app.container.submissions()",
        1.5,
    ),
}
RUNS = 9
SETTINGS = {
    f"DARKROOM_{name}": "x" for name in ("TASKS_TABLE", "ACCOUNTS_TABLE", "BUCKET", "EVENT_BUS", "SIGNING_SECRET")
} | {
    "DARKROOM_PROVIDER_SECRET": "x",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    **{f"DARKROOM_{name}_QUEUE_URL": "https://x" for name in ("LOOK", "GENERATE", "INGEST", "WEBHOOK")},
}


def main() -> list[Figure]:
    """Measure and print."""
    python = bytecode.interpreter()
    print(f"cold start: start, imports and the first event's parts, best of {RUNS}, by {python or sys.executable}")
    with tempfile.TemporaryDirectory() as folder:
        layer = built_layer(Path(folder) / "layer", python)
        programs = {BARE: (BASELINE, [_plain_boto3(Path(folder) / "boto3")])}
        for name, (first, _) in FIRST.items():
            code = unpack(function_package(name), Path(folder) / name)
            programs[name] = (f"import app; {first}", [code, layer])
        seconds = _best(programs, python or sys.executable)
        bare = seconds[BARE]
        print(f"  {BARE:<20} {1000 * bare:6.0f} ms   1.00 (baseline)")
        figures = []
        for name, (_, target) in FIRST.items():
            figure = at_most(f"cold start of {name}, of a bare boto3 handler", seconds[name] / bare, target)
            print(f"  {name:<20} {1000 * seconds[name]:6.0f} ms   {figure.value}   target {target}: {figure.verdict}")
            figures.append(figure)
    _print_size(layer_package())
    return figures


def built_layer(folder: Path, python: str | None) -> Path:
    """The layer's packages: as built for the runtime, or for this interpreter where `python` is None."""
    if python is None:
        return unpack(layer_package(), folder) / "python"
    folder.mkdir()
    architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    uv = Path(sys.executable).with_name("uv")
    build = ["make", "-s", "build-DarkroomLayer", f"ARTIFACTS_DIR={folder}", f"PYTHON={sys.executable}", f"UV={uv}"]
    subprocess.run([*build, f"ARCHITECTURE={architecture}"], cwd=LAYER, check=True, stdout=subprocess.DEVNULL)
    return folder / "python"


def _plain_boto3(folder: Path) -> Path:
    """A folder with boto3 and what it needs, as installed: the layer's own has less data to read."""
    folder.mkdir()
    for package in BASELINE_PACKAGES:
        for file in importlib.metadata.files(package) or []:
            top = Path(file.parts[0])
            if top.suffix != ".dist-info" and top.name not in {"..", "__pycache__"} and not (folder / top).exists():
                (folder / top).symlink_to(Path(str(file.locate())).parents[len(file.parts) - 1] / top)
    return folder


def _print_size(packed: bytes) -> None:
    """The layer's size, as AWS counts it: at most 250 MB of a function unzipped, 50 MB for an upload by itself."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as layer, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packer:
        files = layer.infolist()
        for file in files:
            packer.writestr(file.filename, layer.read(file))
    unpacked = sum(file.file_size for file in files)
    print(f"  the layer: {len(buffer.getvalue()) / 1e6:.1f} MB zipped, {unpacked / 1e6:.1f} MB unzipped")


def unpack(package: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        archive.extractall(folder)
    return folder


def _best(programs: dict[str, tuple[str, list[Path]]], python: str) -> dict[str, float]:
    runs = [{name: seconds_of(python, code, paths) for name, (code, paths) in programs.items()} for _ in range(RUNS)]
    return {name: min(run[name] for run in runs) for name in programs}


def seconds_of(python: str, code: str, paths: list[Path]) -> float:
    environment = {**SETTINGS, "PYTHONPATH": ":".join(map(str, paths)), "PATH": os.defpath}
    timer = f"import time; t = time.perf_counter()\n{code}\nprint(time.perf_counter() - t)"
    # Without site-packages: what developers have installed is not in the layer.
    command = [python, "-S", "-c", timer]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


if __name__ == "__main__":
    main()
