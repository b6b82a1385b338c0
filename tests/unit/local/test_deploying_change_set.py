"""One deployment is one change set, looked at before it is carried out."""

from typing import Any

import pytest

from local.deploying import change_set
from local.deploying.change_set import ChangeSet
from local.deploying.guide import GaveUp
from local.deploying.stack_state import Existing
from tests.unit.local.scripted import STACK_ID, ScriptedTarget, pipeline, scripted, stack

ARN = "arn:aws:cloudformation:eu-central-1:123456789012:changeSet/darkroom/1"
PARAMETERS = {"LinkSeconds": "600", "PublicUrl": "", "Release": "0123456789abcdef"}
EXISTING = Existing(STACK_ID, "UPDATE_COMPLETE")


@pytest.fixture
def target() -> ScriptedTarget:
    return scripted()


def change(name: str, action: str, kind: str = "AWS::Lambda::Function", replacement: str = "False") -> dict[str, Any]:
    found = {"Action": action, "LogicalResourceId": name, "ResourceType": kind, "Replacement": replacement}
    return {"Type": "Resource", "ResourceChange": found}


def made(target: ScriptedTarget, *looks: dict[str, Any]) -> None:
    target.answers("cloudformation", "create_change_set", {"Id": ARN, "StackId": STACK_ID})
    for look in looks:
        target.answers("cloudformation", "describe_change_set", look, {"ChangeSetName": ARN})


def make(target: ScriptedTarget, existing: Existing | None = EXISTING) -> ChangeSet | None:
    return change_set.make(target, existing, "https://s3.example/b/t", PARAMETERS, sleep=lambda _: None)


def test_every_parameter_is_passed_also_the_empty_ones(target: ScriptedTarget) -> None:
    from botocore.stub import ANY

    passed = [{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()]
    asked = {
        "StackName": "shop", "ChangeSetName": ANY, "ChangeSetType": "UPDATE", "TemplateURL": "https://s3.example/b/t",
        "Parameters": passed, "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }  # fmt: skip
    target.answers("cloudformation", "create_change_set", {"Id": ARN, "StackId": STACK_ID}, asked)
    page = {"Status": "CREATE_COMPLETE", "Changes": [change("SubmitFunction", "Modify")]}
    for look in ({"Status": "CREATE_PENDING"}, {"Status": "CREATE_IN_PROGRESS"}, page, page):
        target.answers("cloudformation", "describe_change_set", look)
    found = make(target)
    assert found is not None
    assert found.summary() == "0 added, 1 changed, 0 removed"


def test_all_pages_of_changes_are_read(target: ScriptedTarget) -> None:
    first = {"Status": "CREATE_COMPLETE", "Changes": [change("A", "Add")], "NextToken": "t"}
    made(target, first, first)
    last = {"Status": "CREATE_COMPLETE", "Changes": [change("B", "Remove")]}
    target.answers("cloudformation", "describe_change_set", last, {"ChangeSetName": ARN, "NextToken": "t"})
    found = make(target)
    assert found is not None
    assert found.summary() == "1 added, 0 changed, 1 removed"


def test_where_nothing_changes_there_is_no_change_set_left(target: ScriptedTarget) -> None:
    made(target, {"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes."})
    target.answers("cloudformation", "delete_change_set", {}, {"ChangeSetName": ARN})
    assert make(target) is None
    target.assert_all_asked()


def test_a_refused_first_try_leaves_no_empty_stack(target: ScriptedTarget) -> None:
    made(target, {"Status": "FAILED", "StatusReason": "Rules failed: SnapStart serves published versions"})
    target.answers("cloudformation", "delete_change_set", {})
    target.answers("cloudformation", "delete_stack", {}, {"StackName": STACK_ID})
    with pytest.raises(GaveUp, match="SnapStart serves published versions"):
        make(target, existing=None)
    target.assert_all_asked()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            change("TasksTable", "Modify", "AWS::DynamoDB::Table", "True"),
            "TasksTable .* would be replaced by an empty one",
        ),
        (change("Bucket", "Remove", "AWS::S3::Bucket"), "Bucket .* would be removed"),
        (change("SigningSecret", "Modify", "AWS::SecretsManager::Secret", "True"), "SigningSecret"),
    ],
)
def test_data_is_not_given_up_without_a_word(target: ScriptedTarget, changes: dict[str, Any], words: str) -> None:
    target.answers("cloudformation", "delete_change_set", {})
    found = ChangeSet(ARN, STACK_ID, [changes["ResourceChange"]])
    with pytest.raises(GaveUp, match=f"(?s){words}.*DARKROOM_REPLACE=1"):
        change_set.carry_out(pipeline(DARKROOM_YES="1"), target, EXISTING, found)
    target.assert_all_asked()


def test_what_failed_says_what_the_stack_is_now(target: ScriptedTarget) -> None:
    target.answers("cloudformation", "describe_stack_events", {"StackEvents": []})
    target.answers("cloudformation", "execute_change_set", {}, {"ChangeSetName": ARN})
    target.answers("cloudformation", "describe_stacks", stack("UPDATE_ROLLBACK_COMPLETE"))
    event = {
        "EventId": "1", "StackId": STACK_ID, "StackName": "shop", "LogicalResourceId": "shop", "Timestamp": "2026-01-01",
        "PhysicalResourceId": STACK_ID, "ResourceType": "AWS::CloudFormation::Stack",
        "ResourceStatus": "UPDATE_ROLLBACK_COMPLETE",
    }  # fmt: skip
    target.answers("cloudformation", "describe_stack_events", {"StackEvents": [event]})
    found = ChangeSet(ARN, STACK_ID, [change("SubmitFunction", "Modify")["ResourceChange"]])
    with pytest.raises(GaveUp, match="what it was before, and works"):
        change_set.carry_out(pipeline(), target, EXISTING, found)
