"""What the template promises beyond what its linter checks."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from darkroom import settings
from darkroom.operations.kept_failures import PREFIX
from darkroom.tasks.update import Status
from local.paths import LAYER, ROOT
from local.stack.deployment import API_ID
from local.template.reading import read_template, resources

TEMPLATE = read_template()
ROUTES = resources(TEMPLATE, "AWS::ApiGatewayV2::Route")
FUNCTIONS = resources(TEMPLATE, "AWS::Serverless::Function")
VARIABLES: dict[str, Any] = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]


def functions_behind(route: dict[str, Any]) -> str:
    """The function that a route leads to, by way of its integration."""
    integration = re.fullmatch(r"integrations/\$\{(\w+)}", route["Properties"]["Target"]["Fn::Sub"])
    assert integration
    address = TEMPLATE["Resources"][integration[1]]["Properties"]["IntegrationUri"]
    return called(address)


def called(address: dict[str, Any]) -> str:
    """The function of an address: its own, or with snapshots that of its alias."""
    if "Fn::If" in address:
        condition, alias, plain = address["Fn::If"]
        assert condition == "Snapshots"
        assert TEMPLATE["Resources"][alias["Ref"]]["Properties"]["FunctionName"]["Ref"] == called(plain)
        return called(plain)
    name: str = address["Ref"] if "Ref" in address else address["Fn::GetAtt"][0]
    return name


def test_every_route_leads_to_a_function_that_may_be_called() -> None:
    permitted = {
        called(found["Properties"]["FunctionName"])
        for found in resources(TEMPLATE, "AWS::Lambda::Permission").values()
        if found["Properties"]["Principal"] == "apigateway.amazonaws.com"
    }
    assert {functions_behind(route) for route in ROUTES.values()} == permitted


def test_no_two_routes_are_the_same_and_everything_else_has_an_answer() -> None:
    keys = [route["Properties"]["RouteKey"] for route in ROUTES.values()]
    assert len(keys) == len(set(keys))
    assert "$default" in keys


def test_the_local_stack_knows_the_api_by_its_tag() -> None:
    condition, deployed, local = TEMPLATE["Resources"]["Api"]["Properties"]["Tags"]["Fn::If"]
    assert (condition, deployed) == ("Deployed", {"Ref": "AWS::NoValue"})
    assert local == {"ms-custom-id": API_ID}


def test_the_functions_get_every_variable_that_is_read_and_no_other() -> None:
    source = Path(settings.__file__).read_text()
    read = set(re.findall(r'"(DARKROOM_[A-Z_]+)"', source))
    for pattern in re.findall(r'f"(DARKROOM_\{\w+\.upper\(\)\}_\w+)"', source):
        read |= {name for name in VARIABLES if re.fullmatch(re.sub(r"\{.*?}", "[A-Z]+", pattern), name)}
    read.discard("DARKROOM_STREAMING")  # our own runtime says it of itself
    read -= {"DARKROOM_SCHEDULE_GROUP", "DARKROOM_SCHEDULER_ROLE"}  # for those alone that may make schedules
    assert {name for name in VARIABLES if name.startswith("DARKROOM_")} == read


def test_whoever_may_make_schedules_is_told_how_and_nobody_else() -> None:
    told = {"DARKROOM_SCHEDULE_GROUP", "DARKROOM_SCHEDULER_ROLE"}
    own = {name: found["Properties"].get("Environment", {}).get("Variables", {}) for name, found in FUNCTIONS.items()}
    roles = {
        name.removesuffix("Role"): json.dumps(found["Properties"]["Policies"])
        for name, found in resources(TEMPLATE, "AWS::IAM::Role").items()
    }
    for name, variables in own.items():
        may = "scheduler:CreateSchedule" in roles[name.removesuffix("Function")]
        assert (told & variables.keys()) == (told if may else set()), name
        assert may == ("iam:PassRole" in roles[name.removesuffix("Function")]), name


def test_every_parameter_has_a_default_and_none_is_a_secret() -> None:
    for name, parameter in TEMPLATE["Parameters"].items():
        assert "Default" in parameter, name
        assert not re.search(r"(?i)secret|token|password|apikey", name)


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"])
def test_what_is_kept_outlives_the_stack(kind: str) -> None:
    for name, found in resources(TEMPLATE, kind).items():
        assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain"), name


def test_every_table_can_be_restored_and_is_encrypted() -> None:
    for found in resources(TEMPLATE, "AWS::DynamoDB::Table").values():
        properties = found["Properties"]
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert properties["SSESpecification"]["SSEEnabled"] is True


def test_the_bucket_is_nobody_elses() -> None:
    properties = TEMPLATE["Resources"]["Bucket"]["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    (statement,) = TEMPLATE["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_no_page_may_call_the_api_unless_its_origin_is_named() -> None:
    """API Gateway answers preflights itself (developer guide, "Configure CORS for HTTP APIs")."""
    assert TEMPLATE["Parameters"]["AllowedOrigins"]["Default"] == ""
    condition, allowed, otherwise = TEMPLATE["Resources"]["Api"]["Properties"]["CorsConfiguration"]["Fn::If"]
    assert (condition, otherwise) == ("HasOrigins", {"Ref": "AWS::NoValue"})
    assert allowed["AllowOrigins"] == {"Fn::Split": [",", {"Ref": "AllowedOrigins"}]}
    assert "AllowCredentials" not in allowed
    sent = {"authorization", "content-type", "idempotency-key", "api-key"}
    assert sent <= set(allowed["AllowHeaders"])
    assert "x-darkroom-task-id" in allowed["ExposeHeaders"]


def test_the_functions_own_url_lets_the_same_origins_call() -> None:
    """Methods are of six characters at most (Lambda API reference, "Cors": GET, PUT, HEAD, POST, PATCH, DELETE or *)."""
    api = TEMPLATE["Resources"]["Api"]["Properties"]["CorsConfiguration"]["Fn::If"]
    url = TEMPLATE["Resources"]["DialectsFunctionUrl"]["Properties"]["Cors"]["Fn::If"]
    assert url[::2] == api[::2]
    same = ("AllowOrigins", "AllowHeaders", "ExposeHeaders", "MaxAge")
    assert [url[1][name] for name in same] == [api[1][name] for name in same]
    assert all(len(method) <= 6 for method in url[1]["AllowMethods"])
    assert len(url[1]["AllowHeaders"]) <= 100


def matches(pattern: dict[str, Any], record: dict[str, Any]) -> bool:
    """Whether a record passes a filter of equal texts (AWS Lambda Developer Guide, "Using event filtering with a
    DynamoDB event source": every key of the pattern is to be there, with one of the values in its list)."""
    return all(
        name in record and (matches(wanted, record[name]) if isinstance(wanted, dict) else record[name] in wanted)
        for name, wanted in pattern.items()
    )


def test_the_stream_wakes_notify_once_a_task_for_the_change_that_ends_it() -> None:
    (event,) = FUNCTIONS["NotifyFunction"]["Properties"]["Events"].values()
    (written,) = event["Properties"]["FilterCriteria"]["Filters"]
    pattern = json.loads(written["Pattern"])
    assert set(pattern) == {"dynamodb"}, "a DynamoDB mapping filters on this key alone"

    def passes(new: Status | None, old: Status | None) -> bool:
        images = {"NewImage": new, "OldImage": old}
        record = {name: {"status": {"S": status.value}} for name, status in images.items() if status}
        return matches(pattern, {"eventName": "MODIFY", "dynamodb": record})

    for new in Status:
        for old in Status:
            assert passes(new, old) == (new.terminal and not old.terminal), f"{old} to {new}"
        # A task is never made ended; a restored one was announced long ago. And one that is deleted tells nothing.
        assert not passes(new, None)
        assert not passes(None, new)
    assert not matches(pattern, {"dynamodb": {"NewImage": {"log": {"S": "{}"}}, "OldImage": {"log": {"S": "{}"}}}})


def test_what_notify_gives_up_on_is_kept_whole_as_long_as_a_dead_letter() -> None:
    """Only a bucket gets the records themselves (AWS Lambda Developer Guide, "Retain discarded records")."""
    (event,) = FUNCTIONS["NotifyFunction"]["Properties"]["Events"].values()
    assert event["Properties"]["DestinationConfig"]["OnFailure"]["Type"] == "S3"
    assert event["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"] == ["Bucket", "Arn"]
    assert event["Properties"]["MaximumRetryAttempts"] <= 10
    rules = TEMPLATE["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix") == PREFIX]
    (kept,) = {
        queue["Properties"]["MessageRetentionPeriod"]
        for name, queue in resources(TEMPLATE, "AWS::SQS::Queue").items()
        if name.endswith("DeadLetters")
    }
    assert rule["ExpirationInDays"] * 86_400 == kept


@pytest.mark.parametrize(("architecture", "machine"), [("arm64", "aarch64"), ("x86_64", "x86_64")])
def test_the_layer_is_built_for_the_architecture_that_is_asked_for(architecture: str, machine: str) -> None:
    assert architecture in TEMPLATE["Parameters"]["Architecture"]["AllowedValues"]
    command = ["make", "--dry-run", "build-DarkroomLayer", "ARTIFACTS_DIR=out", f"ARCHITECTURE={architecture}"]
    # Not as a part of the make that runs the tests.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(command, cwd=LAYER, capture_output=True, text=True, check=True, env=environment)
    platforms = set(re.findall(r"--python-platform (aarch64|x86_64)-manylinux_2_28", done.stdout))
    assert platforms == {machine}


def test_a_message_is_given_up_on_when_the_code_thinks_so() -> None:
    from darkroom.aws.batch_processing import MOST_RECEIVES

    queues = resources(TEMPLATE, "AWS::SQS::Queue")
    receives = {
        name: queue["Properties"]["RedrivePolicy"]["maxReceiveCount"]
        for name, queue in queues.items()
        if "RedrivePolicy" in queue["Properties"]
    }
    looks = receives.pop("LookQueue")
    assert set(receives.values()) == {MOST_RECEIVES}
    source = (ROOT / "functions" / "track" / "app.py").read_text()
    assert f"MOST_POLLS = {looks}\n" in source


def test_whoever_reads_alarms_hears_of_all_of_them() -> None:
    for name, alarm in resources(TEMPLATE, "AWS::CloudWatch::Alarm").items():
        assert alarm["Properties"]["AlarmActions"], f"nobody hears of {name}"
        assert alarm["Properties"]["AlarmDescription"].endswith(".")


def test_sam_is_told_the_same_architecture_as_the_functions() -> None:
    """A layer's BuildArchitecture and its functions' Architectures are the one parameter (AWS SAM, "Building layers")."""
    layer = TEMPLATE["Resources"]["DarkroomLayer"]
    assert layer["Metadata"] == {"BuildMethod": "makefile", "BuildArchitecture": {"Ref": "Architecture"}}
    assert layer["Properties"]["CompatibleArchitectures"] == [{"Ref": "Architecture"}]
    assert TEMPLATE["Globals"]["Function"]["Architectures"] == [{"Ref": "Architecture"}]
