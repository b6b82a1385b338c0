"""Takes out of a built layer what no function can use, and what only costs a cold start. Standard library only.

Service models lose their documentation and are stored unpacked (the layer is packed as a whole); the table of AWS's
endpoints, more than a megabyte that botocore parses for the first client of a process, keeps the services that are
called here.
"""

import gzip
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SERVICES = {"dynamodb", "events", "lambda", "s3", "scheduler", "secretsmanager", "sqs", "sts"}
SHARED = {"endpoints.json", "partitions.json", "sdk-default-configuration.json", "_retry.json"}
UNUSED = (
    "bin",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui",
    "boto3/data",
    "boto3/examples",
    "cffi",
    "pycparser",
    "pydantic/v1",
)
"""PyNaCl runs with cffi's compiled part alone (`_cffi_backend`); cffi and pycparser are what builds such parts."""
INSTALLER_NOTES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")
"""What an installer writes of itself: it differs from host to host, and the same lock shall make the same layer."""


def prune(layer: Path) -> None:
    """Shrink the layer whose packages lie in `layer`."""
    data = layer / "botocore" / "data"
    for entry in data.iterdir():
        if entry.is_dir() and entry.name not in SERVICES:
            shutil.rmtree(entry)
        elif entry.is_file() and entry.name not in SHARED:
            entry.unlink()
    for service in SERVICES:
        _keep_latest_version(data / service)
    for model in _models(data):
        _unpack(model)
    _shrink_endpoints(data / "endpoints.json")
    for cache in [*layer.rglob("__pycache__"), *(layer / name for name in UNUSED)]:
        shutil.rmtree(cache, ignore_errors=True)
    for note in [layer / ".lock", *(found for name in INSTALLER_NOTES for found in layer.glob(f"*.dist-info/{name}"))]:
        note.unlink(missing_ok=True)


def _keep_latest_version(service: Path) -> None:
    *older, _ = sorted(service.iterdir())
    for version in older:
        shutil.rmtree(version)


def _models(data: Path) -> Iterator[Path]:
    for model in [*data.rglob("*.json.gz"), *data.rglob("*.json")]:
        if model.name.startswith("examples-"):
            model.unlink()
        else:
            yield model


def _unpack(model: Path) -> None:
    """Store a model as plain JSON without documentation and white space."""
    content = gzip.decompress(model.read_bytes()) if model.suffix == ".gz" else model.read_bytes()
    shorter = json.dumps(_without_documentation(json.loads(content)), separators=(",", ":"))
    model.unlink()
    model.with_name(model.name.removesuffix(".gz")).write_text(shorter)


def _without_documentation(value: Any) -> Any:
    if isinstance(value, dict):
        # A member that is itself called so is a shape, not a text; and of these parameters botocore wants the text.
        return {
            name: part if name == "clientContextParams" else _without_documentation(part)
            for name, part in value.items()
            if not (name == "documentation" and isinstance(part, str))
        }
    if isinstance(value, list):
        return [_without_documentation(part) for part in value]
    return value


def _shrink_endpoints(path: Path) -> None:
    endpoints = json.loads(path.read_text())
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in SERVICES & services.keys()}
    path.write_text(json.dumps(endpoints, separators=(",", ":"), sort_keys=True))


if __name__ == "__main__":
    prune(Path(sys.argv[1]))
