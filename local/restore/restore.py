"""`make restore FROM=<table>`: puts back into a deployment's table what is missing there and a restored one has.

Point-in-time recovery makes a table of another name, which a stack can't take for its own (AWS: Restoring a DynamoDB
table to a point in time). So its items are put back: those that are missing, and nothing over anything. Without
APPLY=yes it only counts.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.contention import condition_failed, lost_race, throttled
from darkroom.aws.queries import every_item
from darkroom.tasks.keys import keys_beside, only_while_recorded, record_key
from local.restore.rules import Item, Left, Rules, as_put_back, has_pictures, is_beside, is_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

WORKERS = 16
PART = 1000
TRIES = 6


class NotRestored(Exception):
    """Something stands against it; the message says what."""


@dataclass(slots=True)
class Outcome:
    """How many items had which fate so far, and the tasks that have to be posted anew."""

    counted: "Counter[Fate | Left]" = field(default_factory=Counter)
    unsubmitted: list[str] = field(default_factory=list)


class Fate(StrEnum):
    """What became of an item that may be put back."""

    BACK = "put back"
    THERE = "there already"
    WITH_ITS_TASK = "beside a task"


class Restore:
    """Puts items back from one table into one of a deployment's. `outcome` tells how far it is at any time."""

    def __init__(
        self, session: boto3.Session, source: str, stack: Mapping[str, str], *, apply: bool, open_too: bool
    ) -> None:
        """`stack` are the outputs of the deployment. Raises `NotRestored`."""
        self._client: DynamoDBClient = session.client("dynamodb")
        self._s3: S3Client = session.client("s3")
        self._bucket = stack["Bucket"]
        self._accounts = stack["AccountsTable"]
        self._source = source
        self._key = key_names(self._client, source)
        self._of_tasks = self._key == ["task_id"]
        self.target = stack["TasksTable" if self._of_tasks else "AccountsTable"]
        if source == self.target:
            raise NotRestored(f"{source} is the deployment's own table: give the one that was restored beside it")
        if self._key != key_names(self._client, self.target):
            raise NotRestored(f"{source} has other keys than {self.target}: is it a copy of that table?")
        self._apply = apply
        self._open_too = open_too
        self.outcome = Outcome()

    def run(self) -> None:
        """Put back everything that may be: the receipts of erasures first, which decide on the rest."""
        if not self._of_tasks:
            self._take(erasures_in(self._client, self._source))
        items = self._items()
        while part := list(islice(items, PART)):
            self._take(part)

    def _items(self) -> Iterator[Item]:
        for page in self._client.get_paginator("scan").paginate(TableName=self._source):
            yield from page["Items"]

    def _take(self, part: list[Item]) -> None:
        # Read anew for each part: a long restore must not bring back who is erased meanwhile.
        receipts = erasures_in(self._client, self._accounts)
        if not self._of_tasks:
            receipts += erasures_in(self._client, self._source)
        rules = Rules(int(time.time() * 1000), {each["sk"]["S"] for each in receipts}, self._open_too)
        with ThreadPoolExecutor(WORKERS) as pool:
            fates = pool.map(lambda item: self._fate(item, rules), part)
            for item, fate in zip(part, fates, strict=True):
                self.outcome.counted[fate] += 1
                if fate is Left.UNSUBMITTED:
                    self.outcome.unsubmitted.append(item["task_id"]["S"])

    def _fate(self, item: Item, rules: Rules) -> Fate | Left:
        reason = rules.of_task(item) if self._of_tasks else rules.of_account(item)
        if reason in {Left.PASSING, Left.EXPIRED}:
            return reason
        found = self._client.get_item(TableName=self.target, Key=self._key_of(item), ConsistentRead=True).get("Item")
        if found is not None:
            return Left.SETTLED if "prepaid" in item and "prepaid" not in found else Fate.THERE
        if reason:
            return reason
        if is_beside(item):
            return self._put_beside(item)
        if is_record(item) and has_pictures(item) and not self._lies_there(item):
            return Left.DELETED
        return self._put(item)

    def _put(self, item: Item) -> Fate:
        """Put an item back, a task together with what is kept beside it, unless it came back by itself."""
        if not self._apply:
            return Fate.BACK
        beside = self._beside(item) if is_record(item) else []
        return Fate.BACK if self._write([as_put_back(item), *beside]) else Fate.THERE

    def _put_beside(self, item: Item) -> Fate:
        """Put back what is missing beside a task that is there; where the task is missing, it comes back with it."""
        task_id = item["task_id"]["S"].partition("#")[2]
        if "Item" not in self._client.get_item(TableName=self.target, Key=record_key(task_id), ConsistentRead=True):
            return Fate.WITH_ITS_TASK
        if not self._apply:
            return Fate.BACK
        return Fate.BACK if self._write([item], only_while_recorded(self.target, task_id)) else Fate.WITH_ITS_TASK

    def _beside(self, item: Item) -> list[Item]:
        keys = keys_beside(item["task_id"]["S"])
        found = [self._client.get_item(TableName=self._source, Key=key).get("Item") for key in keys]
        return [each for each in found if each]

    def _write(self, items: Sequence[Item], *guards: Any) -> bool:
        """Write items that are all missing, as one. Whether they were."""
        puts: Any = [{"Put": self._new(item)} for item in items]
        for attempt in range(TRIES):
            try:
                self._client.transact_write_items(TransactItems=[*puts, *guards])
            except ClientError as error:
                if condition_failed(error):
                    return False
                if not (lost_race(error) or throttled(error)) or attempt == TRIES - 1:
                    raise
                time.sleep(random.uniform(0, 0.05 * 2**attempt))
            else:
                break
        return True

    def _new(self, item: Item) -> Any:
        condition = f"attribute_not_exists({self._key[0]})"
        return {"TableName": self.target, "Item": dict(item), "ConditionExpression": condition}

    def _key_of(self, item: Item) -> Any:
        return {name: item[name] for name in self._key}

    def _lies_there(self, item: Item) -> bool:
        prefix = f"tasks/{item['owner']['S']}/{item['task_id']['S']}/"
        return self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1).get("KeyCount", 0) > 0


def erasures_in(client: "DynamoDBClient", accounts: str) -> list[Item]:
    """The receipts of owners who were erased, or are being erased."""
    values: Any = {":pk": {"S": "erasures"}}
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": values, "ConsistentRead": True}
    return list(every_item(client, TableName=accounts, **query))


def key_names(client: "DynamoDBClient", table: str) -> list[str]:
    """The names of a table's keys. Raises `NotRestored` where there is no such table, or it is not ready."""
    try:
        found = client.describe_table(TableName=table)["Table"]
    except client.exceptions.ResourceNotFoundException as error:
        raise NotRestored(f"there is no table {table} in this account and region") from error
    if found.get("TableStatus") != "ACTIVE":
        raise NotRestored(f"{table} is {found.get('TableStatus')}: wait until it is ACTIVE")
    return [each["AttributeName"] for each in found["KeySchema"]]


def told(source: str, target: str, outcome: Outcome, *, apply: bool) -> Iterator[str]:
    """What came of it, line by line."""
    counted = outcome.counted
    yield f"{counted[Fate.BACK]:>8}  {'put back into' if apply else 'missing in'} {target}, and in {source}"
    yield f"{counted[Fate.THERE]:>8}  there already, and left as they are"
    if counted[Fate.WITH_ITS_TASK]:
        yield f"{counted[Fate.WITH_ITS_TASK]:>8}  kept beside tasks that are not there: they share their fate"
    for reason in Left:
        if counted[reason]:
            yield f"{counted[reason]:>8}  left out: {reason}"
    for task_id in outcome.unsubmitted:
        yield f"          {task_id}"
    if not apply and counted[Fate.BACK]:
        yield "Nothing was changed: add APPLY=yes to put them back."


def main() -> int:
    """Restore, as the command line says. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="make restore", description=__doc__)
    parser.add_argument("source", metavar="FROM", help="the table that point-in-time recovery made")
    parser.add_argument("--stack", default=os.environ.get("DARKROOM_STACK") or "darkroom")
    parser.add_argument("--apply", action="store_true", help="put back, and not only count")
    parser.add_argument("--open", action="store_true", help="open tasks that their providers know, too")
    given = parser.parse_args()
    restore: Restore | None = None
    failed = False
    try:
        session = boto3.Session()
        found = session.client("cloudformation").describe_stacks(StackName=given.stack)["Stacks"][0]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
        restore = Restore(session, given.source, outputs, apply=given.apply, open_too=given.open)
        restore.run()
    except (NotRestored, ClientError, BotoCoreError, KeyError) as problem:
        how = "It broke off, and can be repeated" if restore else "Not restored"
        print(f"{how}: {problem}", file=sys.stderr)
        failed = True
    if restore:
        for line in told(given.source, restore.target, restore.outcome, apply=given.apply):
            print(line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
