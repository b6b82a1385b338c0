"""One deployment as one change set: made, looked at, carried out."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.deploying.guide import GaveUp, Guide
from local.deploying.progress import Progress, explained
from local.deploying.stack_state import HOLDS_DATA, Existing
from local.deploying.target import Target

_NOTHING_NEW = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class ChangeSet:
    """What would change."""

    arn: str
    stack_id: str
    changes: list[dict[str, Any]]

    def summary(self) -> str:
        """How many resources are added, changed and removed."""
        count = dict.fromkeys(("Add", "Modify", "Remove"), 0)
        for change in self.changes:
            count[change["Action"]] = count.get(change["Action"], 0) + 1
        return f"{count['Add']} added, {count['Modify']} changed, {count['Remove']} removed"

    def endangered(self) -> list[str]:
        """The tables, buckets and secrets that the stack would no longer have, or have anew and empty."""
        return [
            f"{change['LogicalResourceId']} ({change['ResourceType']}) would be "
            f"{'removed' if change['Action'] == 'Remove' else 'replaced by an empty one'}"
            for change in self.changes
            if change["ResourceType"] in HOLDS_DATA
            and (change["Action"] == "Remove" or change.get("Replacement") == "True")
        ]


def upload_template(target: Target, packaged: Path, bucket: str) -> str:
    """Lay the packaged template where CloudFormation reads it (inline it takes 51,200 bytes). Returns its address."""
    body = packaged.read_bytes()
    key = f"{target.stack}/{hashlib.sha256(body).hexdigest()[:32]}.template"
    client = target.client("s3")
    client.put_object(Bucket=bucket, Key=key, Body=body)
    # In path style, which CloudFormation asks for.
    return f"{client.meta.endpoint_url}/{bucket}/{key}"


def make(
    target: Target, existing: Existing | None, url: str, parameters: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> ChangeSet | None:  # fmt: skip
    """The change set that makes the stack be the template with exactly these parameters; None where nothing changes.

    Raises `GaveUp` with CloudFormation's reason where it can't be made.
    """
    client = target.client("cloudformation")
    made = client.create_change_set(
        StackName=target.stack,
        ChangeSetName=f"darkroom-{parameters['Release']}-{time.time_ns() // 1_000_000}",
        ChangeSetType="UPDATE" if existing else "CREATE",
        TemplateURL=url,
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    arn, stack_id = made["Id"], made["StackId"]
    while (found := client.describe_change_set(ChangeSetName=arn))["Status"].endswith(("PENDING", "IN_PROGRESS")):
        sleep(1)
    if found["Status"] == "FAILED":
        reason = found.get("StatusReason", "no reason was given")
        _discard(client, arn, stack_id, existing)
        if any(words in reason for words in _NOTHING_NEW):
            return None
        raise GaveUp(f"CloudFormation refuses the template or its parameters: {reason}")
    return ChangeSet(arn, stack_id, _changes(client, arn))


def _changes(client: Any, arn: str) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = client.describe_change_set(ChangeSetName=arn, **more)
        changes += [each["ResourceChange"] for each in page.get("Changes", []) if "ResourceChange" in each]
        if not page.get("NextToken"):
            return changes
        more = {"NextToken": page["NextToken"]}


def _discard(client: Any, arn: str, stack_id: str, existing: Existing | None) -> None:
    """Leave nothing behind: neither the change set nor, of a first try, the empty stack that it lies in."""
    try:
        client.delete_change_set(ChangeSetName=arn)
        if existing is None:
            client.delete_stack(StackName=stack_id)
    except ClientError:
        return  # both are harmless


def carry_out(guide: Guide, target: Target, existing: Existing | None, changes: ChangeSet) -> None:
    """Carry it out, telling what happens. Raises `GaveUp` when it failed, or where data would be given up unasked."""
    client = target.client("cloudformation")
    guide.tell(f"CloudFormation: {changes.summary()}")
    if (lost := changes.endangered()) and guide.environment.get("DARKROOM_REPLACE") != "1":
        _discard(client, changes.arn, changes.stack_id, existing)
        listed = "\n".join(f"  {line}" for line in lost)
        raise GaveUp(
            f"this deployment would part the stack from its data:\n{listed}\nThe old ones would be kept, but nothing "
            "would read them. If that is what you want: DARKROOM_REPLACE=1. Nothing was done."
        )
    progress = Progress(client, changes.stack_id, guide.tell)
    progress.mark()
    client.execute_change_set(ChangeSetName=changes.arn)
    outcome = progress.follow()
    if not outcome.good:
        raise GaveUp(explained(outcome) + _what_now(outcome.status, existing))


def _what_now(status: str, existing: Existing | None) -> str:
    if existing is None:
        return "\nThe stack is not there. Mend that and run `make deploy` again: it deletes what is left of this try."
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return "\nThe stack is what it was before, and works. Mend that and run `make deploy` again."
    return "\nRun `make deploy` again: it says what this state asks for."
