"""The house rules that a machine can check."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import FUNCTIONS, LAYER, ROOT
from local.template import read_template, resources

PACKAGE = LAYER / "darkroom"
FLOORS = {
    "domain": set(),
    "adapters": {"domain"},
    "outbound": set(),
    "stores": {"domain"},
    "dialects": {"domain"},
    "services": {"domain", "adapters", "dialects", "stores", "outbound", "api"},
    "api": {"domain", "dialects", "stores", "services", "outbound"},
    # Above all others: nothing may need it.
    "demo": {"domain", "adapters", "stores", "services", "outbound"},
}
FLOORLESS = {"settings", "observation", "records"}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_run_one_way(floor: str) -> None:
    for path in (PACKAGE / floor).glob("*.py"):
        for module in imports(path):
            if module.startswith("darkroom.") and module.count(".") >= 2:
                other = module.split(".")[1]
                assert other == floor or other in FLOORS[floor], f"{path.name} imports {module}"


def test_the_domain_needs_nothing_but_python() -> None:
    for path in (PACKAGE / "domain").glob("*.py"):
        for module in imports(path):
            top = module.partition(".")[0]
            assert top == "darkroom" or top in sys.stdlib_module_names, f"{path.name} imports {module}"


LIGHT = {
    "status": {
        "pydantic",
        "httpx",
        "standardwebhooks",
        "darkroom.adapters",
        "darkroom.domain.catalog",
        "darkroom.outbound",
    },
    "callback": {"pydantic", "httpx", "standardwebhooks", "darkroom.outbound", "darkroom.domain.catalog"},
    "notify": {"pydantic", "httpx", "standardwebhooks", "darkroom.adapters", "darkroom.outbound"},
    "deliver": {"pydantic", "darkroom.adapters", "darkroom.domain.catalog"},
    "track": {"pydantic", "standardwebhooks"},
    "ingest": {"pydantic", "standardwebhooks"},
    "generate": {"pydantic", "standardwebhooks"},
    "submit": {"standardwebhooks"},
    "reconcile": {"pydantic", "httpx", "standardwebhooks", "darkroom.adapters", "darkroom.domain.catalog"},
    "accounts": {"httpx", "standardwebhooks", "darkroom.adapters"},
    "demo": {"pydantic", "httpx", "standardwebhooks", "darkroom.domain.catalog", "darkroom.outbound"},
    "dialects": {"standardwebhooks", "darkroom.dialects.openai", "darkroom.api.streaming"},
}

HEAVY = {"asyncio.base_events", "aws_lambda_powertools.event_handler.appsync", "boto3", "s3transfer"}
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
