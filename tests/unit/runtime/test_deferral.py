"""What is left out of a cold start is there all the same for whoever asks for it."""

import subprocess
import sys

import pytest

from local.paths import LAYER

EVENTS = "aws_lambda_powertools.utilities.data_classes"
HANDLERS = "aws_lambda_powertools.event_handler"


def run(script: str) -> str:
    """What a fresh process prints that has deferred what it could."""
    done = subprocess.run(
        [sys.executable, "-c", f"import darkroom, sys\n{script}"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(LAYER), "PATH": ""},
    )
    return done.stdout.strip()


def test_the_domain_is_importable_without_anything_of_aws() -> None:
    assert run("import darkroom.tasks.task; print('aws_lambda_powertools' in sys.modules)") == "False"


def test_a_name_of_a_deferred_package_is_that_of_its_submodule() -> None:
    script = (
        f"from {HANDLERS} import Response; from {HANDLERS}.api_gateway import Response as own; "
        f"print(Response is own, '{HANDLERS}.appsync' in sys.modules, 'asyncio.base_events' in sys.modules)"
    )
    assert run(script) == "True False False"


def test_a_submodule_can_be_asked_for_by_name() -> None:
    assert run(f"from {HANDLERS} import content_types; print(content_types.__name__)") == f"{HANDLERS}.content_types"


@pytest.mark.parametrize(
    ("package", "name"), [(HANDLERS, "AppSyncResolver"), (EVENTS, "S3Event"), (EVENTS, "event_source")]
)
def test_what_no_function_uses_comes_when_it_is_asked_for(package: str, name: str) -> None:
    assert run(f"from {package} import {name}; print(callable({name}))") == "True"


def test_a_name_that_only_the_package_itself_gives_runs_the_package() -> None:
    script = (
        f"import {EVENTS} as events; events.ALBEvent; print(hasattr(events, 'nonsense'), 'S3Event' in vars(events))"
    )
    assert run(script) == "False True"


def test_asyncio_works_once_somebody_uses_it() -> None:
    script = (
        "import asyncio; print('asyncio.base_events' in sys.modules)\n"
        "async def answer(): return 42\n"
        "print(asyncio.run(answer()))"
    )
    assert run(script).split() == ["False", "42"]
