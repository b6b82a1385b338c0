"""`make bench`: every measurement, and one table of all figures beside their targets."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, print_table

MEASUREMENTS = (
    "cold_start", "catalog", "gateways", "callback", "ingest", "lookup", "growth", "cost", "joining", "waits", "scale",
)  # fmt: skip
_RUN = """
import importlib, json, sys
from dataclasses import asdict
figures = importlib.import_module(f"benchmarks.{sys.argv[1]}").main()
open(sys.argv[2], "w").write(json.dumps([asdict(figure) for figure in figures]))
"""


def main() -> None:
    """Measure everything, each in a process of its own, print it, and end with the one table."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in MEASUREMENTS:
            found = Path(folder) / name
            subprocess.run([sys.executable, "-c", _RUN, name, str(found)], check=True)
            figures += [Figure(**fields) for fields in json.loads(found.read_text())]
            print(flush=True)
    print_table(figures)


if __name__ == "__main__":
    main()
