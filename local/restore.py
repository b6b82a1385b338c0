"""`make restore FROM=<table>`: puts back into a deployment's table what is missing there and a restored one has.

Point-in-time recovery makes a table of another name, which a stack can't take for its own (AWS: Restoring a DynamoDB
table to a point in time). So its items are put back: those that are missing, and nothing over anything. Without
APPLY=yes it only counts.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from darkroom.stores.contention import condition_failed
from darkroom.stores.queries import every_item
from darkroom.stores.task_keys import only_while_recorded
from local.restore_rules import Item, Left, Rules, is_beside

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WORKERS = 16
PART = 1000
SHOWN = 20
"""Tasks that are named, of those whose owners have to post them anew."""


class NotRestored(Exception):
    """Something stands against it; the message says what."""


@dataclass(slots=True)
class Outcome:
    """How many items were put back or would be, were there already, and stayed out for which reason."""

    back: int = 0
    there: int = 0
    left: Counter[Left] = field(default_factory=Counter)
    unsubmitted: list[str] = field(default_factory=list)


class Restore:
    """Puts items back from one table into one of a deployment's."""

    def __init__(self, client: "DynamoDBClient", source: str, target: str, rules: Rules, *, apply: bool) -> None:
        self._client = client
        self._source = source
        self._target = target
        self._rules = rules
        self._apply = apply
        self._key = key_names(client, source)
        if self._key != key_names(client, target):
            raise NotRestored(f"{source} has other keys than {target}: is it a copy of the other table?")

    def run(self) -> Outcome:
        """Put back everything that may be: tasks first, then what is kept beside them."""
        outcome = Outcome()
        self._put_all((item for item in self._items() if not is_beside(item)), outcome)
        if "task_id" in self._key:
            self._put_all((item for item in self._items() if is_beside(item)), outcome)
        return outcome

    def _items(self) -> Iterator[Item]:
        for page in self._client.get_paginator("scan").paginate(TableName=self._source):
            yield from page["Items"]

    def _put_all(self, items: Iterator[Item], outcome: Outcome) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            while part := list(islice(items, PART)):
                wanted = [item for item in part if self._wanted(item, outcome)]
                put = list(pool.map(self._put if self._apply else self._is_missing, wanted))
                outcome.back += sum(put)
                outcome.there += len(put) - sum(put)

    def _wanted(self, item: Item, outcome: Outcome) -> bool:
        reason = self._rules.of_task(item) if "task_id" in self._key else self._rules.of_account(item)
        if reason is Left.UNSUBMITTED:
            outcome.unsubmitted.append(item["task_id"]["S"])
        if reason:
            outcome.left[reason] += 1
        return reason is None

    def _put(self, item: Item) -> bool:
        """Put an item back unless one is there; one beside a task only where the task is."""
        new: Any = {
            "TableName": self._target,
            "Item": dict(item),
            "ConditionExpression": f"attribute_not_exists({self._key[0]})",
        }
        try:
            if is_beside(item):
                guard = only_while_recorded(self._target, item["task_id"]["S"].partition("#")[2])
                both: Any = [{"Put": new}, guard]
                self._client.transact_write_items(TransactItems=both)
            else:
                self._client.put_item(**new)
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def _is_missing(self, item: Item) -> bool:
        key: Any = {name: item[name] for name in self._key}
        return "Item" not in self._client.get_item(TableName=self._target, Key=key, ProjectionExpression=self._key[0])


def key_names(client: "DynamoDBClient", table: str) -> list[str]:
    """The names of a table's keys. Raises `NotRestored` where there is no such table, or it is not ready."""
    try:
        found = client.describe_table(TableName=table)["Table"]
    except client.exceptions.ResourceNotFoundException as error:
        raise NotRestored(f"there is no table {table} in this account and region") from error
    if found.get("TableStatus") != "ACTIVE":
        raise NotRestored(f"{table} is {found.get('TableStatus')}: wait until it is ACTIVE")
    return [each["AttributeName"] for each in found["KeySchema"]]


def erased_owners(client: "DynamoDBClient", accounts: str) -> set[str]:
    """The digests of owners who were erased, or are being erased, by the receipts of today."""
    values: Any = {":pk": {"S": "erasures"}}
    found = every_item(client, TableName=accounts, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values)
    return {item["sk"]["S"] for item in found}


def restore(session: boto3.Session, stack: str, source: str, *, apply: bool, open_too: bool) -> tuple[str, Outcome]:
    """Put back into the stack's table of the same kind; its name and what came of it. Raises `NotRestored`."""
    client = session.client("dynamodb")
    outputs = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    tables = {each["OutputKey"]: each["OutputValue"] for each in outputs}
    target = tables["TasksTable" if "task_id" in key_names(client, source) else "AccountsTable"]
    if source == target:
        raise NotRestored(f"{source} is the deployment's own table: give the one that was restored beside it")
    rules = Rules(int(time.time() * 1000), erased_owners(client, tables["AccountsTable"]), open_too)
    return target, Restore(client, source, target, rules, apply=apply).run()


def told(source: str, target: str, outcome: Outcome, *, apply: bool) -> Iterator[str]:
    """What came of it, line by line."""
    yield f"{outcome.back:>8}  {'put back into' if apply else 'missing in'} {target}, and in {source}"
    yield f"{outcome.there:>8}  there already: left as they are (beside a task that is not there: left out)"
    for reason, count in outcome.left.items():
        yield f"{count:>8}  left out: {reason}"
    for task_id in outcome.unsubmitted[:SHOWN]:
        yield f"          {task_id}"
    if not apply and outcome.back:
        yield "Nothing was changed: add APPLY=yes to put them back."


def main() -> int:
    """Restore, as the command line says. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="make restore", description=__doc__)
    parser.add_argument("source", metavar="FROM", help="the table that point-in-time recovery made")
    parser.add_argument("--stack", default=os.environ.get("DARKROOM_STACK") or "darkroom")
    parser.add_argument("--apply", action="store_true", help="put back, and not only count")
    parser.add_argument("--open", action="store_true", help="open tasks that their providers know, too")
    given = parser.parse_args()
    try:
        target, outcome = restore(boto3.Session(), given.stack, given.source, apply=given.apply, open_too=given.open)
    except (NotRestored, ClientError, BotoCoreError, KeyError) as problem:
        print(f"Not restored: {problem}", file=sys.stderr)
        return 1
    for line in told(given.source, target, outcome, apply=given.apply):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
