"""What an existing stack's state allows, and what to do first where it allows nothing.

The states: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html.
"""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.deploying.guide import GaveUp, Guide
from local.deploying.progress import Progress, explained, failures_of
from local.deploying.target import Target

HOLDS_DATA = frozenset({"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"})
"""What is kept when the stack goes, and what nobody wants to see replaced."""

_SOUND = frozenset({
    "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE",
})  # fmt: skip
_NEVER_CAME_UP = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"})
_BY_HAND = {
    "UPDATE_FAILED": "its update stopped half-way: `aws cloudformation rollback-stack --stack-name {stack}`",
    "IMPORT_ROLLBACK_FAILED": "an import failed: `aws cloudformation continue-update-rollback --stack-name {stack}`",
}


@dataclass(frozen=True)
class Existing:
    """A stack that is there."""

    stack_id: str
    status: str

    @classmethod
    def find(cls, client: Any, stack: str) -> "Existing | None":
        """The stack of this name, if there is one that was ever begun."""
        try:
            (found,) = client.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        if found["StackStatus"] in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"}:
            return None  # a change set that was never carried out leaves an empty stack, which is created as if new
        return cls(found["StackId"], found["StackStatus"])


def made_ready(guide: Guide, target: Target) -> Existing | None:
    """The stack in a state that can be deployed to, or None where there is none yet.

    Waits for what is under way, and does what the state asks for once that is confirmed. Raises `GaveUp` otherwise.
    """
    client = target.client("cloudformation")
    while (existing := Existing.find(client, target.stack)) is not None and existing.status not in _SOUND:
        if existing.status.endswith("IN_PROGRESS"):
            guide.tell(f"Something is under way with {target.stack} ({existing.status}); waiting for its end:")
            progress = Progress(client, existing.stack_id, guide.tell)
            progress.mark()
            progress.follow(just_begun=False)
        elif existing.status in _NEVER_CAME_UP:
            _delete_first(guide, target, client, existing, "its creation failed, and such a stack can only be deleted")
        elif existing.status == "DELETE_FAILED":
            _delete_first(guide, target, client, existing, "its deletion failed; it has to be finished")
        elif existing.status == "UPDATE_ROLLBACK_FAILED":
            _continue_rollback(guide, target, client, existing)
        else:
            what = _BY_HAND.get(existing.status, "see `aws cloudformation describe-stack-events --stack-name {stack}`")
            raise GaveUp(f"{target.stack} is in {existing.status}: {what.format(stack=target.stack)}")
    return existing


def _delete_first(guide: Guide, target: Target, client: Any, existing: Existing, why: str) -> None:
    guide.tell(f"{target.stack} is in {existing.status}: {why}.")
    for line in failures_of(client, existing.stack_id):
        guide.tell(f"  it failed because of {line}")
    if not guide.confirmed(f"Delete it ({existing.status})? Tables, bucket and secrets with data in them are kept"):
        raise GaveUp(f"nothing was done: `aws cloudformation delete-stack --stack-name {target.stack}` deletes it")
    delete(guide, client, existing.stack_id)


def delete(guide: Guide, client: Any, stack_id: str) -> None:
    """Delete a stack, telling what happens, and name what was kept. Raises `GaveUp` where it does not go away."""
    progress = Progress(client, stack_id, guide.tell)
    progress.mark()
    client.delete_stack(StackName=stack_id)
    outcome = progress.follow()
    if not outcome.good:
        raise GaveUp(f"{explained(outcome)}\nMend that and run this again.")
    for name, kind in kept_by(client, stack_id):
        guide.tell(f"  kept: {kind} {name}")


def kept_by(client: Any, stack_id: str) -> list[tuple[str, str]]:
    """Name and type of what a deleted stack left behind on purpose."""
    try:
        found = client.describe_stack_resources(StackName=stack_id)["StackResources"]
    except ClientError:
        return []  # its record is gone with it
    return [
        (resource.get("PhysicalResourceId", ""), resource["ResourceType"])
        for resource in found
        if resource["ResourceStatus"] == "DELETE_SKIPPED"
    ]


def _continue_rollback(guide: Guide, target: Target, client: Any, existing: Existing) -> None:
    guide.tell(
        f"{target.stack} is in UPDATE_ROLLBACK_FAILED: neither the old state nor the new one. It failed because of:"
    )
    for line in failures_of(client, existing.stack_id):
        guide.tell(f"  {line}")
    command = f"aws cloudformation continue-update-rollback --stack-name {target.stack}"
    if not guide.confirmed("Mend that first if it still stands against it. Continue the rollback now?"):
        raise GaveUp(f"nothing was done: `{command}` continues it")
    progress = Progress(client, existing.stack_id, guide.tell)
    progress.mark()
    client.continue_update_rollback(StackName=target.stack)
    outcome = progress.follow()
    if outcome.status != "UPDATE_ROLLBACK_COMPLETE":
        raise GaveUp(f"{explained(outcome)}\nMend that, or leave it out: `{command} --resources-to-skip NAME`")
