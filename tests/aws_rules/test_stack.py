"""What CloudFormation refuses of a template as a whole (AWS CloudFormation User Guide, "Understand quotas")."""

import json
import re
from typing import Any

import pytest

from local.template.reading import Template, read_template, resources
from local.template.resolution import resolve
from local.template.translation import translate

MOST_RESOURCES, MOST_OUTPUTS, MOST_PARAMETERS = 500, 200, 200
MOST_BYTES_BY_URL = 1_000_000
MOST_ENVIRONMENT = 4 * 1024
"""Bytes of all of a function's environment variables (AWS Lambda, quotas)."""


def test_a_stack_has_at_most_500_resources_and_200_parameters_and_outputs(translated: Template) -> None:
    assert len(translated["Resources"]) <= MOST_RESOURCES
    assert len(translated["Outputs"]) <= MOST_OUTPUTS
    assert len(translated["Parameters"]) <= MOST_PARAMETERS


def test_a_template_has_at_most_1_mb_by_url(translated: Template) -> None:
    """Above 51,200 bytes it can't be sent inline: `make deploy` and `--resolve-s3` send it by its address."""
    assert len(json.dumps(translated)) < MOST_BYTES_BY_URL


def test_a_template_has_no_yaml_aliases() -> None:
    """CloudFormation reads YAML 1.1 without aliases and hash merges (User Guide, "CloudFormation template formats")."""
    from local.paths import TEMPLATE

    text = TEMPLATE.read_text()
    assert not re.search(r"(?m)(:\s|-\s)[&*]\w+\s*$|<<:", text)


@pytest.mark.parametrize("choice", [{}, {"StreamingUrl": "false"}, {"DetailedAlarms": "true"}, {"SnapStart": "x"}])
def test_nothing_refers_to_what_a_condition_leaves_out(choice: dict[str, str]) -> None:
    template = translate(read_template())
    there = resolve(template, choice)
    names = set(template["Resources"])
    missing = names - set(there["Resources"])
    used = set(re.findall(r"\b(" + "|".join(sorted(missing) or ["-"]) + r")\b", json.dumps(there)))
    # A dimension or a name may be spelt like a resource; only whole values and attributes count.
    assert {name for name in used if _refers(there, name)} == set()


def _refers(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return any(_refers(part, name) for part in value.values())
    if isinstance(value, list):
        return any(_refers(part, name) for part in value)
    return isinstance(value, str) and (value == name or value.startswith(f"{name}."))


def test_a_functions_environment_has_at_most_4_kb(everything: Template) -> None:
    """A reference becomes an ARN or a queue's address there, of 120 bytes at the most with a stack's usual name."""
    for name, function in resources(everything, "AWS::Lambda::Function").items():
        variables = function["Properties"]["Environment"]["Variables"]
        size = sum(
            len(key) + (120 if str(value).partition(".")[0] in everything["Resources"] else len(str(value)))
            for key, value in variables.items()
        )
        assert size < MOST_ENVIRONMENT, name


def test_a_queue_waits_six_times_as_long_as_its_function_runs(deployed: Template) -> None:
    """Lambda Developer Guide, "Configuring a queue to use with Lambda": a visibility time-out of at least six times."""
    functions = resources(deployed, "AWS::Lambda::Function")
    queues = resources(deployed, "AWS::SQS::Queue")
    mappings = resources(deployed, "AWS::Lambda::EventSourceMapping").values()
    fed = [found["Properties"] for found in mappings if found["Properties"]["EventSourceArn"].endswith("Queue.Arn")]
    assert len(fed) == 5
    for mapping in fed:
        queue = queues[mapping["EventSourceArn"].removesuffix(".Arn")]["Properties"]
        timeout = functions[mapping["FunctionName"]]["Properties"]["Timeout"]
        assert queue["VisibilityTimeout"] >= 6 * timeout, mapping["EventSourceArn"]
        assert queue["VisibilityTimeout"] <= 12 * 3600


def test_an_api_behind_the_gateway_answers_within_30_seconds(deployed: Template) -> None:
    """API Gateway quotas: an HTTP API's integration has 30 s at the most, and this can't be raised."""
    behind = {
        found["Properties"]["IntegrationUri"].removesuffix(".Arn")
        for found in resources(deployed, "AWS::ApiGatewayV2::Integration").values()
    }
    functions = resources(deployed, "AWS::Lambda::Function")
    slow = {name for name in behind if functions[name]["Properties"]["Timeout"] >= 30}
    assert slow == {"DialectsFunction"}, "it has a URL of its own, and asks the gateway's calls to be done in time"


def test_a_stages_settings_name_routes_that_are_there_before_it(translated: Template) -> None:
    """`Unable to find Route by key … within the provided RouteSettings`: a stage is made after the routes it names."""
    (stage,) = resources(translated, "AWS::ApiGatewayV2::Stage").values()
    routes = {
        route["Properties"]["RouteKey"]: name
        for name, route in resources(translated, "AWS::ApiGatewayV2::Route").items()
    }
    assert {routes[key] for key in stage["Properties"]["RouteSettings"]} == set(stage["DependsOn"])


def test_an_undelivered_event_is_kept(deployed: Template) -> None:
    """EventBridge drops an event after 24 hours or 185 tries, unless its target has a dead-letter queue."""
    (rule,) = [
        found
        for found in resources(deployed, "AWS::Events::Rule").values()
        if "EventPattern" in found["Properties"]
    ]  # fmt: skip
    (target,) = rule["Properties"]["Targets"]
    assert target["DeadLetterConfig"]["Arn"] == "IntakeDeadLetters.Arn"
    (policy,) = resources(deployed, "AWS::SQS::QueuePolicy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert {target["Arn"], target["DeadLetterConfig"]["Arn"]} <= set(statement["Resource"])
    assert {"IntakeQueue", "IntakeDeadLetters"} <= set(policy["Properties"]["Queues"])
