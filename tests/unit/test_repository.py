"""The house rules that a machine can check."""

import re
import subprocess
import sys

import pytest

from local.paths import FUNCTIONS, LAYER, ROOT
from local.template.reading import read_template, resources

PACKAGE = LAYER / "darkroom"

LIGHT = {
    "status": {
        "pydantic",
        "httpx",
        "standardwebhooks",
        "darkroom.providers",
        "darkroom.catalog.models",
        "darkroom.http",
    },
    "callback": {"pydantic", "httpx", "standardwebhooks", "darkroom.http", "darkroom.catalog.models"},
    "notify": {"pydantic", "httpx", "standardwebhooks", "darkroom.providers", "darkroom.http"},
    "deliver": {"pydantic", "darkroom.providers", "darkroom.catalog.models"},
    "track": {"pydantic", "standardwebhooks"},
    "ingest": {"pydantic", "standardwebhooks"},
    "generate": {"pydantic", "standardwebhooks"},
    "submit": {"standardwebhooks"},
    "reconcile": {"pydantic", "httpx", "standardwebhooks", "darkroom.providers", "darkroom.catalog.models"},
    "accounts": {"httpx", "standardwebhooks", "darkroom.providers"},
    "demo": {"pydantic", "httpx", "standardwebhooks", "darkroom.catalog.models", "darkroom.http"},
    "dialects": {"standardwebhooks", "darkroom.dialects.openai", "darkroom.dialects.streaming"},
}

HEAVY = {"boto3", "s3transfer"}
"""What no function has a use for."""


@pytest.mark.parametrize("function", LIGHT)
def test_a_function_starts_without_what_it_can_do_without(function: str) -> None:
    script = "import sys, app; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{FUNCTIONS / function}:{LAYER}", "PATH": ""},
    )
    loaded = set(done.stdout.split())
    heavy = {name for name in LIGHT[function] | HEAVY if name in loaded}
    assert not heavy, f"{function} imports {sorted(heavy)} at its start"


def test_a_handler_is_small_and_a_file_has_a_subject() -> None:
    for path in FUNCTIONS.glob("*/app.py"):
        assert len(path.read_text().splitlines()) <= 140
    for path in PACKAGE.rglob("*.py"):
        assert path.stem not in {"utils", "helpers", "common", "manager", "misc"}
        assert len(path.read_text().splitlines()) <= 340, f"{path.name} is too long"


def test_no_lock_names_an_address_and_every_line_has_a_hash() -> None:
    locks = [*(ROOT / "requirements").glob("*.txt"), LAYER / "requirements.txt"]
    assert len(locks) == 7
    for path in locks:
        text = path.read_text()
        assert not re.search(r"https?://|index-url|find-links", text), path.name
        pins = re.findall(r"^[a-zA-Z0-9_.\[\],-]+==\S+", text, re.MULTILINE)
        assert pins
        assert text.count("--hash=sha256:") >= len(pins)


def test_every_function_of_the_template_has_its_handler_and_its_log() -> None:
    template = read_template()
    functions = resources(template, "AWS::Serverless::Function")
    folders = {found["Properties"]["CodeUri"].strip("/").removeprefix("functions/") for found in functions.values()}
    assert folders == {path.parent.name for path in FUNCTIONS.glob("*/app.py")}
    logs = set(resources(template, "AWS::Logs::LogGroup")) - {"ApiAccessLog"}
    assert {f"{name.removesuffix('Logs')}Function" for name in logs} == set(functions)


def test_every_queue_outlives_its_function_and_has_its_dead_letters() -> None:
    template = read_template()
    queues = resources(template, "AWS::SQS::Queue")
    for name, function in resources(template, "AWS::Serverless::Function").items():
        for event in function["Properties"].get("Events", {}).values():
            if event["Type"] == "SQS":
                queue = queues[event["Properties"]["Queue"]["Fn::GetAtt"][0]]["Properties"]
                assert queue["VisibilityTimeout"] >= 6 * function["Properties"]["Timeout"], name
                patience = 100 if name == "TrackFunction" else 5
                assert queue["RedrivePolicy"]["maxReceiveCount"] == patience
                assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
