"""A stack that can't be deployed to is first brought into a state in which it can."""

from typing import Any

import pytest

from local.deploying.guide import GaveUp
from local.deploying.stack_state import Existing, made_ready
from tests.unit.local.scripted import STACK_ID, Person, ScriptedTarget, pipeline, scripted, stack, terminal


@pytest.fixture
def target() -> ScriptedTarget:
    return scripted()


def event(name: str, status: str, reason: str = "", number: int = 0) -> dict[str, Any]:
    of_stack = name == "shop"
    return {
        "EventId": f"{name}-{status}-{number}", "StackId": STACK_ID, "StackName": "shop", "LogicalResourceId": name,
        "PhysicalResourceId": STACK_ID if of_stack else name, "Timestamp": "2026-01-01T00:00:00Z",
        "ResourceType": "AWS::CloudFormation::Stack" if of_stack else "AWS::CloudWatch::Dashboard",
        "ResourceStatus": status, "ResourceStatusReason": reason,
    }  # fmt: skip


def is_in(target: ScriptedTarget, status: str) -> None:
    target.answers("cloudformation", "describe_stacks", stack(status))


def has_events(target: ScriptedTarget, *newest_first: dict[str, Any]) -> None:
    target.answers("cloudformation", "describe_stack_events", {"StackEvents": list(newest_first)})


FAILED = event("Dashboard", "CREATE_FAILED", "must be a valid JSON object")
CREATED = event("shop", "CREATE_IN_PROGRESS")


def test_where_there_is_none_one_is_created(target: ScriptedTarget) -> None:
    target.refuses("cloudformation", "describe_stacks", "ValidationError", "Stack with id shop does not exist")
    assert made_ready(pipeline(), target) is None


def test_what_only_lay_in_review_is_created_as_if_new(target: ScriptedTarget) -> None:
    is_in(target, "REVIEW_IN_PROGRESS")
    assert made_ready(pipeline(), target) is None


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_what_rests_is_updated(target: ScriptedTarget, status: str) -> None:
    is_in(target, status)
    assert made_ready(pipeline(), target) == Existing(STACK_ID, status)


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"])
def test_what_never_came_up_is_deleted_first_and_what_was_kept_is_named(target: ScriptedTarget, status: str) -> None:
    is_in(target, status)
    has_events(target, FAILED, CREATED)
    has_events(target, FAILED, CREATED)  # marked
    target.answers("cloudformation", "delete_stack", {}, {"StackName": STACK_ID})
    is_in(target, "DELETE_COMPLETE")
    has_events(target, event("shop", "DELETE_COMPLETE"), FAILED, CREATED)
    kept = {
        "LogicalResourceId": "TasksTable", "PhysicalResourceId": "shop-TasksTable-1", "ResourceStatus": "DELETE_SKIPPED",
        "ResourceType": "AWS::DynamoDB::Table", "Timestamp": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    target.answers("cloudformation", "describe_stack_resources", {"StackResources": [kept]})
    target.refuses("cloudformation", "describe_stacks", "ValidationError", "Stack with id shop does not exist")
    guide = pipeline(DARKROOM_YES="1")
    assert made_ready(guide, target) is None
    said = "\n".join(guide.told)
    assert "it failed because of Dashboard (AWS::CloudWatch::Dashboard): must be a valid JSON object" in said
    assert "kept: AWS::DynamoDB::Table shop-TasksTable-1" in said
    target.assert_all_asked()


def test_nothing_is_deleted_without_a_yes(target: ScriptedTarget) -> None:
    is_in(target, "ROLLBACK_COMPLETE")
    has_events(target, FAILED, CREATED)
    person = Person(Delete_it="n")
    with pytest.raises(GaveUp, match="aws cloudformation delete-stack --stack-name shop"):
        made_ready(terminal(person), target)
    assert "Tables, bucket and secrets with data in them are kept" in person.asked[0]


def test_what_is_under_way_is_waited_for(target: ScriptedTarget) -> None:
    is_in(target, "UPDATE_IN_PROGRESS")
    has_events(target)
    is_in(target, "UPDATE_COMPLETE")
    has_events(target, event("shop", "UPDATE_COMPLETE"))
    is_in(target, "UPDATE_COMPLETE")
    guide = pipeline()
    assert made_ready(guide, target) == Existing(STACK_ID, "UPDATE_COMPLETE")
    assert "waiting for its end" in guide.told[0]
    target.assert_all_asked()


def test_a_rollback_that_stuck_is_continued(target: ScriptedTarget) -> None:
    is_in(target, "UPDATE_ROLLBACK_FAILED")
    stuck = [event("IngestQueue", "UPDATE_FAILED", "was deleted by hand"), event("shop", "UPDATE_IN_PROGRESS")]
    has_events(target, *stuck)
    has_events(target, *stuck)
    target.answers("cloudformation", "continue_update_rollback", {}, {"StackName": "shop"})
    is_in(target, "UPDATE_ROLLBACK_COMPLETE")
    has_events(target, event("shop", "UPDATE_ROLLBACK_COMPLETE"), *stuck)
    is_in(target, "UPDATE_ROLLBACK_COMPLETE")
    guide = pipeline(DARKROOM_YES="1")
    assert made_ready(guide, target) == Existing(STACK_ID, "UPDATE_ROLLBACK_COMPLETE")
    assert "was deleted by hand" in "\n".join(guide.told)
    target.assert_all_asked()


def test_a_rollback_that_sticks_again_says_how_to_leave_out_what_it_sticks_at(target: ScriptedTarget) -> None:
    is_in(target, "UPDATE_ROLLBACK_FAILED")
    has_events(target)
    has_events(target)
    target.answers("cloudformation", "continue_update_rollback", {})
    is_in(target, "UPDATE_ROLLBACK_FAILED")
    has_events(target, event("shop", "UPDATE_ROLLBACK_FAILED"), event("IngestQueue", "UPDATE_FAILED", "not there"))
    with pytest.raises(GaveUp, match=r"(?s)IngestQueue.*not there.*--resources-to-skip"):
        made_ready(pipeline(DARKROOM_YES="1"), target)


@pytest.mark.parametrize("status", ["UPDATE_FAILED", "IMPORT_ROLLBACK_FAILED"])
def test_what_only_its_owner_can_decide_is_named_with_its_command(target: ScriptedTarget, status: str) -> None:
    is_in(target, status)
    with pytest.raises(GaveUp, match=f"shop is in {status}.*aws cloudformation"):
        made_ready(pipeline(DARKROOM_YES="1"), target)
