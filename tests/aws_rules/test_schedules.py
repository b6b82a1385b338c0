"""A schedule is made by who may make it, in the stack's own group, and sends to the queues that have long waits alone.

docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html (`aws:SourceArn` has to be a
schedule group's), .../configuring-schedule-dlq.html, and the Service Authorization Reference of `scheduler`:
CreateSchedule needs `iam:PassRole` beside it.
"""

from local.template.reading import Template, resources
from tests.aws_rules.test_roles import as_list, statements

MAKERS = {"DeliverRole", "GenerateRole"}


def test_schedules_are_made_in_the_stacks_own_group_alone(everything: Template) -> None:
    assert set(resources(everything, "AWS::Scheduler::ScheduleGroup")) == {"ScheduleGroup"}
    made = {
        (name, *as_list(statement["Resource"]))
        for name, statement in statements(everything)
        if "scheduler:CreateSchedule" in as_list(statement["Action"])
    }
    assert {name for name, *_ in made} == MAKERS
    for _, *where in made:
        (resource,) = where
        assert resource.endswith(":schedule/ScheduleGroup/*")


def test_the_role_is_handed_to_scheduler_and_to_nobody_else(everything: Template) -> None:
    passed = [(name, each) for name, each in statements(everything) if "iam:PassRole" in as_list(each["Action"])]
    assert {name for name, _ in passed} == MAKERS
    for _, statement in passed:
        assert as_list(statement["Resource"]) == ["SchedulerRole.Arn"]
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_only_the_stacks_own_schedules_may_take_the_role(everything: Template) -> None:
    role = everything["Resources"]["SchedulerRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"]["ArnEquals"] == {"aws:SourceArn": "ScheduleGroup.Arn"}
    assert set(trust["Condition"]["StringEquals"]) == {"aws:SourceAccount"}


def test_the_role_sends_to_the_queues_with_long_waits_and_their_dead_letters(everything: Template) -> None:
    rights = [each for name, each in statements(everything) if name == "SchedulerRole"]
    assert [as_list(each["Action"]) for each in rights] == [["sqs:SendMessage"]]
    assert set(rights[0]["Resource"]) == {
        "GenerateQueue.Arn", "GenerateDeadLetters.Arn", "WebhookQueue.Arn", "WebhookDeadLetters.Arn",
    }  # fmt: skip
    functions = resources(everything, "AWS::Lambda::Function")
    for name, queue in (("DeliverFunction", "WEBHOOK"), ("GenerateFunction", "GENERATE")):
        variables = functions[name]["Properties"]["Environment"]["Variables"]
        assert variables["DARKROOM_SCHEDULE_GROUP"] == "ScheduleGroup"
        assert variables["DARKROOM_SCHEDULER_ROLE"] == "SchedulerRole.Arn"
        assert f"DARKROOM_{queue}_DEAD_LETTERS_URL" in variables
