"""The acceptance suite finds what is wrong with a deployment, says what it means, and leaves nothing behind."""

import io
import json
import re
from typing import Any

import pytest
from PIL import Image

from darkroom_client.verification import Options, Outcome, Report, verify
from darkroom_client.verification import cloud as clouds
from darkroom_client.verification.findings import Failed, NotTried
from darkroom_client.verification.image_bytes import NotAPicture, noise, size_of
from darkroom_client.verification.suite import CHECKS
from darkroom_client.verification.trial import Trial
from local.paths import ROOT
from tests.unit.client.deployments import ADMIN_KEY, KEY, URL, Deployment

WEBHOOK = "https://app.example/hook"
OPTIONS = Options(URL, KEY, admin_key=ADMIN_KEY, model="seedream-4.5", webhook=WEBHOOK, patience=0.2)


def tried(wrong: str = "", options: Options = OPTIONS) -> tuple[Report, Deployment]:
    deployment = Deployment(wrong)
    return verify(options, http=deployment.client()), deployment


def outcomes(report: Report) -> dict[str, Outcome]:
    return {finding.check: finding.outcome for finding in report.findings}


def test_a_deployment_that_keeps_its_promises_passes_and_is_left_as_it_was() -> None:
    report, deployment = tried()
    assert report.failures == []
    assert report.ok
    assert deployment.tasks == {}
    assert deployment.disabled == ["k1"]
    assert report.times == {
        "accept": report.times["accept"], "accept to callback": 2, "callback to stored": 1, "stored to webhook": 0.6,
    }  # fmt: skip
    assert [finding.check for finding in report.findings] == [check.name for check in CHECKS]


@pytest.mark.parametrize(
    ("wrong", "check", "found"),
    [
        ("health", "address", "503"), ("clock", "address", "apart"), ("open account", "key", "without a key"),
        ("accept", "accept", "too many open tasks"), ("idempotency", "idempotency", "made a second task"),
        ("conflict", "idempotency", "not 409"), ("picture", "picture", "the provider is out"),
        ("callback", "callback", "no callback had come"), ("damaged", "stored picture", "SHA-256"),
        ("not found", "stored picture", "404"), ("size", "stored picture", "the task says 65x48"),
        ("public bucket", "link", "no signature"), ("webhook", "webhook", "answered 500"),
        ("forged callback", "forged callback", "was answered 200"),
        ("forged and believed", "forged callback", "all the same"), ("another owner", "another owner", "not 404"),
        ("open list", "another owner", "list has"), ("sizes", "sizes", "502"), ("deletion", "deletion", "after its del"),
        ("kept picture", "deletion", "picture is there"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_and_told_with_what_it_means(wrong: str, check: str, found: str) -> None:
    report, deployment = tried(wrong)
    assert [failure.check for failure in report.failures] == [check]
    (failure,) = report.failures
    assert found in failure.found
    assert failure.meaning.endswith(".")
    assert failure.look
    assert not report.ok
    if wrong not in {"deletion", "health"}:
        assert deployment.tasks == {}


def test_a_wrong_key_ends_it_at_once() -> None:
    report, _ = tried(options=Options(URL, "dk_wrong", model="seedream-4.5"))
    found = outcomes(report)
    assert (found["address"], found["key"]) == (Outcome.OK, Outcome.FAILED)
    assert {outcome for check, outcome in found.items() if check not in {"address", "key"}} == {Outcome.NOT_TRIED}
    assert "unknown" in report.failures[0].meaning


def test_without_a_demo_and_a_model_it_says_how_to_get_one() -> None:
    report, deployment = tried(options=Options(URL, KEY))
    assert [failure.check for failure in report.failures] == ["model"]
    assert "DemoProvider=true" in report.failures[0].look
    assert deployment.tasks == {}


def test_what_would_be_paid_for_or_lacks_something_is_not_tried_and_says_what_it_needs() -> None:
    report, deployment = tried(options=Options(URL, KEY, model="seedream-4.5"))
    assert report.ok
    told = {finding.check: finding.found for finding in report.findings if finding.outcome is Outcome.NOT_TRIED}
    assert {"failover", "cancel", "lost callback", "replayed callback"} <= set(told)
    assert "admin key" in told["another owner"]
    assert "--webhook" in told["webhook"]
    assert "--stack" in told["alarm"]
    assert "StreamingUrl" in told["stream"]
    # One picture is all that was paid for.
    assert len(deployment.by_key) == 1


def test_one_check_is_made_with_those_that_it_needs_and_is_tidied_up_after() -> None:
    report, deployment = tried(options=Options(URL, KEY, model="seedream-4.5", only=("stored picture",)))
    assert list(outcomes(report)) == ["address", "key", "model", "accept", "picture", "stored picture", "deletion"]
    assert deployment.tasks == {}


def test_no_check_needs_one_that_is_made_after_it() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    for check in CHECKS:
        assert all(names.index(need) < names.index(check.name) for need in (*check.needs, *check.wants)), check.name


def test_no_key_and_no_secret_is_told() -> None:
    for wrong in ("", "accept", "another owner"):
        text = json.dumps(tried(wrong)[0].as_json())
        assert not [secret for secret in (KEY, ADMIN_KEY, "dk_stranger") if secret in text]


def test_every_log_group_and_parameter_that_a_failure_points_to_is_there() -> None:
    template = (ROOT / "template.yaml").read_text()
    for check in CHECKS:
        for group in re.findall(r"…/(\w+)", check.look):
            assert f"/darkroom/${{AWS::StackName}}/{group}" in template, check.name
        for name in re.findall(
            r"\b(DemoProvider|PublicUrl|\w+Queue|StreamingUrl|AlarmTopic|ApiUrl|LogLevel)\b", check.look
        ):
            assert f"{name}:" in template, check.name
        for page in re.findall(r"docs/\w+\.md", check.look):
            assert (ROOT / page).exists()


# Pictures


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_whole_picture_is_told_from_a_broken_one(form: str) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((120, 80), 40).convert("RGB").save(buffer, form)
    content = buffer.getvalue()
    assert size_of(content) == (120, 80)
    for broken in (content[:-5], content[: len(content) // 2], content[:10], b"", b"<html>"):
        with pytest.raises(NotAPicture):
            size_of(broken)


def test_a_png_with_a_changed_byte_or_something_behind_it_is_broken() -> None:
    content = noise(20, 20, b"x")
    assert Image.open(io.BytesIO(content)).size == (20, 20)
    for broken in (content.replace(b"IDAT", b"IDAX"), content + b"<script>"):
        with pytest.raises(NotAPicture):
            size_of(broken)


# The account


class Watch:
    """CloudWatch, SNS and CloudWatch Logs, as far as the checks ask them."""

    def __init__(
        self, history: list[str], subscriptions: list[tuple[str, str]], lines: list[str] | None = None
    ) -> None:
        self.history, self.subscriptions, self.lines = history, subscriptions, lines or []
        self.states: list[str] = []
        self.actions = ["topic"]

    def describe_alarms(self, **_: Any) -> Any:
        return {"MetricAlarms": [{"AlarmName": "api", "AlarmActions": self.actions, "StateValue": self.states[-1:]}]}

    def set_alarm_state(self, **given: Any) -> None:
        self.states.append(given["StateValue"])

    def describe_alarm_history(self, **_: Any) -> Any:
        return {"AlarmHistoryItems": [{"HistorySummary": summary} for summary in self.history]}

    def list_subscriptions_by_topic(self, **_: Any) -> Any:
        return {"Subscriptions": [{"Endpoint": who, "SubscriptionArn": arn} for who, arn in self.subscriptions]}

    def get_paginator(self, _: str) -> "Watch":
        return self

    def paginate(self, **_: Any) -> list[Any]:
        return [{"events": [{"message": line}]} for line in self.lines]


class Account:
    """An account with these services in it."""

    is_amazons = True

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def client(self, service: str) -> Watch:
        del service
        return self.watch

    def names(self, kind: str) -> list[str]:
        return [kind]


def trial(monkeypatch: pytest.MonkeyPatch, watch: Watch) -> Trial:
    monkeypatch.setattr(clouds.Cloud, "of", lambda options: Account(watch))
    made = Trial(OPTIONS, Deployment().client(), sleep=lambda seconds: None)
    made.task = {"task_id": "task_1"}
    return made


def test_an_alarm_that_reaches_its_topic_and_somebody_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(["Successfully executed action topic"], [("ops@example.com", "arn:aws:sns:1")])
    assert "reached its topic; subscribed to the topic: ops@example.com" in clouds.rung(trial(monkeypatch, watch))
    assert watch.states == ["ALARM", "OK"]


@pytest.mark.parametrize(
    ("history", "subscription", "found"),
    [
        ("Failed to execute action topic", "arn:aws:sns:1", "Failed to execute"),
        ("Successfully executed action topic", "PendingConfirmation", "has not confirmed"),
    ],
)
def test_an_alarm_that_nobody_hears_of_is_found(
    monkeypatch: pytest.MonkeyPatch, history: str, subscription: str, found: str
) -> None:
    watch = Watch([history], [("ops@example.com", subscription)])
    with pytest.raises(Failed, match=found):
        clouds.rung(trial(monkeypatch, watch))
    assert watch.states == ["ALARM", "OK"], "it is silenced again, whatever came of it"


def test_an_alarm_without_an_action_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch([], [])
    watch.actions = []
    with pytest.raises(Failed, match="tell nobody"):
        clouds.rung(trial(monkeypatch, watch))


@pytest.mark.parametrize("what", ["prompt", "key", "admin key", "nothing"])
def test_a_prompt_or_a_key_in_the_logs_is_found(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    watch = Watch([], [])
    made = trial(monkeypatch, watch)
    word = {"prompt": made.word, "key": KEY, "admin key": ADMIN_KEY, "nothing": "-"}[what]
    watch.lines = ['{"task_id": "task_1"}', f'{{"message": "{word}"}}']
    if what == "nothing":
        assert "2 lines" in clouds.discreet(made)
    else:
        with pytest.raises(Failed, match="in it") as caught:
            clouds.discreet(made)
        assert word not in str(caught.value)


def test_logs_that_say_nothing_of_the_task_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = trial(monkeypatch, Watch([], [], ["something else"]))
    monkeypatch.setattr(made, "until", lambda look, patience: look())
    with pytest.raises(Failed, match="nothing is logged"):
        clouds.discreet(made)


def test_a_right_that_is_missing_is_said_and_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    def denied(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeAlarms")

    watch = Watch([], [])
    monkeypatch.setattr(watch, "describe_alarms", denied)
    with pytest.raises(NotTried, match="DescribeAlarms"):
        clouds.rung(trial(monkeypatch, watch))


def test_without_a_stacks_name_or_credentials_the_account_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotTried, match="--stack"):
        clouds.Cloud.of(Options(URL, KEY))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(NotTried, match="credentials"):
        clouds.Cloud.of(Options(URL, KEY, stack="darkroom", region="us-east-1"))
