"""A wait longer than SQS's is booked once, in a form that EventBridge Scheduler takes, and never lost."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.session import get_session
from botocore.stub import ANY, Stubber
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from darkroom.aws.queues import Queues
from darkroom.aws.schedules import Schedules, at, schedule_name
from darkroom.settings import Settings
from darkroom.tasks.messages import Submission
from darkroom.webhooks.messages import Delivery

MODEL: Any = get_session().get_service_model("scheduler").operation_model("CreateSchedule").input_shape
URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/darkroom-WebhookQueue-1A2B"
DEAD = "https://sqs.eu-central-1.amazonaws.com/123456789012/darkroom-WebhookDeadLetters-3C"
ROLE = "arn:aws:iam::123456789012:role/darkroom-SchedulerRole-4D"
NOW = 1_780_000_000_000
HOUR = 3_600_000


class Recorder:
    """Both services, as far as they are called here."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.schedules: list[dict[str, Any]] = []
        self.delays: list[int] = []

    def create_schedule(self, **parameters: Any) -> Any:
        self.schedules.append(parameters)
        if self.error:
            raise self.error

    def send_message(self, **parameters: Any) -> None:
        self.delays.append(parameters["DelaySeconds"])


def queues(recorder: Any, *, booked: bool = True) -> Queues:
    settings = Settings({"DARKROOM_WEBHOOK_QUEUE_URL": URL, "DARKROOM_GENERATE_QUEUE_URL": URL})
    schedules = Schedules(lambda: recorder, "darkroom-waits", ROLE, "eu-central-1", lambda kind: DEAD)
    return Queues(recorder, settings, lambda: schedules if booked else None)


def test_a_long_wait_is_one_schedule_and_no_message() -> None:
    recorder = Recorder()
    queues(recorder).send_at(Delivery("t", 7, due_at=NOW + 12 * HOUR), NOW + 12 * HOUR, now=NOW)
    assert recorder.delays == []
    (made,) = recorder.schedules
    assert made["GroupName"] == "darkroom-waits"
    assert made["ScheduleExpression"] == "at(2026-05-29T08:26:40)"
    assert (made["FlexibleTimeWindow"], made["ActionAfterCompletion"]) == ({"Mode": "OFF"}, "DELETE")
    target = made["Target"]
    assert target["Arn"] == "arn:aws:sqs:eu-central-1:123456789012:darkroom-WebhookQueue-1A2B"
    assert target["RoleArn"] == ROLE
    assert target["DeadLetterConfig"] == {"Arn": "arn:aws:sqs:eu-central-1:123456789012:darkroom-WebhookDeadLetters-3C"}
    assert json.loads(target["Input"]) == {"task_id": "t", "attempt": 7, "due_at": NOW + 12 * HOUR}
    assert not ParamValidator().validate(made, MODEL).has_errors()


@pytest.mark.parametrize("seconds", [0, 1, 899, 900])
def test_what_sqs_can_wait_for_it_waits_for(seconds: int) -> None:
    recorder = Recorder()
    queues(recorder).send_at(Delivery("t"), NOW + 1000 * seconds, now=NOW)
    assert (recorder.delays, recorder.schedules) == ([seconds], [])


def test_where_no_schedules_are_made_a_long_wait_is_a_hop() -> None:
    recorder = Recorder()
    queues(recorder, booked=False).send_at(Submission("t"), NOW + HOUR, now=NOW)
    assert (recorder.delays, recorder.schedules) == ([900], [])


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "x"}}, "CreateSchedule")


@pytest.mark.parametrize(
    "error",
    [
        refused("ThrottlingException"),
        refused("ServiceQuotaExceededException"),
        refused("ResourceNotFoundException"),
        refused("ValidationException"),
        refused("AccessDeniedException"),
        refused("InternalServerException"),
        EndpointConnectionError(endpoint_url="https://scheduler.eu-central-1.amazonaws.com"),
    ],
)
def test_where_scheduler_refuses_a_wait_is_a_hop_and_not_lost(error: Exception) -> None:
    recorder = Recorder(error)
    queues(recorder).send_at(Delivery("t", due_at=NOW + HOUR), NOW + HOUR, now=NOW)
    assert recorder.delays == [900]
    assert len(recorder.schedules) == 1


def test_a_wait_that_is_booked_already_is_booked() -> None:
    recorder = Recorder(refused("ConflictException"))
    for _ in range(2):
        queues(recorder).send_at(Delivery("t", due_at=NOW + HOUR), NOW + HOUR, now=NOW)
    assert recorder.delays == []
    first, second = recorder.schedules
    assert first["Name"] == second["Name"]


def test_the_call_is_one_that_botocore_can_make() -> None:
    client: Any = get_session().create_client(
        "scheduler", "eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stubber:
        expected = {
            "Name": ANY, "GroupName": "g", "ScheduleExpression": at(NOW + HOUR), "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE", "Target": ANY,
        }  # fmt: skip
        stubber.add_response(
            "create_schedule", {"ScheduleArn": "arn:aws:scheduler:eu-central-1:1:schedule/g/n"}, expected
        )
        schedules = Schedules(lambda: client, "g", ROLE, "eu-central-1", lambda kind: None)
        assert schedules.book("webhook", URL, "{}", NOW + HOUR)
        stubber.assert_no_pending_responses()


@given(
    kind=st.sampled_from(["look", "generate", "ingest", "webhook"]), body=st.text(), due_at=st.integers(NOW, NOW * 2)
)
def test_every_name_and_moment_is_one_that_scheduler_takes(kind: str, body: str, due_at: int) -> None:
    # docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    name = schedule_name(kind, URL, body, due_at)
    assert 1 <= len(name) <= 64
    assert set(name) <= set("0123456789abcdefghijklmnopqrstuvwxyz-")
    assert name == schedule_name(kind, URL, body, due_at)
    assert name != schedule_name(kind, URL, body + "x", due_at) != schedule_name(kind, URL, body, due_at + 1)


def test_a_moment_within_a_second_is_put_at_its_end() -> None:
    assert at(NOW) == "at(2026-05-28T20:26:40)"
    assert at(NOW + 1) == at(NOW + 1000) == "at(2026-05-28T20:26:41)"


@pytest.mark.parametrize(
    ("url", "role", "arn"),
    [
        (URL, ROLE, "arn:aws:sqs:r:123456789012:darkroom-WebhookQueue-1A2B"),
        ("http://127.0.0.1:4566/000000000000/q", ROLE, "arn:aws:sqs:r:000000000000:q"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/1/q", "arn:aws-cn:iam::1:role/s", "arn:aws-cn:sqs:r:1:q"),
    ],
)
def test_a_queue_is_named_by_its_arn(url: str, role: str, arn: str) -> None:
    recorder = Recorder()
    Schedules(lambda: recorder, "g", role, "r", lambda kind: None).book("webhook", url, "{}", NOW)
    assert recorder.schedules[0]["Target"]["Arn"] == arn
    assert "DeadLetterConfig" not in recorder.schedules[0]["Target"]
