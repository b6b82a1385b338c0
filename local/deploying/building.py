"""Runs the SAM CLI: what it builds, and what it uploads."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local.deploying.artifact import built_architecture, has_bytecode, refuse_what_lambda_cannot_load
from local.deploying.guide import GaveUp, Guide
from local.deploying.target import Target
from local.paths import FUNCTIONS, LOGS, ROOT, SAM
from local.template.reading import read_template, resources

LAYER = "DarkroomLayer"


def build(guide: Guide, architecture: str, into: Path) -> Path:
    """Build the layer for this architecture, and check that it is. Returns the built template. Raises `GaveUp`.

    Never with --cached: the cache knows nothing of what the layer's Makefile was told, and hands out the layer of
    another architecture.
    """
    told = {
        "ARCHITECTURE": architecture,
        "PYTHON": sys.executable,
        "UV": os.environ.get("UV") or str(Path(sys.executable).parent / "uv"),
    }
    sam(
        guide, "build", "--template", str(ROOT / "template.yaml"), "--build-dir", str(into), "--no-cached",
        "--parameter-overrides", f"ParameterKey=Architecture,ParameterValue={architecture}", settings=told,
    )  # fmt: skip
    if (said := built_architecture(into / "template.yaml")) != architecture:
        raise GaveUp(
            f"sam built the layer for {said}, and {architecture} was asked for: BuildArchitecture in template.yaml"
        )
    refuse_what_lambda_cannot_load(into / LAYER, FUNCTIONS, architecture)
    if not has_bytecode(into / LAYER):
        guide.tell(
            "  No Python 3.13 was found on this machine, so the layer is not compiled, and every cold start does it "
            "anew: a third of a second more on a whole core, of which functions have a part. Install one, or set "
            "BYTECODE_PYTHON=/path/to/python3.13."
        )
    return into / "template.yaml"


def package(guide: Guide, target: Target, built: Path) -> tuple[Path, str]:
    """Upload layer and functions. Returns the template that names them, and the bucket that they lie in."""
    packaged = built.parent.with_name("packaged.yaml")
    sam(
        guide, "package", "--template-file", str(built), "--output-template-file", str(packaged), "--resolve-s3",
        "--region", target.region,
    )  # fmt: skip
    (layer,) = resources(read_template(packaged), "AWS::Serverless::LayerVersion").values()
    bucket = str(layer["Properties"]["ContentUri"]).removeprefix("s3://").partition("/")[0]
    return packaged, bucket


def sam(guide: Guide, command: str, *options: str, settings: Mapping[str, str] | None = None) -> None:
    """Run one of its commands. All that it says goes into a log; where it fails, its end is shown. Raises `GaveUp`."""
    if not SAM.exists():
        raise GaveUp(f"the SAM CLI is not in {SAM}: `make environments` installs it")
    guide.tell(f"sam {command} …")
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"sam-{command}-{os.getpid()}.log"
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", **(settings or {})}
    # Not as a part of the make that runs us: its options would reach the layer's own make.
    environment = {
        name: value for name, value in environment.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    }
    with log.open("wb") as file:
        done = subprocess.run(
            [str(SAM), command, *options], cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        last = "\n".join(log.read_text(errors="replace").strip().splitlines()[-15:])
        raise GaveUp(f"sam {command} failed; all that it said is in {log}. Its end:\n{last}")
