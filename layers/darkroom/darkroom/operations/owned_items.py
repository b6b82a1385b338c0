"""Everything that names an owner in the two tables: found, closed and removed.

| table | items |
|---|---|
| tasks | by the index `by_owner`; beside each task `webhook#…`, `callbacks#…`, and `answer#…` of a synchronous call |
| accounts | `owner#<owner>` (key pointers, account, usage, webhook secret), `ledger#<owner>`, the line in `owners` |
| accounts, by key | `key#<digest>`, `keyid#<key id>`, `limits#<key id>` |
"""

import random
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.accounts.keys import key_id_of
from darkroom.aws.conditions import raise_unless_condition_failed
from darkroom.aws.queries import every_item
from darkroom.batched import batched
from darkroom.submission.in_flight_calls import answer_key, item_key
from darkroom.tasks.keys import keys_beside, record_key
from darkroom.tasks.task import Task

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TASKS_TOGETHER = 25
"""Tasks that one transaction removes with all that is beside them: a hundred items (AWS: TransactWriteItems)."""
ITEMS_TOGETHER = 25
"""Items that one BatchWriteItem takes."""
TRIES = 8


class NotRemoved(Exception):
    """DynamoDB did not take deletions, however often it was asked; whoever goes on later finds the items again."""


class OwnedItems:
    """Finds and removes items. Raises botocore's `ClientError` where DynamoDB does."""

    def __init__(self, client: "DynamoDBClient", tasks_table: str, accounts_table: str) -> None:
        self._client = client
        self._tasks_table = tasks_table
        self._accounts_table = accounts_table

    # Keys

    def known_keys(self, owner: str) -> list[str]:
        """The digests of the keys that were made by us, and so have a pointer at their owner."""
        return [item["digest"]["S"] for item in self._partition(f"owner#{owner}") if "digest" in item]

    def search_keys(self, owner: str, position: Any) -> tuple[list[str], Any]:
        """The digests of an owner's keys in the next part of the whole table, and where to go on (None: nowhere).

        A key that was put there by hand has no pointer.
        """
        scan: Any = {
            "TableName": self._accounts_table,
            "FilterExpression": "begins_with(pk, :key) AND #owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":key": {"S": "key#"}, ":owner": {"S": owner}},
            "ConsistentRead": True,
        }
        page = self._client.scan(**(scan | ({"ExclusiveStartKey": position} if position else {})))
        return [item["pk"]["S"].removeprefix("key#") for item in page["Items"]], page.get("LastEvaluatedKey")

    def disable_key(self, digest: str) -> bool:
        """Switch a key off. Whether it was on."""
        return self._set(_key_at(digest), "disabled")

    def close(self, owner: str) -> None:
        """Let no event speak for the owner any more (`KeyBook.knows`)."""
        self._set({"pk": {"S": "owners"}, "sk": {"S": owner}}, "closed")

    def _set(self, key: Any, name: str) -> bool:
        try:
            self._client.update_item(
                TableName=self._accounts_table,
                Key=key,
                UpdateExpression="SET #name = :yes",
                ConditionExpression="attribute_exists(pk) AND (attribute_not_exists(#name) OR #name = :no)",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={":yes": {"BOOL": True}, ":no": {"BOOL": False}},
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            return False
        return True

    # Tasks

    def task_ids(self, owner: str) -> Iterator[list[str]]:
        """The ids of an owner's tasks, some at a time, oldest first. One that was just removed may still be told."""
        query: Any = {
            "TableName": self._tasks_table,
            "IndexName": "by_owner",
            "KeyConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":owner": {"S": owner}},
            "ProjectionExpression": "task_id",
            "Limit": TASKS_TOGETHER,
        }
        while True:
            page = self._client.query(**query)
            if found := [item["task_id"]["S"] for item in page["Items"]]:
                yield found
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def remove_tasks(self, tasks: Sequence[Task]) -> None:
        """Remove up to `TASKS_TOGETHER` tasks, each at once with what is beside it: nothing is left behind by it."""
        keys = [key for task in tasks for key in (record_key(task.task_id), *keys_beside(task.task_id))]
        answers = {answer_key(task.owner, task.entry.dialect, task.fingerprint) for task in tasks if task.entry}
        keys += [item_key(answer) for answer in sorted(answers)]
        deletes: Any = [{"Delete": {"TableName": self._tasks_table, "Key": key}} for key in keys]
        for lost in range(TRIES):
            try:
                self._client.transact_write_items(TransactItems=deletes)
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException" or lost == TRIES - 1:
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**lost))  # somebody is at one of them
            else:
                return

    # The rest

    def remove_ledger(self, owner: str) -> Iterator[int]:
        """Remove the ledger's lines, some at each step; the number that a step removed."""
        return self._remove_partition(f"ledger#{owner}")

    def remove_account(self, owner: str) -> Iterator[int]:
        """Remove account, usage, webhook secret and pointers at keys, some at each step; how many a step removed."""
        return self._remove_partition(f"owner#{owner}")

    def remove_keys(self, digests: Sequence[str]) -> Iterator[int]:
        """Remove keys with their counters, some at each step; the number of keys that a step removed."""
        for part in batched(digests, ITEMS_TOGETHER // 4):
            ids = [key_id_of(digest) for digest in part]
            keys = [_key_at(digest) for digest in part]
            keys += [{"pk": {"S": f"keyid#{key_id}"}, "sk": {"S": "key"}} for key_id in ids]
            counters = [(key_id, what) for key_id in ids for what in ("rate", "open")]
            keys += [{"pk": {"S": f"limits#{key_id}"}, "sk": {"S": what}} for key_id, what in counters]
            self._remove(keys)
            yield len(part)

    def remove_name(self, owner: str) -> None:
        """Take the owner out of the list of owners, and out of where a sweep over the bucket stands."""
        self._remove([{"pk": {"S": "owners"}, "sk": {"S": owner}}])
        under = f"tasks/{owner}/"
        for item in self._partition("sweeps"):
            position: Any = item.get("position", {"S": ""})
            if position["S"].startswith(under):
                self._begin_sweep_anew(item["sk"]["S"], position)

    def is_known(self, owner: str) -> bool:
        """Whether anything of the owner is found: a task, or an item of its own."""
        if any(self.task_ids(owner)) or any(self._partition(f"owner#{owner}")):
            return True
        line: Any = {"pk": {"S": "owners"}, "sk": {"S": owner}}
        return "Item" in self._client.get_item(TableName=self._accounts_table, Key=line, ConsistentRead=True)

    def _begin_sweep_anew(self, name: str, position: Any) -> None:
        try:
            self._client.update_item(
                TableName=self._accounts_table,
                Key={"pk": {"S": "sweeps"}, "sk": {"S": name}},
                UpdateExpression="SET #position = :beginning",
                ConditionExpression="#position = :seen",
                ExpressionAttributeNames={"#position": "position"},
                ExpressionAttributeValues={":beginning": {"S": ""}, ":seen": position},
            )
        except ClientError as error:
            raise_unless_condition_failed(error)  # it went on by itself

    def _partition(self, name: str) -> Iterator[dict[str, Any]]:
        values: Any = {":pk": {"S": name}}
        return every_item(
            self._client,
            TableName=self._accounts_table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )

    def _remove_partition(self, name: str) -> Iterator[int]:
        part: list[Any] = []
        for item in self._partition(name):
            part.append({"pk": item["pk"], "sk": item["sk"]})
            if len(part) == ITEMS_TOGETHER:
                self._remove(part)
                yield len(part)
                part = []
        if part:
            self._remove(part)
            yield len(part)

    def _remove(self, keys: Sequence[Any]) -> None:
        left: Any = [{"DeleteRequest": {"Key": key}} for key in keys]
        for lost in range(TRIES):
            answer = self._client.batch_write_item(RequestItems={self._accounts_table: left})
            left = answer.get("UnprocessedItems", {}).get(self._accounts_table, [])
            if not left:
                return
            time.sleep(random.uniform(0, 0.05 * 2**lost))
        raise NotRemoved(f"{len(left)} items of the accounts table were not deleted")


def _key_at(digest: str) -> Any:
    return {"pk": {"S": f"key#{digest}"}, "sk": {"S": "key"}}
