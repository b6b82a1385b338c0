"""What earlier stacks of the same name left behind on purpose: tables, buckets, secrets. Nothing here is deleted."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.deploying.guide import Guide
from local.deploying.target import Target


@dataclass(frozen=True)
class Leftover:
    """Something that lies there and belongs to no stack any more."""

    name: str
    what: str
    removal: str
    """The command that would delete it."""


def tell_leftovers(guide: Guide, target: Target, current: Collection[str]) -> None:
    """Name what is left of earlier stacks of this name, besides what the `current` one has."""
    found = [each for each in _found(target) if each.name not in current]
    if not found:
        return
    guide.tell("Left of an earlier stack of this name (kept on purpose; this deployment neither needs nor uses it):")
    for each in found:
        guide.tell(f"  {each.name}: {each.what}; to delete it: {each.removal}")
    guide.tell("  To bring its data back, docs/operations.md says how.")


def _found(target: Target) -> Iterator[Leftover]:
    for search in (_tables, _buckets):
        try:
            yield from search(target)
        except ClientError as error:
            if "AccessDenied" not in str(error) and "not authorized" not in str(error):
                raise


def _tables(target: Target) -> Iterator[Leftover]:
    client = target.client("dynamodb")
    for page in client.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            if name.startswith((f"{target.stack}-TasksTable-", f"{target.stack}-AccountsTable-")):
                items = client.describe_table(TableName=name)["Table"].get("ItemCount", 0)
                removal = f"aws dynamodb delete-table --region {target.region} --table-name {name}"
                yield Leftover(name, f"a table of about {items} items", removal)


def _buckets(target: Target) -> Iterator[Leftover]:
    client: Any = target.client("s3")
    for bucket in client.list_buckets()["Buckets"]:
        name = bucket["Name"]
        if name.startswith(f"{target.stack.lower()}-bucket-"):
            found = client.list_objects_v2(Bucket=name, MaxKeys=1).get("KeyCount", 0)
            yield Leftover(
                name, "a bucket with objects" if found else "an empty bucket", f"aws s3 rb --force s3://{name}"
            )
