"""The rights that a deployer is told to have are the ones that a deployment needs."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

from local.deploying.permissions import NEEDED, POLICY, every_action, statements
from local.paths import ROOT
from local.template.reading import Template

LONGEST = 6144
"""Characters of a managed policy, white space not counted (IAM, "IAM and AWS STS quotas")."""
READS_FOR_ANYBODY = {
    "cloudwatch:DescribeAlarms", "dynamodb:ListTables", "lambda:GetAccountSettings", "s3:ListAllMyBuckets",
    "logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries",
    "secretsmanager:GetRandomPassword", "iam:SimulatePrincipalPolicy",
}  # fmt: skip
NAMELESS = {
    "lambda:*EventSourceMapping", "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:UpdateLogDelivery",
    "logs:PutResourcePolicy",
}  # fmt: skip
"""What has no name to narrow it by (Service Authorization Reference: no resource type)."""


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowed_on(action: str) -> list[str]:
    return [
        resource
        for statement in statements()
        if any(fnmatchcase(action, pattern) for pattern in listed(statement["Action"]))
        for resource in listed(statement["Resource"])
    ]


def test_every_type_of_resource_that_can_be_deployed_is_provided_for(everything: Template) -> None:
    kinds = {resource["Type"] for resource in everything["Resources"].values()}
    assert sorted(kinds - NEEDED.keys()) == [], "add what CloudFormation calls for it to permissions.NEEDED"


def test_the_policy_allows_what_a_deployment_does() -> None:
    assert [action for action in every_action() if not allowed_on(action)] == [], f"missing in {POLICY.name}"


def test_the_policy_grants_nothing_that_no_deployment_does() -> None:
    for statement in statements():
        for pattern in listed(statement["Action"]):
            if pattern not in {
                "apigateway:PUT",
                "apigateway:UntagResource",
                "s3:GetObjectVersion",
            }:  # tags, old uploads
                assert any(fnmatchcase(action, pattern) for action in every_action()), pattern


def test_the_policy_fits_into_a_managed_policy() -> None:
    policy = json.loads(POLICY.read_text())
    assert policy["Version"] == "2012-10-17"
    assert len(re.sub(r"\s", "", POLICY.read_text())) <= LONGEST
    for statement in policy["Statement"]:
        assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Allow"
        assert re.fullmatch(r"[A-Za-z0-9]+", statement["Sid"])


def test_the_policy_reaches_only_what_is_the_stacks() -> None:
    for statement in statements():
        for resource in listed(statement["Resource"]):
            if resource == "*":
                assert set(listed(statement["Action"])) <= READS_FOR_ANYBODY | NAMELESS
                continue
            own = re.search(
                r"darkroom|aws-sam-cli-managed-default|aws:transform/|ops\.apigateway|Secret-\*|:apigateway:", resource
            )
            assert own, resource


def test_a_role_can_be_given_to_functions_alone() -> None:
    (statement,) = [found for found in statements() if "iam:PassRole" in listed(found["Action"])]
    condition: dict[str, Any] = statement["Condition"]["StringEquals"]
    assert set(condition["iam:PassedToService"]) <= {"lambda.amazonaws.com", "scheduler.amazonaws.com"}
    assert statement["Resource"] == "arn:aws:iam::*:role/darkroom-*"


def test_the_names_in_it_are_the_names_that_resources_get(everything: Template) -> None:
    """A secret without a name is called after its logical id, whatever the stack is called; all else after the stack."""
    secrets = {
        name for name, found in everything["Resources"].items() if found["Type"] == "AWS::SecretsManager::Secret"
    }
    granted = {re.sub(r".*:secret:(\w+)-\*", r"\1", arn) for arn in allowed_on("secretsmanager:CreateSecret")}
    assert granted == secrets
    groups = [found for found in everything["Resources"].values() if found["Type"] == "AWS::Logs::LogGroup"]
    for group in groups:
        name = group["Properties"]["LogGroupName"]
        assert any(fnmatchcase(name, arn.split("log-group:")[1]) for arn in allowed_on("logs:CreateLogGroup")), name


def test_the_page_shows_the_same_policy() -> None:
    page = (ROOT / "docs" / "deploying.md").read_text()
    shown = [block for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if "cloudformation:" in block]
    assert [json.loads(block) for block in shown] == [json.loads(POLICY.read_text())]
