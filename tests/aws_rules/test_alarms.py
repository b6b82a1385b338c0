"""Alarms that reach somebody, within what CloudWatch takes, at the price that the documents say."""

import json
import re

import pytest

from local.template.reading import Template, resources

MOST_METRICS = 10
"""Metrics in one alarm's expression (CloudWatch, quotas)."""
OUR_METRICS = {"RecordFailed", "MessageGivenUp", "ProviderTrouble"}


def metrics_of(alarm: dict[str, object]) -> list[dict[str, object]]:
    """What an alarm is billed for: every metric that it reads."""
    found = alarm.get("Metrics")
    if not isinstance(found, list):
        return [alarm]
    return [entry["MetricStat"]["Metric"] for entry in found if "MetricStat" in entry]


def test_the_topic_of_alarms_is_one_that_cloudwatch_may_publish_to(deployed: Template) -> None:
    """With alias/aws/sns no alarm arrives (AWS knowledge center, "cloudwatch-configure-alarm-sns")."""
    (topic,) = resources(deployed, "AWS::SNS::Topic").values()
    assert "KmsMasterKeyId" not in topic.get("Properties", {})
    (policy,) = resources(deployed, "AWS::SNS::TopicPolicy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish")
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_every_alarm_goes_to_the_topic_and_says_what_it_means(everything: Template) -> None:
    alarms = resources(everything, "AWS::CloudWatch::Alarm")
    assert len(alarms) >= 12
    for name, alarm in alarms.items():
        assert alarm["Properties"]["AlarmActions"] == ["AlarmTopic"], name
        assert alarm["Properties"]["AlarmDescription"].endswith("."), name
        assert alarm["Properties"]["TreatMissingData"] == "notBreaching", name


def test_an_email_is_subscribed_where_one_was_given(deployed: Template, everything: Template) -> None:
    assert resources(deployed, "AWS::SNS::Subscription") == {}
    (subscription,) = resources(everything, "AWS::SNS::Subscription").values()
    assert subscription["Properties"]["Endpoint"] == "ops@example.com"


def test_an_alarm_reads_at_most_ten_metrics_and_returns_one(everything: Template) -> None:
    for name, alarm in resources(everything, "AWS::CloudWatch::Alarm").items():
        entries = alarm["Properties"].get("Metrics", [])
        assert len(metrics_of(alarm["Properties"])) < MOST_METRICS, name
        assert sum(entry["ReturnData"] for entry in entries) == bool(entries), name
        assert all(re.fullmatch(r"[a-z]\w*", entry["Id"]) for entry in entries), name


@pytest.mark.parametrize(
    ("namespace", "metric"),
    [
        ("AWS/ApiGateway", "5xx"),
        ("AWS/Lambda", "Url5xxCount"),
        ("AWS/Lambda", "IteratorAge"),
        ("AWS/Lambda", "Throttles"),
        ("AWS/Lambda", "RecursiveInvocationsDropped"),
        *[("Darkroom/darkroom", name) for name in sorted(OUR_METRICS)],
    ],
)
def test_what_goes_wrong_has_an_alarm_by_default(deployed: Template, namespace: str, metric: str) -> None:
    watched = [alarm["Properties"] for alarm in resources(deployed, "AWS::CloudWatch::Alarm").values()]
    assert (namespace, metric) in {(alarm.get("Namespace"), alarm.get("MetricName")) for alarm in watched}


def test_throttles_and_stopped_loops_are_watched_for_all_functions_together(deployed: Template) -> None:
    """Without a dimension Lambda's metrics are those of all functions (Developer Guide, "View metrics … across all")."""
    for alarm in resources(deployed, "AWS::CloudWatch::Alarm").values():
        if alarm["Properties"].get("MetricName") in {"Throttles", "RecursiveInvocationsDropped"}:
            assert "Dimensions" not in alarm["Properties"]


def test_our_own_metrics_are_watched_under_the_dimensions_they_are_emitted_with(deployed: Template) -> None:
    for alarm in resources(deployed, "AWS::CloudWatch::Alarm").values():
        if alarm["Properties"].get("MetricName") in OUR_METRICS:
            assert alarm["Properties"]["Dimensions"] == [{"Name": "service", "Value": "darkroom"}]


def test_the_dashboard_is_json_and_its_name_is_the_regions_own(everything: Template) -> None:
    """PutDashboard refuses a body that is no JSON object; dashboards are global in an account."""
    (dashboard,) = resources(everything, "AWS::CloudWatch::Dashboard").values()
    assert dashboard["Properties"]["DashboardName"] == "darkroom-eu-central-1"
    widgets = json.loads(dashboard["Properties"]["DashboardBody"])["widgets"]
    assert len(widgets) == 9
    for widget in widgets:
        assert widget["properties"]["region"] == "eu-central-1"
        assert "${" not in json.dumps(widget)
    searches = re.findall(r"SEARCH\('\{([^}]+)\} MetricName=\"(\w+)\"'", json.dumps(widgets).replace('\\"', '"'))
    assert {metric for _, metric in searches} == {"TaskEnded", "Submission", "CallbackReceived"}


def test_names_that_are_global_in_an_account_carry_the_region(everything: Template) -> None:
    """Roles and dashboards are global: a second region's stack must not meet the first's."""
    for role in resources(everything, "AWS::IAM::Role").values():
        assert "RoleName" not in role["Properties"], "CloudFormation makes a name of its own"
