"""What is uploaded is all that a handler needs: nothing of this environment comes to its aid."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local.packages import function_package, layer_package
from local.paths import FUNCTIONS

NAMES = sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py"))


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layer")
    zipfile.ZipFile(io.BytesIO(layer_package())).extractall(folder)
    return folder / "python"


@pytest.mark.parametrize("name", NAMES)
def test_a_handler_needs_only_its_folder_and_the_layer(name: str, layer: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(io.BytesIO(function_package(name))).extractall(tmp_path)
    paths = [str(tmp_path), str(layer)]
    # Without site-packages, and without anything of the environment but what every function is given.
    script = f"import sys; sys.path[:0] = {paths}; import app, boto3; print(callable(app.handler), boto3.__file__)"
    environment = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    command = [sys.executable, "-I", "-S", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ready, boto3_file = done.stdout.split()
    assert ready == "True"
    assert Path(boto3_file).is_relative_to(layer)


def test_the_same_content_is_the_same_package() -> None:
    assert function_package(NAMES[0]) == function_package(NAMES[0])
    assert layer_package() == layer_package()
