"""What CloudFormation does is told as it does it, and what failed is told again at the end."""

from typing import Any

import pytest

from local.deploying.guide import GaveUp
from local.deploying.progress import MOST_MISSES, Progress, explained, failures_of
from tests.unit.local.scripted import STACK_ID, ScriptedTarget, scripted, stack

TABLE, FUNCTION, STACK = "AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::CloudFormation::Stack"


class Clock:
    """A clock that only moves by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Events:
    """A stack's events, as they come."""

    def __init__(self, target: ScriptedTarget) -> None:
        self._target, self._all, self._number = target, list[dict[str, Any]](), 0

    def add(self, name: str, kind: str, status: str, reason: str = "") -> None:
        self._number += 1
        event = {
            "EventId": str(self._number), "StackId": STACK_ID, "StackName": "shop", "LogicalResourceId": name,
            "PhysicalResourceId": STACK_ID if kind == STACK else name, "ResourceType": kind, "ResourceStatus": status,
            "Timestamp": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        self._all.insert(0, {**event, "ResourceStatusReason": reason} if reason else event)

    def shown(self) -> None:
        """They are what the next question for events gets."""
        self._target.answers("cloudformation", "describe_stack_events", {"StackEvents": list(self._all)})

    def seen(self, status: str) -> None:
        """One look at stack and events."""
        self._target.answers("cloudformation", "describe_stacks", stack(status), {"StackName": STACK_ID})
        self.shown()


@pytest.fixture
def target() -> ScriptedTarget:
    return scripted()


def follow(target: ScriptedTarget, told: list[str], *, mark: bool = True) -> Any:
    clock = Clock()
    progress = Progress(target.client("cloudformation"), STACK_ID, told.append, sleep=clock.sleep, clock=clock)
    if mark:
        progress.mark()
    return progress.follow()


def test_every_resource_is_told_once_with_the_time_that_has_passed(target: ScriptedTarget) -> None:
    events, told = Events(target), list[str]()
    events.add("shop", STACK, "CREATE_COMPLETE")
    events.shown()
    events.add("shop", STACK, "UPDATE_IN_PROGRESS")
    events.add("TasksTable", TABLE, "UPDATE_IN_PROGRESS")
    events.seen("UPDATE_IN_PROGRESS")
    events.add("TasksTable", TABLE, "UPDATE_IN_PROGRESS", "Resource update Initiated")
    events.add("TasksTable", TABLE, "UPDATE_COMPLETE")
    events.add("shop", STACK, "UPDATE_COMPLETE")
    events.seen("UPDATE_COMPLETE")
    outcome = follow(target, told)
    assert outcome.good
    assert [line.split()[2:] for line in told] == [
        ["UPDATE_IN_PROGRESS", STACK, "shop"], ["UPDATE_IN_PROGRESS", TABLE, "TasksTable"],
        ["UPDATE_COMPLETE", TABLE, "TasksTable"], ["UPDATE_COMPLETE", STACK, "shop"],
    ]  # fmt: skip
    assert (told[0].split()[0], told[-1].split()[0]) == ("0", "3")


def test_the_state_of_before_is_not_taken_for_the_end(target: ScriptedTarget) -> None:
    events, told = Events(target), list[str]()
    events.add("shop", STACK, "UPDATE_COMPLETE")
    events.shown()
    events.seen("UPDATE_COMPLETE")  # what was begun does not show yet
    events.add("shop", STACK, "UPDATE_IN_PROGRESS")
    events.add("shop", STACK, "UPDATE_ROLLBACK_COMPLETE")
    events.seen("UPDATE_ROLLBACK_COMPLETE")
    assert follow(target, told).status == "UPDATE_ROLLBACK_COMPLETE"
    target.assert_all_asked()


def test_a_failure_is_told_at_once_with_its_reason_and_again_at_the_end(target: ScriptedTarget) -> None:
    events, told = Events(target), list[str]()
    events.shown()
    events.add("SubmitFunction", FUNCTION, "CREATE_FAILED", "User is not authorized to perform: lambda:CreateFunction")
    events.add("StatusFunction", FUNCTION, "CREATE_FAILED", "Resource creation cancelled")
    events.add("shop", STACK, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [SubmitFunction].")
    events.seen("ROLLBACK_IN_PROGRESS")
    events.add("shop", STACK, "ROLLBACK_COMPLETE")
    events.seen("ROLLBACK_COMPLETE")
    outcome = follow(target, told)
    assert not outcome.good
    assert "not authorized" in told[0]
    said = explained(outcome)
    assert said.count("* ") == 1, "what was only cancelled is no cause"
    assert "SubmitFunction (AWS::Lambda::Function): User is not authorized" in said
    assert "-> the deployer's rights: docs/deploying.md" in said


def test_a_stack_that_is_gone_is_deleted(target: ScriptedTarget) -> None:
    target.refuses("cloudformation", "describe_stack_events", "ValidationError", "Stack [shop] does not exist")
    target.refuses("cloudformation", "describe_stacks", "ValidationError", "Stack with id shop does not exist")
    target.refuses("cloudformation", "describe_stack_events", "ValidationError", "Stack [shop] does not exist")
    assert follow(target, []).status == "DELETE_COMPLETE"


def test_a_moment_without_an_answer_is_borne(target: ScriptedTarget) -> None:
    events, told = Events(target), list[str]()
    events.shown()
    target.refuses("cloudformation", "describe_stacks", "ServiceUnavailable")
    events.add("shop", STACK, "CREATE_COMPLETE")
    events.seen("CREATE_COMPLETE")
    assert follow(target, told).good
    assert "asking again" in told[0]


def test_a_long_silence_is_left_to_cloudformation(target: ScriptedTarget) -> None:
    Events(target).shown()
    for _ in range(MOST_MISSES):
        target.refuses("cloudformation", "describe_stacks", "ServiceUnavailable")
    with pytest.raises(GaveUp, match="goes on by itself"):
        follow(target, [])


def test_a_login_that_ends_meanwhile_says_what_to_do(target: ScriptedTarget) -> None:
    Events(target).shown()
    target.refuses("cloudformation", "describe_stacks", "ExpiredToken")
    with pytest.raises(GaveUp, match="Log in and run this again"):
        follow(target, [])


def test_only_the_last_operation_counts_when_it_is_asked_what_failed(target: ScriptedTarget) -> None:
    events = Events(target)
    events.add("Old", TABLE, "UPDATE_FAILED", "long ago")
    events.add("shop", STACK, "UPDATE_IN_PROGRESS")
    events.add("First", TABLE, "UPDATE_FAILED", "the cause")
    events.add("Second", TABLE, "UPDATE_FAILED", "another")
    events.add("shop", STACK, "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [First].")
    events.shown()
    assert failures_of(target.client("cloudformation"), STACK_ID) == [
        f"First ({TABLE}): the cause", f"Second ({TABLE}): another",
    ]  # fmt: skip
