"""Deploys the real template into the emulator, as `sam deploy` would, and mends what the emulator drops."""

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any

from local.auditing.rights import keep_rights
from local.packages import function_package, layer_package
from local.stack.emulator import Emulator
from local.stack.emulator_gaps import rewrite
from local.template.reading import Template, read_template, resources
from local.template.translation import TranslationFailed, translate

STACK = "darkroom"
_ARTIFACTS = "darkroom-artifacts"
API_ID = "da4c0001"
"""The id that the template's tag gives the API in the emulator."""


class DeploymentFailed(Exception):
    """The stack did not come up, or is not what the template says."""


def deploy(emulator: Emulator, parameters: Mapping[str, str]) -> dict[str, str]:
    """Deploy the template with these parameters. Returns the stack's outputs. Raises `DeploymentFailed`."""
    template = read_template()
    uploaded = _with_uploads(emulator, template)
    translated = rewrite(_translated(uploaded, parameters))
    _create(emulator, json.dumps(translated), parameters)
    _mend(emulator, template, parameters)
    _allow_loops(emulator, translated)
    _check_routes(emulator, template)
    keep_rights(emulator, STACK)
    stack = emulator.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {entry["OutputKey"]: entry["OutputValue"] for entry in stack["Outputs"]}


def _with_uploads(emulator: Emulator, template: Template) -> Template:
    """The template with every folder of code replaced by where it was uploaded to."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=_ARTIFACTS)

    def upload(package: bytes) -> dict[str, str]:
        key = f"{hashlib.sha256(package).hexdigest()}.zip"
        s3.upload_fileobj(io.BytesIO(package), _ARTIFACTS, key)
        return {"Bucket": _ARTIFACTS, "Key": key}

    for layer in resources(template, "AWS::Serverless::LayerVersion").values():
        layer["Properties"]["ContentUri"] = upload(layer_package())
    for function in resources(template, "AWS::Serverless::Function").values():
        name = function["Properties"]["CodeUri"].strip("/").rpartition("/")[2]
        function["Properties"]["CodeUri"] = upload(function_package(name))
    return template


def _translated(template: Template, parameters: Mapping[str, str]) -> Template:
    try:
        return translate(template, parameters)
    except TranslationFailed as error:
        raise DeploymentFailed(str(error)) from error


def _create(emulator: Emulator, translated: str, parameters: Mapping[str, str]) -> None:
    emulator.client("s3").put_object(Bucket=_ARTIFACTS, Key="template.json", Body=translated.encode())
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{emulator.url}/{_ARTIFACTS}/template.json",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    waiter = cloudformation.get_waiter("stack_create_complete")
    try:
        waiter.wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    except Exception as error:
        events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        failed = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events
            if event["ResourceStatus"].endswith("FAILED")
        ]
        raise DeploymentFailed("the stack did not come up:\n" + "\n".join(failed)) from error


def _mend(emulator: Emulator, template: Template, parameters: Mapping[str, str]) -> None:
    """Set what the emulator's CloudFormation drops: times to live, recovery, lifecycle rules."""
    names = _physical_names(emulator)
    dynamodb = emulator.client("dynamodb")
    for logical, table in resources(template, "AWS::DynamoDB::Table").items():
        properties = table["Properties"]
        if "TimeToLiveSpecification" in properties:
            dynamodb.update_time_to_live(
                TableName=names[logical], TimeToLiveSpecification=properties["TimeToLiveSpecification"]
            )
        if "PointInTimeRecoverySpecification" in properties:
            dynamodb.update_continuous_backups(
                TableName=names[logical], PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
    for logical, bucket in resources(template, "AWS::S3::Bucket").items():
        rules = [
            _lifecycle_rule(rule, template, parameters)
            for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]
        ]
        emulator.client("s3").put_bucket_lifecycle_configuration(
            Bucket=names[logical], LifecycleConfiguration={"Rules": rules}
        )


def _allow_loops(emulator: Emulator, translated: Template) -> None:
    """Set what functions may call themselves; the emulator's CloudFormation drops that too."""
    names = _physical_names(emulator)
    for logical, function in resources(translated, "AWS::Lambda::Function").items():
        if (allowed := function["Properties"].get("RecursiveLoop")) and logical in names:
            emulator.client("lambda").put_function_recursion_config(FunctionName=names[logical], RecursiveLoop=allowed)


def _lifecycle_rule(rule: Mapping[str, Any], template: Template, parameters: Mapping[str, str]) -> dict[str, Any]:
    """A CloudFormation lifecycle rule in the form of the S3 API."""
    plain: dict[str, Any] = {
        "ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}
    }  # fmt: skip
    if "ExpirationInDays" in rule:
        days = rule["ExpirationInDays"]
        if isinstance(days, dict):
            name = days["Ref"]
            days = parameters.get(name, template["Parameters"][name]["Default"])
        plain["Expiration"] = {"Days": int(days)}
    if "AbortIncompleteMultipartUpload" in rule:
        plain["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return plain


def _physical_names(emulator: Emulator) -> dict[str, str]:
    found = emulator.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}


def _check_routes(emulator: Emulator, template: Template) -> None:
    """A stack can look whole without a single route: only what answers is deployed."""
    live = {route["RouteKey"] for route in emulator.client("apigatewayv2").get_routes(ApiId=API_ID)["Items"]}
    made = _physical_names(emulator)
    declared = {
        route["Properties"]["RouteKey"]
        for name, route in resources(template, "AWS::ApiGatewayV2::Route").items()
        if "Condition" not in route or name in made
    }
    if live != declared:
        raise DeploymentFailed(f"the live routes are not the template's: {sorted(live ^ declared)}")
