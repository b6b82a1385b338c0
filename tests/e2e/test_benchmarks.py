"""Every measurement of `make bench` still measures: run small, for its figures' sake and not for their values."""

import json
import os
import subprocess
import sys

import pytest

from local.paths import ROOT

SMALL = {
    "cold_start": "RUNS = 1; m.FIRST = {'status': m.FIRST['status']}",
    "callback": "ROUNDS = 1; m.AT_ONCE = 4",
    "ingest": "ROUNDS = 1; m.MEGABYTES = (1,); m.IMAGES = 2; m.BANDWIDTH = 1000",
    "lookup": "REQUESTS = 3",
    "growth": "SIZES = (60, 120); m.ROUNDS = 1; m.BATCHES = 1",
    "cost": "VOLUMES = (1_000,)",
    "waits": "HOUR = 3_600_000",
    "scale": "RATES = (10, 100); m.RUN_SECONDS = 30",
    "gateways": "WARMING = 10; m.COUNTED = 20; m.GATEWAYS = {'Darkroom': m.GATEWAYS['Darkroom']}",
}
"""Each measurement, and what makes it small."""


def run(script: str) -> str:
    """What a program says that may change its own process as it likes."""
    path = f"{ROOT / 'layers' / 'darkroom'}:{ROOT}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "AWS_DEFAULT_REGION": "us-east-1"},
        cwd=ROOT,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("name", SMALL)
def test_a_measurement_gives_its_figures(name: str) -> None:
    script = (
        f"import json, benchmarks.{name} as m; m.{SMALL[name]}\n"
        "print(json.dumps([[f.subject, f.value, f.target, f.verdict] for f in m.main()]))"
    )
    figures = json.loads(run(script))
    assert figures
    assert all(verdict in {"met", "MISSED"} for *_, verdict in figures)


@pytest.mark.parametrize(("images", "write_units", "messages"), [(1, 28, 9), (4, 42, 15)])
def test_a_task_does_not_cost_more_than_it_did(images: int, write_units: int, messages: int) -> None:
    # Counts, unlike times, are the same on every machine.
    script = (
        f"import json; from benchmarks.cost import count; book = count({images}); "
        "print(json.dumps([book.amounts['DynamoDB write units'], book.amounts['SQS requests'], book.amounts['S3 writes']]))"
    )
    counted = json.loads(run(script))
    assert counted[0] <= write_units
    assert counted[1] <= messages
    assert counted[2] == images + 1
