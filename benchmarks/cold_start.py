"""Cold start: a fresh process that imports a function and makes its first clients, against a bare boto3 handler.

Baseline: a process that imports boto3 and makes one DynamoDB client. The best of several runs counts, because what
disturbs a run only ever makes it slower.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from local.packages import function_package, layer_package

BASELINE = "import boto3; boto3.client('dynamodb')"
# What each function needs on its first event, beyond its imports.
FIRST = {
    "status": ("app.assembly.tasks(); app.assembly.links()", 1.4),
    "callback": ("app.assembly.tasks(); app.assembly.addresses()", 1.4),
    "notify": ("app.assembly.queues()", 1.4),
    "track": ("app.assembly.tasks(); app.assembly.tracker", 1.6),
    "ingest": ("app.assembly.tasks()", 1.6),
    "deliver": ("app.assembly.deliverer()", 1.6),
    "dialects": (
        "import darkroom.api.front_door; from darkroom.dialects.registry import dialect; dialect('evolink'); "
        "app.assembly.tasks(); app.assembly.queues(); app.assembly.submissions()",
        1.8,
    ),
    "submit": ("app.assembly.tasks(); app.assembly.queues(); app.assembly.submissions()", 1.8),
    "generate": ("app.assembly.dispatcher()", 1.8),
}
RUNS = 7
SETTINGS = {
    f"DARKROOM_{name}": "x"
    for name in ("TASKS_TABLE", "ACCOUNTS_TABLE", "BUCKET", "EVENT_BUS", "SIGNING_SECRET", "WEBHOOK_SECRET")
} | {
    "DARKROOM_PROVIDER_SECRET": "x",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
}


def main() -> None:
    """Measure and print."""
    print("cold start: process start, imports and first client, best of", RUNS)
    with tempfile.TemporaryDirectory() as folder:
        layer = _unpack(layer_package(), Path(folder) / "layer") / "python"
        bare = _best(BASELINE, [layer])
        print(f"  {'bare boto3 handler':<20} {1000 * bare:6.0f} ms   1.00 (baseline)")
        for name, (first, target) in FIRST.items():
            code = _unpack(function_package(name), Path(folder) / name)
            seconds = _best(f"import app; {first}", [code, layer])
            ratio = seconds / bare
            verdict = "met" if ratio <= target else "MISSED"
            print(f"  {name:<20} {1000 * seconds:6.0f} ms   {ratio:4.2f}   target {target}: {verdict}")


def _unpack(package: bytes, folder: Path) -> Path:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        archive.extractall(folder)
    return folder


def _best(code: str, paths: list[Path]) -> float:
    environment = {**SETTINGS, "PYTHONPATH": ":".join(map(str, paths)), "PATH": os.defpath}
    queue_urls = {f"DARKROOM_{name}_QUEUE_URL": "https://x" for name in ("LOOK", "GENERATE", "INGEST", "WEBHOOK")}
    timer = f"import time; t = time.perf_counter()\n{code}\nprint(time.perf_counter() - t)"
    seconds = []
    for _ in range(RUNS):
        done = subprocess.run(
            # Without site-packages: what developers have installed is not in the layer.
            [sys.executable, "-S", "-c", timer],
            capture_output=True,
            text=True,
            check=True,
            env=environment | queue_urls,
        )
        seconds.append(float(done.stdout))
    return min(seconds)


if __name__ == "__main__":
    main()
