"""The tasks table: one item a task, and every change one conditional write."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.contention import Tries, condition_failed, lost_race, reasons, throttled
from darkroom.tasks.accounting import Accounting, Part
from darkroom.tasks.history import with_history
from darkroom.tasks.item import Item, read_item, write_item
from darkroom.tasks.keys import keys_beside, record_key
from darkroom.tasks.retention import is_gone
from darkroom.tasks.task import Task

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class TaskExists(Exception):
    """A task with this id is recorded already; `task` is what was found."""

    def __init__(self, task: Task) -> None:
        super().__init__(task.task_id)
        self.task = task


class NoSuchTask(Exception):
    """No task with this id is recorded (any more)."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What one change did. `before is after` where it did nothing."""

    before: Task
    after: Task

    @property
    def happened(self) -> bool:
        """Whether anything was written."""
        return self.before is not self.after


class TaskStore:
    """Reads and conditional writes of tasks. Raises botocore's `ClientError` where DynamoDB does.

    A task whose time is over is not there, whenever DynamoDB gets to deleting it: `retention_days` is how long the
    bucket keeps pictures today.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        accounting: Accounting,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        retention_days: int | None = None,
    ) -> None:
        self._client = client
        self._table = table
        self._accounting = accounting
        self._clock = clock
        self._retention_days = retention_days

    def get(self, task_id: str) -> Task | None:
        """The task as it stands now (a consistent read), or None."""
        found = self._client.get_item(TableName=self._table, Key=record_key(task_id), ConsistentRead=True)
        task = read_item(found["Item"]) if "Item" in found else None
        return None if task is None or self._is_gone(task) else task

    def get_many(self, task_ids: Iterable[str], *, consistent: bool = True, gone_too: bool = False) -> dict[str, Task]:
        """Up to 100 tasks by id; those that are not there are left out, or with `gone_too` only those without a record.

        Without `consistent` it costs half.
        """
        wanted: list[Any] = [record_key(task_id) for task_id in dict.fromkeys(task_ids)]
        tasks: dict[str, Task] = {}
        pause = 0.05
        while wanted:
            answer = self._client.batch_get_item(
                RequestItems={self._table: {"Keys": wanted, "ConsistentRead": consistent}}
            )
            for item in answer["Responses"].get(self._table, []):
                task = read_item(item)
                if gone_too or not self._is_gone(task):
                    tasks[task.task_id] = task
            left: Any = answer.get("UnprocessedKeys", {}).get(self._table, {})
            wanted = left.get("Keys", [])
            if wanted:
                time.sleep(random.uniform(0, pause))
                pause = min(2 * pause, 1.0)
        return tasks

    def create(self, task: Task, *, open_limit: int = 0) -> None:
        """Record a new task, and hold back what it may cost. `open_limit` is how many open tasks its key may have.

        An id is free again once the task that had it is over. Raises `TaskExists` where the id is taken, and what the
        accounting raises where the account or the key does not allow it.
        """
        try:
            self._create(task, open_limit)
        except TaskExists as taken:
            if not self._is_gone(taken.task):
                raise
            self._forget_beside(task.task_id)
            self._create(task, open_limit, over=taken.task)

    def _create(self, task: Task, open_limit: int, *, over: Task | None = None) -> None:
        """Record a task where none is, or over the one that is over."""
        put: Any = {
            "TableName": self._table,
            "Item": write_item(task),
            "ConditionExpression": "attribute_not_exists(task_id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if over:
            put["ConditionExpression"] += " OR (version = :version AND created_at = :created)"
            put["ExpressionAttributeValues"] = {
                ":version": {"N": str(over.version)},
                ":created": {"N": str(over.created_at)},
            }
        tries = Tries(task.task_id)
        while True:
            try:
                if beside := self._accounting.opening(task, open_limit=open_limit):
                    self._create_with_accounts(task, put, open_limit, beside)
                else:
                    self._client.put_item(**put)
                return
            except ClientError as error:
                found = _item_found(error)
                if found is not None and "task_id" in found:
                    raise TaskExists(read_item(found)) from error
                if condition_failed(error) or not throttled(error):
                    raise
                tries.throttled(error)

    def _forget_beside(self, task_id: str) -> None:
        """Put items that have expired in the place of what is kept beside a task that is over.

        (Whoever makes tasks may write items, and need not be allowed to delete any.)
        """
        past = {"expires_at": {"N": str(self._clock() // 1000 - 1)}}
        for key in keys_beside(task_id):
            self._client.put_item(TableName=self._table, Item={**key, **past})

    def _is_gone(self, task: Task) -> bool:
        return is_gone(task, self._clock(), self._retention_days)

    def _create_with_accounts(self, task: Task, put: Any, open_limit: int, beside: list[Part]) -> None:
        tries = Tries(f"the account of {task.task_id}")
        while True:
            parts: Any = [{"Put": put}, *beside]
            try:
                self._client.transact_write_items(TransactItems=parts)
                return
            except ClientError as error:
                found = reasons(error)
                if found and found[0].get("Code") == "ConditionalCheckFailed":
                    raise
                if not self._accounting.refuse(task, found[1:], open_limit=open_limit) and not lost_race(error):
                    raise
                tries.lost()
                beside = self._accounting.opening(task, open_limit=open_limit)

    def change(self, task: Task | str, transition: Callable[[Task], Task], *, cause: str = "") -> Changed:
        """Apply a pure transition to the recorded task, again on what others wrote meanwhile, until it holds.

        `task` is the id, or the task as last read (which saves a read); `cause` is for its history. Throttling is
        waited out for some seconds, like a lost race. Raises `NoSuchTask`, `Contention`.
        """
        current = self._load(task) if isinstance(task, str) else task
        tries = Tries(current.task_id)
        while True:
            changed = transition(current)
            if changed is current:
                return Changed(current, current)
            changed = with_history(current, changed, cause=cause, now=self._clock())
            changed = replace(changed, version=current.version + 1)
            try:
                self._replace(current, changed)
            except _Conflict as conflict:
                found = conflict.current or self._load(current.task_id)
                if found == changed:  # our own write, repeated by the SDK after a lost answer
                    return Changed(current, changed)
                current = found
                tries.lost()
            except ClientError as error:
                if not throttled(error):
                    raise
                tries.throttled(error)
            else:
                return Changed(current, changed)

    def mark_announced(self, task: Task) -> bool:
        """Take an ended task out of the index of what is still to be done, once the world was told of its end.

        Whether this call did it: not where it was done already, or where the task is gone. A task that was posted
        anew under the same id is another one, and is left alone.
        """
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"task_id": {"S": task.task_id}},
                UpdateExpression="REMOVE open_in",
                ConditionExpression="attribute_exists(open_in) AND created_at = :created AND #status = :status",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":created": {"N": str(task.created_at)},
                    ":status": {"S": task.status.value},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def delete(self, task: Task) -> bool:
        """Remove an ended task's record with all that is kept beside it, unless it changed since it was read.

        Whether it was there.
        """
        record: Any = {
            "TableName": self._table,
            "Key": record_key(task.task_id),
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": {":version": {"N": str(task.version)}},
        }
        beside: Any = [{"Delete": {"TableName": self._table, "Key": key}} for key in keys_beside(task.task_id)]
        try:
            self._client.transact_write_items(TransactItems=[{"Delete": record}, *beside])
        except ClientError as error:
            if not (condition_failed(error) or lost_race(error)):
                raise
            return False
        return True

    def _load(self, task_id: str) -> Task:
        task = self.get(task_id)
        if task is None:
            raise NoSuchTask(task_id)
        return task

    def _replace(self, before: Task, after: Task) -> None:
        put: Any = {
            "TableName": self._table,
            "Item": write_item(after),
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": {":version": {"N": str(before.version)}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if before.status.terminal:
            # The mark of the announcement leaves the version as it is, and must not be undone by what else is noted.
            there = "attribute_not_exists" if before.announced else "attribute_exists"
            put["ConditionExpression"] += f" AND {there}(open_in)"
        try:
            if before.withheld and not after.withheld:
                settled: Any = self._accounting.settling(before, after)
                self._client.transact_write_items(TransactItems=[{"Put": put}, *settled])
            elif after.status.terminal and not before.status.terminal:
                ended: Any = self._accounting.ending(after)
                self._client.transact_write_items(TransactItems=[{"Put": put}, *ended])
            else:
                self._client.put_item(**put)
        except ClientError as error:
            if not (condition_failed(error) or lost_race(error)):
                raise
            found = _item_found(error)
            raise _Conflict(read_item(found) if found else None) from error


class _Conflict(Exception):
    def __init__(self, current: Task | None) -> None:
        super().__init__()
        self.current = current


def _item_found(error: ClientError) -> Item | None:
    if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
        item: Item | None = error.response.get("Item")  # type: ignore[assignment]
        return item
    return next((reason["Item"] for reason in reasons(error) if reason.get("Item")), None)
