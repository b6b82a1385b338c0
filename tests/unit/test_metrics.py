"""What is counted: every name with its dimensions is known, and so is what it can cost."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.custom_metrics import DOLLARS_A_METRIC, combinations, values
from darkroom.observability import METRICS, count, observed
from local.paths import FUNCTIONS, LAYER, ROOT
from tests.emitted import emitted
from tests.integration.deployment import context

HOLDERS = {"provider"}
"""Dimensions whose values are no enumeration's: they are given as they are."""


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call of `count` where it is darkroom.observability's."""
    for path in [*(LAYER / "darkroom").rglob("*.py"), *FUNCTIONS.glob("*/app.py")]:
        tree = ast.parse(path.read_text())
        imported = any(
            isinstance(node, ast.ImportFrom)
            and node.module == "darkroom.observability"
            and any(alias.name == "count" for alias in node.names)
            for node in ast.walk(tree)
        )
        for node in ast.walk(tree):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "count"
            if called and (imported or path.stem == "observation"):
                assert isinstance(node, ast.Call)
                yield path, node


def test_every_call_counts_something_known_under_its_own_dimensions() -> None:
    seen = set()
    for path, call in calls():
        name = call.args[0]
        assert isinstance(name, ast.Constant), f"{path}: the name of a metric is to be a literal"
        assert isinstance(name.value, str)
        assert len(call.args) <= 2
        given = tuple(keyword.arg for keyword in call.keywords)
        assert given == METRICS[name.value], f"{path}: {name.value} by {given}"
        seen.add(name.value)
    assert seen == set(METRICS), "a metric is listed that nobody counts"


def test_every_dimension_is_an_enumerations_value_or_a_providers_name() -> None:
    """A text of any kind would be a metric of its own for each."""
    for path, call in calls():
        for keyword in call.keywords:
            written = ast.unparse(keyword.value)
            assert keyword.arg in HOLDERS or written.endswith(".value"), f"{path}: {keyword.arg}={written}"


def test_every_dimension_has_few_values_and_they_are_known() -> None:
    for name, dimensions in METRICS.items():
        for dimension in dimensions:
            assert 2 <= len(values(name, dimension)) <= 12, f"{name} by {dimension}"


def test_the_document_says_how_many_metrics_there_can_be() -> None:
    total = sum(combinations().values())
    told = f"{total} custom metrics at the worst ({DOLLARS_A_METRIC * total:.2f} dollars a month)"
    text = re.sub(r"\s+", " ", (ROOT / "docs" / "performance.md").read_text())
    assert told in text, f"docs/performance.md is to say: {told}"


def test_a_metric_carries_the_service_and_its_own_dimensions_alone(capsys: pytest.CaptureFixture[str]) -> None:
    count("RecordFailed")
    count("MessageGivenUp", 7)
    count("Submission", provider="evolink", outcome="accepted")
    assert emitted(capsys.readouterr().out) == [
        ("RecordFailed", 1, {}),
        ("MessageGivenUp", 7, {}),
        ("Submission", 1, {"provider": "evolink", "outcome": "accepted"}),
    ]


def test_a_handler_that_raises_is_counted_and_raises_on(capsys: pytest.CaptureFixture[str]) -> None:
    @observed
    def broken(event: object, context: object) -> None:
        raise RuntimeError("no")

    @observed
    def well(event: object, context: object) -> dict[str, int]:
        return {"statusCode": 500}

    with pytest.raises(RuntimeError, match="no"):
        broken({}, context())
    assert emitted(capsys.readouterr().out) == [("RecordFailed", 1, {})]
    well({}, context())
    assert emitted(capsys.readouterr().out) == []
