"""What Lambda could not load is refused before it is uploaded; the same content has the same release."""

from pathlib import Path

import pytest

from local.deploying import artifact
from local.deploying.artifact import faults_of, has_bytecode, refuse_what_lambda_cannot_load, size_faults
from local.deploying.guide import GaveUp
from local.deploying.release import release_of, without_caches

ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x03\x00"
ARM, X86, RISCV = b"\xb7\x00", b"\x3e\x00", b"\xf3\x00"


def layer_with(
    folder: Path, library: str = "core.cpython-313-aarch64-linux-gnu.so", machine: bytes = ARM, tag: str = ""
) -> Path:
    package = folder / "layer" / "python"
    (package / "darkroom").mkdir(parents=True)
    (package / "core").mkdir()
    (package / "core" / library).write_bytes(ELF + machine + b"\0" * 40)
    info = package / "core-1.0.dist-info"
    info.mkdir()
    tag = tag or "cp313-cp313-manylinux_2_17_aarch64"
    (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
    return folder / "layer"


def test_a_layer_for_the_architecture_asked_for_has_no_fault(tmp_path: Path) -> None:
    assert faults_of(layer_with(tmp_path), "arm64") == []


@pytest.mark.parametrize(("machine", "name"), [(X86, "x86_64"), (RISCV, "0xf3")])
def test_a_library_for_another_machine_is_refused(tmp_path: Path, machine: bytes, name: str) -> None:
    (fault,) = faults_of(layer_with(tmp_path, machine=machine), "arm64")
    assert fault == f"python/core/core.cpython-313-aarch64-linux-gnu.so is for machine {name}"


def test_a_library_for_another_python_is_refused(tmp_path: Path) -> None:
    (fault,) = faults_of(layer_with(tmp_path, library="core.cpython-311-aarch64-linux-gnu.so"), "arm64")
    assert fault.endswith("is for CPython 3.11")


def test_a_library_for_another_system_is_refused(tmp_path: Path) -> None:
    layer = layer_with(tmp_path, library="core.abi3.so")
    (layer / "python" / "core" / "core.abi3.so").write_bytes(b"\xcf\xfa\xed\xfe" + b"\0" * 40)
    assert faults_of(layer, "arm64") == ["python/core/core.abi3.so is no Linux library"]


@pytest.mark.parametrize(
    "tag",
    ["cp311-cp311-manylinux_2_17_aarch64", "cp313-cp313-macosx_11_0_arm64", "cp313-cp313-manylinux_2_17_x86_64",
     "cp313-cp313t-manylinux_2_17_aarch64", "cp313-cp313-musllinux_1_2_aarch64"],
)  # fmt: skip
def test_a_wheel_for_something_else_is_refused(tmp_path: Path, tag: str) -> None:
    assert faults_of(layer_with(tmp_path, tag=tag), "arm64") == [f"core-1.0 is the wheel {tag}"]


@pytest.mark.parametrize("tag", ["py3-none-any", "py2.py3-none-any", "cp39-abi3-manylinux_2_28_aarch64"])
def test_a_wheel_for_every_python_will_do(tmp_path: Path, tag: str) -> None:
    assert faults_of(layer_with(tmp_path, tag=tag), "arm64") == []


def test_a_build_that_did_not_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GaveUp, match="the build did not end"):
        refuse_what_lambda_cannot_load(tmp_path, tmp_path, "arm64")


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = layer_with(tmp_path)
    function = tmp_path / "functions" / "submit"
    function.mkdir(parents=True)
    (function / "app.py").write_bytes(b"x" * 500)
    assert size_faults(layer, tmp_path / "functions") == []
    monkeypatch.setattr(artifact, "MOST_UNZIPPED", 500)
    monkeypatch.setattr(artifact, "MOST_ZIPPED", 10)
    unzipped, zipped = size_faults(layer, tmp_path / "functions")
    assert "unzipped, and may have 500" in unzipped
    assert "zipped, and may have 10" in zipped


def test_bytecode_of_another_python_does_not_count(tmp_path: Path) -> None:
    layer = layer_with(tmp_path)
    cache = layer / "python" / "darkroom" / "__pycache__"
    cache.mkdir()
    (cache / "settings.cpython-311.pyc").touch()
    assert not has_bytecode(layer)
    (cache / "settings.cpython-313.pyc").touch()
    assert has_bytecode(layer)


@pytest.fixture
def built(tmp_path: Path) -> tuple[Path, Path]:
    folder, template = tmp_path / "functions", tmp_path / "template.yaml"
    (folder / "submit").mkdir(parents=True)
    (folder / "submit" / "app.py").write_text("handler = 1")
    template.write_text("Resources: {}")
    return folder, template


def test_the_same_content_and_parameters_are_the_same_release(built: tuple[Path, Path], tmp_path: Path) -> None:
    folder, template = built
    first = release_of([folder], template, {"A": "1", "B": "2"})
    (folder / "submit" / "app.py").touch()
    assert first == release_of([folder], template, {"B": "2", "A": "1", "Release": "what it was"})
    assert len(first) == 16


def test_anything_else_is_another_release(built: tuple[Path, Path]) -> None:
    folder, template = built
    app = folder / "submit" / "app.py"
    found = [release_of([folder], template, {"A": "1"}), release_of([folder], template, {"A": "2"})]
    app.chmod(0o755)
    found.append(release_of([folder], template, {"A": "1"}))
    app.write_text("handler = 2")
    found.append(release_of([folder], template, {"A": "1"}))
    app.rename(folder / "submit" / "main.py")
    found.append(release_of([folder], template, {"A": "1"}))
    template.write_text("Resources: {Topic: {}}")
    found.append(release_of([folder], template, {"A": "1"}))
    assert len(set(found)) == len(found)


def test_what_running_tests_left_is_not_uploaded(built: tuple[Path, Path]) -> None:
    folder, template = built
    before = release_of([folder], template, {})
    cache = folder / "submit" / "__pycache__"
    cache.mkdir()
    (cache / "app.cpython-311.pyc").write_bytes(b"x")
    without_caches(folder)
    assert release_of([folder], template, {}) == before
