"""After a deployment: do alarms reach anybody, and what comes next."""

from typing import Any

import pytest

from local.deploying.aftercare import check_alarms, tell_next_steps
from local.deploying.guide import Guide
from tests.unit.local.scripted import ACCOUNT, Person, ScriptedTarget, pipeline, scripted, terminal

TOPIC = f"arn:aws:sns:eu-central-1:{ACCOUNT}:shop-AlarmTopic-1"
EMAIL = "ops@example.com"


@pytest.fixture
def target() -> ScriptedTarget:
    made = scripted()
    found = {
        "AlarmTopic": TOPIC,
        "DeadLettersAlarm": "shop-DeadLettersAlarm-1",
        "ApiFailuresAlarm": "shop-ApiFailuresAlarm-1",
    }
    summaries: list[dict[str, Any]] = [
        {
            "LogicalResourceId": logical, "PhysicalResourceId": physical, "ResourceType": "AWS::CloudWatch::Alarm",
            "ResourceStatus": "CREATE_COMPLETE", "LastUpdatedTimestamp": "2026-01-01T00:00:00Z",
        }
        for logical, physical in found.items()
    ]  # fmt: skip
    made.answers("cloudformation", "list_stack_resources", {"StackResourceSummaries": summaries})
    return made


def subscribed(target: ScriptedTarget, arn: str, endpoint: str = EMAIL) -> None:
    answer = {"Subscriptions": [{"SubscriptionArn": arn, "Endpoint": endpoint, "Protocol": "email"}]}
    target.answers("sns", "list_subscriptions_by_topic", answer, {"TopicArn": TOPIC})


def rung(target: ScriptedTarget) -> None:
    asked = {
        "AlarmName": "shop-ApiFailuresAlarm-1", "StateValue": "ALARM",
        "StateReason": "A trial by make deploy: nothing is wrong.",
    }  # fmt: skip
    target.answers("cloudwatch", "set_alarm_state", {}, asked)


def said(guide: Guide) -> str:
    return "\n".join(guide.told)


def test_an_address_that_is_not_confirmed_is_said_and_no_alarm_is_rung(target: ScriptedTarget) -> None:
    subscribed(target, "PendingConfirmation")
    guide = pipeline(DARKROOM_RING_ALARM="1")
    check_alarms(guide, target, EMAIL)
    assert "Alarms don't reach ops@example.com yet" in said(guide)
    assert "Subscription Confirmation" in said(guide)
    assert "was rung" not in said(guide)


def test_a_person_confirms_and_rings_one(target: ScriptedTarget) -> None:
    subscribed(target, "PendingConfirmation")
    subscribed(target, f"{TOPIC}:1")
    rung(target)
    guide = terminal(Person(Press_Enter="", Ring_an_alarm="y"))
    check_alarms(guide, target, EMAIL)
    assert "The alarm shop-ApiFailuresAlarm-1 was rung" in said(guide)
    target.assert_all_asked()


def test_a_person_may_confirm_later(target: ScriptedTarget) -> None:
    subscribed(target, "PendingConfirmation")
    check_alarms(terminal(Person(Press_Enter="later")), target, EMAIL)
    target.assert_all_asked()


def test_no_alarm_is_rung_unasked(target: ScriptedTarget) -> None:
    subscribed(target, f"{TOPIC}:1")
    guide = pipeline()
    check_alarms(guide, target, EMAIL)
    assert said(guide) == "Alarms reach ops@example.com."


def test_a_pipeline_rings_one_where_it_is_told_to(target: ScriptedTarget) -> None:
    subscribed(target, f"{TOPIC}:1")
    rung(target)
    check_alarms(pipeline(DARKROOM_RING_ALARM="true"), target, EMAIL)
    target.assert_all_asked()


def test_an_address_that_left_is_said(target: ScriptedTarget) -> None:
    subscribed(target, f"{TOPIC}:1", "somebody@else.example")
    guide = pipeline()
    check_alarms(guide, target, EMAIL)
    assert "has no subscription of ops@example.com" in said(guide)


def test_without_an_address_nobody_is_told_of_alarms() -> None:
    guide = pipeline()
    check_alarms(guide, scripted(), "")
    assert "Nobody is told of alarms" in said(guide)


def test_the_next_step_is_to_prove_it() -> None:
    guide = pipeline()
    tell_next_steps(guide, {"ApiUrl": "https://api.example"}, ["evolink"], None)
    assert "make verify URL=https://api.example KEY=…" in said(guide)
    assert "None" not in said(guide)


def test_a_key_that_may_be_shown_stands_in_the_commands() -> None:
    guide = terminal(Person())
    outputs = {"ApiUrl": "https://api.example", "StreamingUrl": "https://stream.example/"}
    tell_next_steps(guide, outputs, [], "dk_1")
    assert "make verify URL=https://api.example KEY=dk_1" in said(guide)
    assert "https://stream.example/" in said(guide)
