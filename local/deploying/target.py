"""The account, region and stack that is deployed to."""

import os
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, ProfileNotFound

from local.deploying.guide import GaveUp, Guide

_LOGINS = "`aws configure`, `aws sso login` or AWS_PROFILE"
_UNKNOWN_HERE = {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"}


@dataclass
class Target:
    """The account, region and stack that is deployed to, and who deploys."""

    session: boto3.Session
    stack: str
    region: str
    account: str
    caller: str
    """The ARN of who deploys."""

    @classmethod
    def chosen(cls, guide: Guide) -> "Target":
        """The target that the guide was told. Raises `GaveUp` without credentials that work in the region."""
        region = guide.answer("AWS_REGION", "Region", os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
        stack = guide.answer("DARKROOM_STACK", "Name of the stack", "darkroom")
        try:
            session = boto3.Session(region_name=region)
        except ProfileNotFound as error:
            raise GaveUp(f"{error}: `aws configure list-profiles` shows those that there are") from error
        identity = _identity(session, region)
        return cls(session, stack, region, identity["Account"], identity["Arn"])

    @property
    def partition(self) -> str:
        """`aws`, or `aws-cn`, or `aws-us-gov`."""
        return self.session.get_partition_for_region(self.region)

    def client(self, service: str) -> Any:
        """A client of this account and region that is patient with throttles."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 8})
        return self.session.client(service, config=config)  # type: ignore[call-overload]

    def outputs(self) -> dict[str, str]:
        """The outputs of the stack."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def resources(self) -> dict[str, str]:
        """Physical names by logical names, of what the stack has now."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack)
        return {
            found["LogicalResourceId"]: found.get("PhysicalResourceId", "")
            for page in pages
            for found in page["StackResourceSummaries"]
        }


def _identity(session: boto3.Session, region: str) -> dict[str, str]:
    """Who the credentials belong to. Raises `GaveUp` where they are not accepted."""
    try:
        return dict(session.client("sts").get_caller_identity())
    except ClientError as error:
        if error.response["Error"]["Code"] in _UNKNOWN_HERE and _accepted_elsewhere(session, region):
            # https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
            raise GaveUp(
                f"the region {region} is not enabled for this account: `aws account enable-region --region-name "
                f"{region}` (takes some minutes), or choose another"
            ) from error
        raise GaveUp(f"no AWS credentials that work ({error}): {_LOGINS}") from error
    except EndpointConnectionError as error:
        known = session.get_available_regions("sts", session.get_partition_for_region(region))
        if region not in known:
            raise GaveUp(f"there is no region {region!r}: one of {', '.join(known)}") from error
        raise GaveUp(f"AWS can't be reached in {region} ({error}): is there a network, or a proxy to set?") from error
    except BotoCoreError as error:
        raise GaveUp(f"no AWS credentials that work ({error}): {_LOGINS}") from error


def _accepted_elsewhere(session: boto3.Session, region: str) -> bool:
    """Whether the region that is always enabled takes the credentials that this one did not."""
    home = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}.get(
        session.get_partition_for_region(region), "us-east-1"
    )
    try:
        session.client("sts", region_name=home).get_caller_identity()
    except (BotoCoreError, ClientError):
        return False
    return region != home
