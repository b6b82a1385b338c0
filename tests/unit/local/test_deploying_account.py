"""What stands against a deployment is said before anything is built: credentials, region, limits, rights, leftovers."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from local.deploying import permissions
from local.deploying.account import QUOTA, check_concurrency
from local.deploying.guide import GaveUp
from local.deploying.leftovers import tell_leftovers
from local.deploying.parameters import defaults_of
from local.deploying.permissions import check_permissions, every_action
from local.deploying.target import Target
from local.template.reading import read_template
from tests.unit.local.scripted import ACCOUNT, Person, ScriptedTarget, pipeline, scripted, terminal

DEFAULTS = defaults_of(read_template()["Parameters"])


class Regions:
    """boto3 sessions whose STS answers or refuses, by region."""

    def __init__(self, **refused: str) -> None:
        self._refused = {name.replace("_", "-"): code for name, code in refused.items()}

    def __call__(self, region_name: str) -> Any:
        session = boto3.session.Session("key", "secret", region_name=region_name)
        real = session.client

        def client(service: str, region_name: str = region_name, **more: Any) -> Any:
            made = real(service, region_name=region_name, **more)  # type: ignore[call-overload]
            stub = Stubber(made)
            if region_name == "eu-centrl-1":
                raise EndpointConnectionError(endpoint_url="https://sts.eu-centrl-1.amazonaws.com")
            if code := self._refused.get(region_name):
                stub.add_client_error("get_caller_identity", code, "The security token is invalid")
            else:
                identity = {
                    "Account": ACCOUNT,
                    "Arn": f"arn:aws:iam::{ACCOUNT}:user/ops",
                    "UserId": "AIDA0000000000000000",
                }
                stub.add_response("get_caller_identity", identity)
            stub.activate()
            return made

        session.client = client  # type: ignore[method-assign, assignment]
        return session


def chosen(monkeypatch: pytest.MonkeyPatch, region: str, **refused: str) -> Target:
    monkeypatch.setattr("boto3.Session", Regions(**refused))
    return Target.chosen(pipeline(AWS_REGION=region))


def test_the_account_is_the_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    found = chosen(monkeypatch, "eu-central-1")
    assert (found.account, found.stack, found.partition) == (ACCOUNT, "darkroom", "aws")


def test_a_region_that_is_not_enabled_is_told_from_bad_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GaveUp, match="region eu-south-2 is not enabled.*aws account enable-region"):
        chosen(monkeypatch, "eu-south-2", eu_south_2="InvalidClientTokenId")
    with pytest.raises(GaveUp, match="no AWS credentials that work"):
        chosen(monkeypatch, "eu-south-2", eu_south_2="InvalidClientTokenId", us_east_1="InvalidClientTokenId")


def test_a_misspelt_region_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GaveUp, match="there is no region 'eu-centrl-1': one of .*eu-central-1"):
        chosen(monkeypatch, "eu-centrl-1")


def test_without_credentials_it_says_how_to_get_some(monkeypatch: pytest.MonkeyPatch) -> None:
    class Without:
        def client(self, *_: Any, **__: Any) -> Any:
            raise NoCredentialsError

        def __getattr__(self, name: str) -> Any:
            return getattr(boto3.session.Session(region_name="us-east-1"), name)

    monkeypatch.setattr("boto3.Session", lambda region_name: Without())
    with pytest.raises(GaveUp, match="aws configure"):
        Target.chosen(pipeline(AWS_REGION="us-east-1"))


def limits(target: ScriptedTarget, everything: int, unreserved: int | None = None) -> None:
    free = everything if unreserved is None else unreserved
    answer = {"AccountLimit": {"ConcurrentExecutions": everything, "UnreservedConcurrentExecutions": free}}
    target.answers("lambda", "get_account_settings", answer)


def test_a_new_accounts_ten_are_explained() -> None:
    target, guide = scripted(), pipeline()
    limits(target, 10)
    check_concurrency(guide, target, DEFAULTS)
    said = "\n".join(guide.told)
    assert "may run 10 functions at once" in said
    assert f"--quota-code {QUOTA} --desired-value 1000" in said
    assert "--region eu-central-1" in said
    for name in [name for name in DEFAULTS if name.endswith("Concurrency") and "Reserved" not in name]:
        assert f"DARKROOM_PARAMETER_{name}=2" in said


def test_a_usual_accounts_thousand_need_no_word() -> None:
    target, guide = scripted(), pipeline()
    limits(target, 1000)
    check_concurrency(guide, target, DEFAULTS)
    assert guide.told == []


def test_queues_that_could_take_all_of_it_are_named() -> None:
    target, guide = scripted(), pipeline()
    limits(target, 150)
    check_concurrency(guide, target, {**DEFAULTS, "CopyConcurrency": "100"})
    assert "CopyConcurrency 100" in guide.told[0]


def test_what_can_not_be_reserved_is_refused_before_it_is_built() -> None:
    target = scripted()
    limits(target, 1000, unreserved=120)
    target.refuses("cloudformation", "describe_stacks", "ValidationError", "does not exist")
    with pytest.raises(GaveUp, match="CallbackReservedConcurrency=30.*20 can be reserved"):
        check_concurrency(pipeline(), target, {**DEFAULTS, "CallbackReservedConcurrency": "30"})


def test_limits_that_can_not_be_read_are_no_obstacle() -> None:
    target, guide = scripted(), pipeline()
    target.refuses("lambda", "get_account_settings", "AccessDeniedException")
    check_concurrency(guide, target, DEFAULTS)
    assert "could not be read" in guide.told[0]


def simulated(target: ScriptedTarget, *denied: str) -> list[dict[str, Any]]:
    """IAM allows everything but these; what it was asked."""
    client, asked = target.client("iam"), list[dict[str, Any]]()

    def simulate(**question: Any) -> dict[str, Any]:
        asked.append(question)
        decisions = [
            {"EvalActionName": name, "EvalDecision": "implicitDeny" if name in denied else "allowed"}
            for name in question["ActionNames"]
        ]
        return {"EvaluationResults": decisions}

    client.simulate_principal_policy = simulate
    return asked


def test_every_right_is_asked_for_on_what_it_is_needed_on() -> None:
    target, guide = scripted(), pipeline()
    asked = simulated(target)
    check_permissions(guide, target)
    assert guide.told == []
    assert sorted(name for question in asked for name in question["ActionNames"]) == every_action()
    by_action = {name: question["ResourceArns"] for question in asked for name in question["ActionNames"]}
    assert by_action["dynamodb:CreateTable"] == [f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/shop-example"]
    assert by_action["iam:PassRole"] == [f"arn:aws:iam::{ACCOUNT}:role/shop-example"]
    assert by_action["logs:CreateLogGroup"] == [f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:/darkroom/shop/example"]
    transform = "arn:aws:cloudformation:eu-central-1:aws:transform/Serverless-2016-10-31"
    assert transform in by_action["cloudformation:CreateChangeSet"]
    assert by_action["lambda:GetAccountSettings"] == ["*"]
    assert all(len(question["ActionNames"]) <= permissions.AT_ONCE for question in asked)


def test_a_missing_right_is_named_before_anything_is_built() -> None:
    target, guide = scripted(), pipeline(DARKROOM_YES="1")
    simulated(target, "lambda:CreateFunction", "iam:PassRole")
    with pytest.raises(GaveUp, match="DARKROOM_PERMISSIONS=unchecked"):
        check_permissions(guide, target)
    assert "iam:PassRole, lambda:CreateFunction" in guide.told[0]


def test_who_knows_better_than_the_simulation_goes_on() -> None:
    for guide in (pipeline(DARKROOM_PERMISSIONS="unchecked"), terminal(Person(Go_on="y"))):
        target = scripted()
        simulated(target, "iam:PassRole")
        check_permissions(guide, target)


def test_a_session_is_asked_for_as_its_role() -> None:
    target = scripted(f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/alice@example.com")
    arn = f"arn:aws:iam::{ACCOUNT}:role/path/Deployer"
    role = {
        "Path": "/path/", "RoleName": "Deployer", "RoleId": "AROA0000000000000000", "Arn": arn,
        "CreateDate": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    target.answers("iam", "get_role", {"Role": role}, {"RoleName": "Deployer"})
    asked = simulated(target)
    check_permissions(pipeline(), target)
    assert {question["PolicySourceArn"] for question in asked} == {arn}


def test_an_accounts_root_needs_no_question() -> None:
    target, guide = scripted(f"arn:aws:iam::{ACCOUNT}:root"), pipeline()
    assert simulated(target) == []
    check_permissions(guide, target)
    assert guide.told == []


def test_a_simulation_that_is_denied_is_no_obstacle() -> None:
    target, guide = scripted(), pipeline()
    target.refuses("iam", "simulate_principal_policy", "AccessDenied")
    check_permissions(guide, target)
    assert "could not be checked" in guide.told[0]


def test_what_earlier_stacks_left_is_named_and_not_touched() -> None:
    target, guide = scripted(), pipeline()
    tables = ["shop-TasksTable-OLD", "shop-TasksTable-NOW", "shopping-TasksTable-1", "shop-AccountsTable-OLD"]
    target.answers("dynamodb", "list_tables", {"TableNames": tables})
    for name in ("shop-TasksTable-OLD", "shop-TasksTable-NOW", "shop-AccountsTable-OLD"):
        target.answers("dynamodb", "describe_table", {"Table": {"ItemCount": 7}}, {"TableName": name})
    target.answers("s3", "list_buckets", {"Buckets": [{"Name": "shop-bucket-old"}, {"Name": "other"}]})
    target.answers("s3", "list_objects_v2", {"KeyCount": 1}, {"Bucket": "shop-bucket-old", "MaxKeys": 1})
    tell_leftovers(guide, target, {"shop-TasksTable-NOW"})
    said = "\n".join(guide.told)
    assert "aws dynamodb delete-table --region eu-central-1 --table-name shop-TasksTable-OLD" in said
    assert "a table of about 7 items" in said
    assert "shop-bucket-old: a bucket with objects" in said
    assert "shop-TasksTable-NOW" not in said
    assert "shopping" not in said


def test_leftovers_that_may_not_be_looked_for_are_left_alone() -> None:
    target, guide = scripted(), pipeline()
    target.refuses(
        "dynamodb", "list_tables", "AccessDeniedException", "is not authorized to perform: dynamodb:ListTables"
    )
    target.refuses("s3", "list_buckets", "AccessDenied")
    tell_leftovers(guide, target, ())
    assert guide.told == []


def test_a_session_that_may_not_read_its_role_is_asked_for_by_its_name() -> None:
    target = scripted(f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/alice")
    target.refuses("iam", "get_role", "AccessDenied")
    asked = simulated(target)
    check_permissions(pipeline(), target)
    assert {question["PolicySourceArn"] for question in asked} == {f"arn:aws:iam::{ACCOUNT}:role/Deployer"}
