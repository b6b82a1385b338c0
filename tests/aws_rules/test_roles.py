"""Every function has a role of its own, and no role reaches anything that is not the stack's."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.template.reading import Template, resources

EVERYWHERE = {
    frozenset({"xray:PutTraceSegments", "xray:PutTelemetryRecords"}): "traces have no resource (AWS X-Ray, IAM)",
}


def statements(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every role, with the role's name."""
    for name, role in resources(template, "AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def as_list(value: Any) -> list[Any]:
    """A value that may stand for a list of one."""
    return value if isinstance(value, list) else [value]


def test_no_role_has_a_policy_that_aws_manages(everything: Template) -> None:
    """AWSLambdaSQSQueueExecutionRole and its like reach every queue, stream and log group of the account."""
    for name, role in resources(everything, "AWS::IAM::Role").items():
        assert not role["Properties"].get("ManagedPolicyArns"), name


def test_no_two_functions_share_a_role(everything: Template) -> None:
    roles = [function["Properties"]["Role"] for function in resources(everything, "AWS::Lambda::Function").values()]
    assert len(set(roles)) == len(roles)
    assert all(role == f"{role.removesuffix('.Arn')}.Arn" for role in roles)


def test_no_role_may_do_everything_or_something_to_everything(everything: Template) -> None:
    found = list(statements(everything))
    assert len(found) > 60
    for name, statement in found:
        actions = as_list(statement["Action"])
        assert not [action for action in actions if "*" in action], f"{name}: {actions}"
        if "*" in as_list(statement["Resource"]):
            assert frozenset(actions) in EVERYWHERE, f"{name}: {actions} on everything"


def test_every_resource_of_a_right_is_the_stacks_own(everything: Template) -> None:
    own = set(everything["Resources"])
    for name, statement in statements(everything):
        for resource in as_list(statement["Resource"]):
            if resource != "*":
                part = resource.partition(":")[2].rpartition(":")[2] if resource.startswith("arn:") else resource
                # A schedule's ARN names its group in the second place.
                named = part.removeprefix("schedule/").partition(".")[0].partition("/")[0]
                assert named in own or "darkroom" in part, f"{name}: {resource}"


def test_a_function_writes_to_its_own_log_group_alone_which_is_there_before_it(everything: Template) -> None:
    """A group that Lambda makes itself has no retention, and meets the stack's as AlreadyExists."""
    groups = resources(everything, "AWS::Logs::LogGroup")
    for name, function in resources(everything, "AWS::Lambda::Function").items():
        group = function["Properties"]["LoggingConfig"]["LogGroup"]
        assert group in groups, name
        assert "Function" not in groups[group]["Properties"]["LogGroupName"], "it would be made after its function"
        role = function["Properties"]["Role"].removesuffix(".Arn")
        logs = [
            statement
            for owner, statement in statements(everything)
            if owner == role and any(action.startswith("logs:") for action in as_list(statement["Action"]))
        ]
        assert [as_list(statement["Resource"]) for statement in logs] == [[f"{group}.Arn"]], name
        assert set(logs[0]["Action"]) == {"logs:CreateLogStream", "logs:PutLogEvents"}, name


@pytest.mark.parametrize("kind", ["Queue.Arn", "StreamArn"])
def test_what_feeds_a_function_is_readable_by_it_alone(everything: Template, kind: str) -> None:
    needed = {
        "Queue.Arn": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
        "StreamArn": {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"},
    }[kind]
    functions = resources(everything, "AWS::Lambda::Function")
    fed = 0
    for mapping in resources(everything, "AWS::Lambda::EventSourceMapping").values():
        source = mapping["Properties"]["EventSourceArn"]
        if not source.endswith(kind):
            continue
        fed += 1
        role = functions[mapping["Properties"]["FunctionName"]]["Properties"]["Role"].removesuffix(".Arn")
        readers = {
            name
            for name, statement in statements(everything)
            if needed <= set(as_list(statement["Action"])) and source in as_list(statement["Resource"])
        }
        assert readers == {role}
    assert fed
