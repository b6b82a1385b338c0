"""The layer as it is uploaded: for the architecture asked for, for CPython 3.13, small, and whole.

What `make sam` built is looked at as it lies there; where this machine has a Python 3.13, a layer for this machine's
own architecture is built besides, and every function really starts with it.
"""

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bytecode
from local.deploying.artifact import (
    MOST_UNZIPPED,
    MOST_ZIPPED,
    built_architecture,
    faults_of,
    has_bytecode,
    zipped_size,
)
from local.deploying.building import LAYER as NAME
from local.deploying.building import build
from local.deploying.guide import Guide
from local.paths import FUNCTIONS, LAYER, ROOT, SAM, SAM_BUILD
from local.template.reading import Template, read_template, resources

BUILT = SAM_BUILD / NAME
HOST = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64", "AMD64": "x86_64"}[platform.machine()]
RUNTIME = bytecode.interpreter()

needs_build = pytest.mark.skipif(not BUILT.exists(), reason="`make sam` builds it")
needs_sam = pytest.mark.skipif(not SAM.exists(), reason="`make environments` installs the SAM CLI")
needs_runtime = pytest.mark.skipif(
    not (RUNTIME and sys.platform == "linux"), reason="no Python 3.13 on Linux here: set BYTECODE_PYTHON"
)


def quiet() -> Guide:
    return Guide({}, interactive=False)


@needs_build
def test_what_is_uploaded_is_for_the_architecture_asked_for_and_cpython_313() -> None:
    """A function can't import a library for another machine or Python (AWS, "Working with layers for Python")."""
    assert faults_of(BUILT, built_architecture(SAM_BUILD / "template.yaml")) == []
    assert [path.name for path in BUILT.glob("python/pydantic_core/*.so")], "there is a compiled part to look at"


@needs_build
def test_what_is_uploaded_fits() -> None:
    """250 MB unzipped with the function, 50 MB zipped (AWS, "Lambda quotas"); ours is far below, and stays there."""
    unzipped = sum(path.stat().st_size for path in BUILT.rglob("*") if path.is_file())
    assert unzipped < MOST_UNZIPPED
    assert zipped_size(BUILT) < MOST_ZIPPED
    assert unzipped < 40_000_000, f"{unzipped / 1e6:.1f} MB: what is it that came in?"


@needs_build
def test_what_is_uploaded_has_all_that_the_runtime_does_not_give() -> None:
    """The runtime's own SDK changes under a function; the layer brings its own (AWS, "Runtime-included SDK versions")."""
    there = {path.name for path in (BUILT / "python").iterdir()}
    assert {"boto3", "botocore", "darkroom", "httpx", "pydantic", "aws_lambda_powertools", "standardwebhooks"} <= there
    services = {path.name for path in (BUILT / "python" / "botocore" / "data").iterdir() if path.is_dir()}
    assert {"dynamodb", "events", "s3", "secretsmanager", "sqs", "sts"} <= services
    wrapper = BUILT / "streaming-runtime"
    assert wrapper.stat().st_mode & 0o111 == 0o111, "Lambda runs it"


@needs_build
def test_what_is_uploaded_is_compiled_where_that_can_be() -> None:
    assert has_bytecode(BUILT) == (RUNTIME is not None)


@needs_build
def test_what_is_uploaded_is_what_the_source_says_now() -> None:
    for path in (LAYER / "darkroom").rglob("*.py"):
        assert (BUILT / "python" / path.relative_to(LAYER)).read_bytes() == path.read_bytes(), "run `make sam` again"


@needs_sam
def test_a_second_build_for_another_architecture_is_for_that_one(tmp_path: Path) -> None:
    """`sam build --cached` hands out the first one's wheels again: it knows nothing of what the Makefile was told."""
    for architecture in ("x86_64", "arm64"):
        built = build(quiet(), architecture, tmp_path)
        assert f"BuildArchitecture: {architecture}" in built.read_text()
        assert faults_of(tmp_path / NAME, architecture) == []
    assert faults_of(tmp_path / NAME, "x86_64") != []


STARTS = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import app
answer = None
if sys.argv[2]:
    class Context:
        function_name = aws_request_id = invoked_function_arn = log_stream_name = "x"
        memory_limit_in_mb = 384
        def get_remaining_time_in_millis(self): return 29000
    answer = app.handler(json.loads(sys.argv[2]), Context())
own = sys.argv[3]
foreign = [name for name, module in sys.modules.items()
           if (file := getattr(module, "__file__", None)) and "-packages" in file and not file.startswith(own)]
json.dump({"answer": answer, "foreign": foreign, "callable": callable(app.handler)}, sys.stdout)
"""


def started(
    layer: Path, folder: Path, variables: dict[str, str], event: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A function's module in the runtime's Python, with the standard library, the layer and its folder alone."""
    assert RUNTIME
    paths = json.dumps([str(folder), str(layer / "python")])
    command = [RUNTIME, "-I", "-S", "-B", "-c", STARTS, paths, json.dumps(event) if event else "", str(layer)]
    environment = {
        "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "PATH": "/usr/bin:/bin",
        "AWS_SECRET_ACCESS_KEY": "x", "AWS_LAMBDA_FUNCTION_NAME": folder.name, "POWERTOOLS_TRACE_DISABLED": "1", **variables,
    }  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert done.returncode == 0, f"{folder.name}: {done.stderr[-1500:]}"
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@needs_runtime
@needs_sam
def test_every_function_starts_with_the_layer_and_its_folder_alone(everything: Template, tmp_path: Path) -> None:
    """AWS, "Defining Lambda function handlers in Python": the function's folder and /opt/python are what there is."""
    layer = build(quiet(), HOST, tmp_path).parent / NAME
    functions = resources(everything, "AWS::Lambda::Function")
    folders = {
        logical: ROOT / declared["Properties"]["CodeUri"]
        for logical, declared in resources(read_template(), "AWS::Serverless::Function").items()
    }
    assert {folder.name for folder in folders.values()} <= {path.parent.name for path in FUNCTIONS.glob("*/app.py")}
    health = json.loads((ROOT / "events" / "aws" / "http.get_task.json").read_text())
    health |= {"rawPath": "/health", "routeKey": "GET /health", "pathParameters": {}}
    health["requestContext"]["http"]["path"] = "/health"
    for logical, folder in folders.items():
        variables = {
            name: str(value)
            for name, value in functions[logical]["Properties"]["Environment"]["Variables"].items()
            if name != "AWS_LAMBDA_EXEC_WRAPPER"
        }
        said = started(layer, folder, variables, health if folder.name == "status" else None)
        assert said["foreign"] == [], folder.name
        assert said["callable"], folder.name
        if folder.name == "status":
            assert said["answer"]["statusCode"] == 200
            assert json.loads(said["answer"]["body"])["status"] == "ok"
