"""Checks that look into the AWS account: alarms, logs, and how long links live. They need its credentials."""

import functools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from darkroom_client.verification.findings import Check, Failed, NotTried
from darkroom_client.verification.life import get
from darkroom_client.verification.trial import Json, Options, Trial

REASON = "Rung as a trial by `darkroom verify`."
MOST_PAGES = 200
"""Pages of up to 10,000 lines that are read of one log group (AWS: FilterLogEvents)."""


class Cloud:
    """The stack in its account."""

    def __init__(self, session: Any, stack: str) -> None:
        self._session = session
        self._stack = stack
        self.resources = self._resources()

    @classmethod
    def of(cls, options: Options) -> "Cloud":
        """The stack that was named. Raises `NotTried` without a name, credentials or boto3."""
        if not options.stack:
            raise NotTried("needs AWS credentials and the stack's name (--stack, STACK)")
        try:
            import boto3
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError as error:
            raise NotTried("needs boto3: pip install 'darkroom-client[aws]'") from error
        try:
            return cls(boto3.Session(region_name=options.region or None), options.stack)
        except (BotoCoreError, ClientError) as error:
            raise NotTried(f"needs AWS credentials that may list the stack's resources: {error}") from error

    def client(self, service: str, **options: Any) -> Any:
        """A client of one of AWS's services."""
        return self._session.client(service, **options)

    def names(self, kind: str) -> list[str]:
        """The physical names of the stack's resources of one type."""
        return [physical for each, physical in self.resources if each == kind]

    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=self._stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    @property
    def is_amazons(self) -> bool:
        """Whether this is AWS itself, and not something on a developer's machine that answers in its place."""
        host = urlsplit(self.client("cloudformation").meta.endpoint_url).hostname or ""
        return ".amazonaws.com" in host or ".api.aws" in host

    def _resources(self) -> list[tuple[str, str]]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self._stack)
        found = [resource for page in pages for resource in page["StackResourceSummaries"]]
        return [(each["ResourceType"], each["PhysicalResourceId"]) for each in found]


def streaming_url(options: Options) -> str:
    """The stack's output of this name; empty where there is none, or the account can't be looked into."""
    try:
        return Cloud.of(options).outputs().get("StreamingUrl", "")
    except NotTried:
        return ""


def _with_rights(look: Callable[[Trial], str]) -> Callable[[Trial], str]:
    """A check that is not tried where the credentials do not allow it."""

    @functools.wraps(look)
    def run(trial: Trial) -> str:
        try:
            return look(trial)
        except Exception as error:
            # botocore is not imported where nobody has it, and its errors are known by what they carry.
            told: Any = getattr(error, "response", {})
            if "AccessDenied" in str(told.get("Error", {}).get("Code", "")):
                raise NotTried(f"needs a right that the credentials do not have: {error}") from error
            raise

    return run


@_with_rights
def rung(trial: Trial) -> str:
    """An alarm that goes off reaches the topic, and the topic somebody."""
    cloud = Cloud.of(trial.options)
    watch = cloud.client("cloudwatch")
    alarms = watch.describe_alarms(AlarmNames=cloud.names("AWS::CloudWatch::Alarm"))["MetricAlarms"]
    if not alarms:
        raise Failed("the stack has no alarm")
    mute = [alarm["AlarmName"] for alarm in alarms if not (alarm["AlarmActions"] and alarm.get("ActionsEnabled", True))]
    if mute:
        raise Failed(f"these alarms tell nobody: {', '.join(mute)}")
    alarm = min(alarms, key=lambda each: str(each["AlarmName"]))
    heard = _ring(trial, cloud, alarm)
    topic = alarm["AlarmActions"][0]
    told = cloud.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    pending = [each["Endpoint"] for each in told if each["SubscriptionArn"] == "PendingConfirmation"]
    if pending:
        raise Failed(f"{', '.join(pending)} has not confirmed the subscription: nothing is sent there until then")
    who = ", ".join(each["Endpoint"] for each in told) or "nobody: set AlarmEmail"
    return f"{heard}; subscribed to the topic: {who}"


def _ring(trial: Trial, cloud: Cloud, alarm: Json) -> str:
    watch, name = cloud.client("cloudwatch"), alarm["AlarmName"]
    since = datetime.now(UTC) - timedelta(seconds=5)
    watch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=REASON)
    try:
        if not cloud.is_amazons:
            (now,) = watch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
            if now["StateValue"] != "ALARM":
                raise Failed(f"{name} does not go off")
            return f"{name} went off"
        # CloudWatch writes down whether it could tell the topic (AWS: DescribeAlarmHistory, items of type Action).
        history = {"AlarmName": name, "HistoryItemType": "Action", "StartDate": since}
        acts = trial.until(lambda: watch.describe_alarm_history(**history)["AlarmHistoryItems"] or None, patience=60)
    finally:
        watch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason=REASON)
    if not acts:
        raise Failed(f"{name} went off, and CloudWatch told the topic nothing within 60 s")
    if not any(act["HistorySummary"].startswith("Successfully") for act in acts):
        raise Failed(f"{name} went off, and {acts[0]['HistorySummary']}")
    return f"{name} went off and reached its topic"


@_with_rights
def discreet(trial: Trial) -> str:
    """No log line has a prompt or a key in it."""
    cloud = Cloud.of(trial.options)
    groups = cloud.names("AWS::Logs::LogGroup")
    assert trial.task is not None  # by `needs`
    task_id = trial.task["task_id"]
    logs = cloud.client("logs")
    begun = int(1000 * (trial.begun_at - 60))

    def written() -> dict[str, list[str]] | None:
        found = {group: list(_lines(logs, group, begun)) for group in groups}
        return found if any(task_id in line for lines in found.values() for line in lines) else None

    found = trial.until(written, patience=90)
    if found is None:
        raise Failed(f"no line of {len(groups)} log groups speaks of {task_id}: nothing is logged, or elsewhere")
    hidden = [
        secret
        for secret in (trial.options.key, trial.options.admin_key, trial.options.webhook_secret, *trial.secrets)
        if secret
    ]
    for group, lines in found.items():
        text = "\n".join(lines)
        if trial.word in text:
            raise Failed(f"{group} has the prompt in it")
        if any(secret in text for secret in hidden):
            raise Failed(f"{group} has a key or a secret in it")
    return f"{sum(map(len, found.values())):,} lines of {len(groups)} log groups, without prompt, key or secret"


def _lines(logs: Any, group: str, since: int) -> Iterator[str]:
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
    for _, page in zip(range(MOST_PAGES), pages, strict=False):
        for event in page["events"]:
            yield event["message"]


@_with_rights
def expired(trial: Trial) -> str:
    """A link whose time is up is refused."""
    cloud = Cloud.of(trial.options)
    assert trial.task is not None  # by `needs`
    from botocore.config import Config

    bucket = cloud.outputs()["Bucket"]
    path = unquote(urlsplit(trial.task["images"][0]["url"]).path).lstrip("/")
    signer = cloud.client("s3", config=Config(signature_version="s3v4"))
    asked = {"Bucket": bucket, "Key": path.removeprefix(f"{bucket}/")}
    link = signer.generate_presigned_url("get_object", Params=asked, ExpiresIn=1)
    time.sleep(2.1)
    answer = get(trial, link)
    if answer.status_code != 403:
        raise Failed(f"a link of one second was answered {answer.status_code} after two")
    return "a link of one second is refused after two"


RUNG = Check(
    "alarm", rung,
    "When something breaks, nobody hears of it.",
    "the topic in the output AlarmTopic and its subscriptions; the e-mail's confirmation; docs/operations.md",
    needs=("address",),
)  # fmt: skip
DISCREET = Check(
    "logs", discreet,
    "Prompts or keys lie in the logs, for everybody who may read those; or nothing is logged at all.",
    "the parameter LogLevel (DEBUG shows more); docs/security.md",
    needs=("picture",),
)  # fmt: skip
EXPIRED = Check(
    "expired link", expired,
    "Links live on.",
    "the bucket's policy",
    needs=("stored picture",),
)  # fmt: skip
