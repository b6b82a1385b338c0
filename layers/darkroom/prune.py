"""Takes out of a built layer what no function can use: service models, tests, caches. Standard library only."""

import shutil
import sys
from pathlib import Path

SERVICES = {"dynamodb", "events", "s3", "secretsmanager", "sqs", "sts"}
SHARED = {"endpoints.json", "partitions.json", "sdk-default-configuration.json", "_retry.json"}


def prune(layer: Path) -> None:
    """Shrink the layer whose packages lie in `layer`."""
    for entry in (layer / "botocore" / "data").iterdir():
        if entry.is_dir() and entry.name not in SERVICES:
            shutil.rmtree(entry)
        elif entry.is_file() and entry.name not in SHARED:
            entry.unlink()
    for cache in [*layer.rglob("__pycache__"), layer / "bin"]:
        shutil.rmtree(cache, ignore_errors=True)


if __name__ == "__main__":
    prune(Path(sys.argv[1]))
