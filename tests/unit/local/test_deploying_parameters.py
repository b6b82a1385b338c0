"""All parameters are passed with every deployment; what was chosen stays, and what was not follows the defaults."""

from typing import Any

import pytest

from local.deploying.guide import GaveUp
from local.deploying.parameters import Running, decided, defaults_of, given_by, told
from local.template.reading import read_template
from tests.unit.local.scripted import scripted, stack

DECLARED: dict[str, Any] = {
    "PublicUrl": {"Type": "String", "Default": ""},
    "LinkSeconds": {"Type": "Number", "Default": 3600, "MinValue": 60, "MaxValue": 43200},
    "EvolinkBaseUrl": {"Type": "String", "Default": "https://new.example"},
    "LogRetentionDays": {"Type": "Number", "Default": 30, "AllowedValues": [1, 7, 30]},
    "LocalMode": {"Type": "String", "Default": "false", "AllowedValues": ["true", "false"]},
    "Release": {"Type": "String", "Default": "unreleased"},
}
OLD_DEFAULTS = {**defaults_of(DECLARED), "EvolinkBaseUrl": "https://old.example"}


def running(**chosen: str) -> Running:
    return Running({**OLD_DEFAULTS, "Release": "0123456789abcdef", **chosen}, OLD_DEFAULTS)


def test_a_first_deployment_passes_every_default_but_the_release() -> None:
    values = decided(DECLARED, Running(), {})
    assert set(values) == set(DECLARED) - {"Release"}
    assert values["LinkSeconds"] == "3600"


def test_every_parameter_of_the_real_template_is_passed() -> None:
    declared = read_template()["Parameters"]
    assert set(decided(declared, Running(), {})) == set(declared) - {"Release"}


def test_a_changed_default_arrives() -> None:
    values = decided(DECLARED, running(), {})
    assert values["EvolinkBaseUrl"] == "https://new.example"
    assert "  EvolinkBaseUrl: https://old.example becomes https://new.example" in told(running(), values)


def test_what_was_chosen_before_is_not_lost() -> None:
    before = running(LinkSeconds="600", EvolinkBaseUrl="https://proxy.example")
    values = decided(DECLARED, before, {})
    assert (values["LinkSeconds"], values["EvolinkBaseUrl"]) == ("600", "https://proxy.example")
    assert "  LinkSeconds: stays 600, as chosen before" in told(before, values)


def test_what_is_given_now_counts_most_even_if_it_is_nothing() -> None:
    before = running(PublicUrl="https://pictures.example")
    assert decided(DECLARED, before, {})["PublicUrl"] == "https://pictures.example"
    emptied = decided(DECLARED, before, {"PublicUrl": ""})
    assert emptied["PublicUrl"] == ""
    assert "  PublicUrl: https://pictures.example becomes (empty)" in told(before, emptied)


def test_the_release_is_never_what_it_was() -> None:
    assert "Release" not in decided(DECLARED, running(), {})
    assert given_by({"DARKROOM_PARAMETER_Release": "mine"}, DECLARED) == {}


def test_a_parameter_that_is_gone_is_no_longer_passed_but_said() -> None:
    before = running(Retired="1")
    values = decided(DECLARED, before, {})
    assert "Retired" not in values
    assert "  Retired: is no longer a parameter" in told(before, values)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("LinkSeconds", "59", "from 60 to 43200"),
        ("LinkSeconds", "an hour", "a number"),
        ("LogRetentionDays", "8", "one of 1, 7, 30"),
        ("LocalMode", "yes", "one of true, false"),
    ],
)
def test_what_the_template_does_not_allow_is_refused_at_once(name: str, value: str, fault: str) -> None:
    with pytest.raises(GaveUp, match=f"parameter {name} is .*{fault}"):
        decided(DECLARED, Running(), {name: value})


def test_a_chosen_value_that_is_no_longer_allowed_is_refused_at_once() -> None:
    with pytest.raises(GaveUp, match="LinkSeconds is 90000"):
        decided(DECLARED, running(LinkSeconds="90000"), {})


def test_a_misspelt_parameter_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(GaveUp, match=r"no such parameter; it has EvolinkBaseUrl, LinkSeconds"):
        given_by({"DARKROOM_PARAMETER_LinkSecond": "600"}, DECLARED)


def test_the_running_stack_is_compared_with_its_own_template() -> None:
    target = scripted()
    parameters = [
        {"ParameterKey": "LinkSeconds", "ParameterValue": "600"},
        {"ParameterKey": "EvolinkBaseUrl", "ParameterValue": "https://old.example"},
        {"ParameterKey": "PublicUrl"},
    ]
    target.answers("cloudformation", "describe_stacks", stack("UPDATE_COMPLETE", Parameters=parameters))
    summary = [{"ParameterKey": name, "DefaultValue": value} for name, value in OLD_DEFAULTS.items()]
    target.answers("cloudformation", "get_template_summary", {"Parameters": summary}, {"StackName": "shop"})
    assert Running.of(target.client("cloudformation"), "shop").chosen() == {"LinkSeconds": "600"}
