"""Whether who deploys may do what a deployment does, asked of IAM before anything is built."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.deploying.guide import GaveUp, Guide
from local.deploying.target import Target
from local.paths import ROOT

POLICY = ROOT / "docs" / "deployer-policy.json"
"""The rights of a deployer, as docs/deploying.md shows them; written for a stack called `darkroom`."""
NAMED = "darkroom"
AT_ONCE = 60
"""Actions a simulation is asked for at once."""

_API = ("apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST")
_LOG_DELIVERY = (
    "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
)  # fmt: skip

NEEDED: Mapping[str, tuple[str, ...]] = {
    "AWS::ApiGatewayV2::Api": (*_API, "apigateway:TagResource", "iam:CreateServiceLinkedRole"),
    "AWS::ApiGatewayV2::Integration": _API,
    "AWS::ApiGatewayV2::Route": _API,
    # Access logs of an HTTP API: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
    "AWS::ApiGatewayV2::Stage": (*_API, *_LOG_DELIVERY),
    "AWS::CloudWatch::Alarm": ("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard",
    ),
    "AWS::DynamoDB::Table": (
        "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeContributorInsights", "dynamodb:DescribeKinesisStreamingDestination",
        "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:ListTagsOfResource",
        "dynamodb:TagResource", "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
    ),
    "AWS::Events::EventBus": (
        "events:CreateEventBus", "events:DeleteEventBus", "events:DescribeEventBus", "events:ListTagsForResource",
        "events:TagResource", "events:UntagResource", "events:UpdateEventBus",
    ),
    "AWS::Events::Rule": (
        "events:DeleteRule", "events:DescribeRule", "events:ListTargetsByRule", "events:PutRule", "events:PutTargets",
        "events:RemoveTargets",
    ),
    "AWS::IAM::Role": (
        "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:GetRole", "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
    ),
    "AWS::Lambda::Alias": ("lambda:CreateAlias", "lambda:DeleteAlias", "lambda:GetAlias", "lambda:UpdateAlias"),
    "AWS::Lambda::EventSourceMapping": (
        "lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:GetEventSourceMapping",
        "lambda:ListTags", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateEventSourceMapping",
    ),
    "AWS::Lambda::Function": (
        "iam:PassRole", "lambda:CreateFunction", "lambda:DeleteFunction", "lambda:DeleteFunctionConcurrency",
        "lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionConfiguration",
        "lambda:GetFunctionRecursionConfig", "lambda:GetRuntimeManagementConfig", "lambda:ListTags",
        "lambda:PutFunctionConcurrency", "lambda:PutFunctionRecursionConfig", "lambda:TagResource",
        "lambda:UntagResource", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
        "lambda:GetLayerVersion", "s3:GetObject",
    ),
    "AWS::Lambda::LayerVersion": (
        "lambda:DeleteLayerVersion", "lambda:GetLayerVersion", "lambda:PublishLayerVersion", "s3:GetObject",
    ),
    "AWS::Lambda::Permission": ("lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"),
    "AWS::Lambda::Url": (
        "lambda:CreateFunctionUrlConfig", "lambda:DeleteFunctionUrlConfig", "lambda:GetFunctionUrlConfig",
        "lambda:UpdateFunctionUrlConfig",
    ),
    "AWS::Lambda::Version": (
        "lambda:DeleteFunction", "lambda:GetFunctionConfiguration", "lambda:ListVersionsByFunction",
        "lambda:PublishVersion",
    ),
    "AWS::Logs::LogGroup": (
        "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:DescribeLogGroups",
        "logs:ListTagsForResource", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
    ),
    "AWS::S3::Bucket": (
        "s3:CreateBucket", "s3:DeleteBucket", "s3:GetBucketOwnershipControls", "s3:GetBucketPublicAccessBlock",
        "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:PutBucketOwnershipControls",
        "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
    ),
    "AWS::S3::BucketPolicy": ("s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"),
    "AWS::Scheduler::ScheduleGroup": (
        "scheduler:CreateScheduleGroup", "scheduler:DeleteScheduleGroup", "scheduler:GetScheduleGroup",
        "scheduler:ListTagsForResource", "scheduler:TagResource", "scheduler:UntagResource",
    ),
    "AWS::SecretsManager::Secret": (
        "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret",
        "secretsmanager:GetRandomPassword", "secretsmanager:TagResource", "secretsmanager:UntagResource",
        "secretsmanager:UpdateSecret",
    ),
    "AWS::SNS::Subscription": (
        "sns:GetSubscriptionAttributes", "sns:ListSubscriptionsByTopic", "sns:Subscribe", "sns:Unsubscribe",
    ),
    "AWS::SNS::Topic": (
        "sns:CreateTopic", "sns:DeleteTopic", "sns:GetDataProtectionPolicy", "sns:GetTopicAttributes",
        "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource", "sns:SetTopicAttributes", "sns:TagResource",
        "sns:UntagResource",
    ),
    "AWS::SNS::TopicPolicy": ("sns:SetTopicAttributes",),
    "AWS::SQS::Queue": (
        "sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags",
        "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue",
    ),
    "AWS::SQS::QueuePolicy": ("sqs:SetQueueAttributes",),
}  # fmt: skip
"""What CloudFormation calls, with the deployer's rights, to make, change and remove a resource of each type: by the
handlers in the types' public schemas, less what no property of ours needs
(https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html)."""

OURS = (
    "cloudformation:ContinueUpdateRollback", "cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack", "cloudformation:DescribeChangeSet", "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStackResources", "cloudformation:DescribeStacks", "cloudformation:ExecuteChangeSet",
    "cloudformation:GetTemplateSummary", "cloudformation:ListStackResources", "cloudwatch:SetAlarmState",
    "dynamodb:ListTables", "dynamodb:PutItem", "dynamodb:Query", "iam:SimulatePrincipalPolicy",
    "lambda:GetAccountSettings", "s3:ListAllMyBuckets", "s3:ListBucket", "s3:PutObject",
    "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "sns:ListSubscriptionsByTopic",
)  # fmt: skip
"""What `make deploy` and `make destroy` call themselves."""


def check_permissions(guide: Guide, target: Target) -> None:
    """Ask IAM whether the deployer may do all of it. Raises `GaveUp` where not, and nobody wants to go on all the same.

    A simulation leaves out session policies and knows no context of a real call, so a person may know better
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html).
    """
    try:
        missing = sorted(_missing(target))
    except (BotoCoreError, ClientError) as error:
        guide.tell(f"Your rights could not be checked beforehand ({error}); docs/deploying.md lists what is needed.")
        return
    if not missing:
        return
    guide.tell(f"You may not do what a deployment needs: {', '.join(missing)}")
    guide.tell("docs/deployer-policy.json has all of it, for a stack called darkroom.")
    if guide.environment.get("DARKROOM_PERMISSIONS") == "unchecked":
        return
    if not (guide.interactive and guide.ask("Go on all the same? [y/N]: ").strip().lower() in {"y", "yes"}):
        raise GaveUp("nothing was done. If IAM's simulation is wrong about you: DARKROOM_PERMISSIONS=unchecked")


def every_action() -> list[str]:
    """Every action that a deployment takes."""
    return sorted({*OURS, *(action for actions in NEEDED.values() for action in actions)})


def _missing(target: Target) -> Iterator[str]:
    source = _principal(target)
    if source is None:
        return  # an account's root may do everything
    iam = target.client("iam")
    for resources, actions in _by_resources(every_action()).items():
        arns = [_example(resource, target) for resource in resources]
        for first in range(0, len(actions), AT_ONCE):
            answer = iam.simulate_principal_policy(
                PolicySourceArn=source, ActionNames=actions[first : first + AT_ONCE], ResourceArns=arns,
                ContextEntries=_CONTEXT,
            )  # fmt: skip
            for result in answer["EvaluationResults"]:
                if result["EvalDecision"] != "allowed":
                    yield result["EvalActionName"]


_CONTEXT = [
    {"ContextKeyName": name, "ContextKeyType": "string", "ContextKeyValues": [value]}
    for name, value in {
        "iam:PassedToService": "lambda.amazonaws.com", "iam:AWSServiceName": "ops.apigateway.amazonaws.com",
    }.items()
]  # fmt: skip


def _principal(target: Target) -> str | None:
    """The user or role behind the caller; None for the account's root."""
    kind, _, rest = target.caller.rpartition(":")[2].partition("/")
    if kind == "root":
        return None
    if kind == "assumed-role":
        name = rest.split("/")[0]
        try:  # the role's path is not in a session's ARN
            return str(target.client("iam").get_role(RoleName=name)["Role"]["Arn"])
        except ClientError:
            return f"arn:{target.partition}:iam::{target.account}:role/{name}"
    return target.caller


def _by_resources(actions: Iterable[str]) -> dict[tuple[str, ...], list[str]]:
    """The actions by what they are needed on, by the policy that is shown to deployers."""
    found: dict[tuple[str, ...], list[str]] = {}
    for action in actions:
        for statement in statements():
            if any(fnmatchcase(action, pattern) for pattern in _list(statement["Action"])):
                found.setdefault(tuple(_list(statement["Resource"])), []).append(action)
                break
    return found


def statements() -> list[dict[str, Any]]:
    """The statements of the policy that is shown to deployers."""
    found: list[dict[str, Any]] = json.loads(POLICY.read_text())["Statement"]
    return found


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _example(resource: str, target: Target) -> str:
    """One ARN that a pattern of the policy stands for, in this account and region."""
    if resource == "*":
        return resource
    stack = target.stack.lower() if ":s3:::" in resource else target.stack
    parts = re.sub(rf"{NAMED}(?=-|/\*)", stack, resource).split(":", 5)
    parts[1] = target.partition
    parts[3] = parts[3] and target.region
    parts[4] = target.account if parts[4] == "*" else parts[4]
    return ":".join(parts).replace("*", "example")
