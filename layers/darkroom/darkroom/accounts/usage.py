"""The monthly usage of an owner: counters that move in the very transaction that ends a task.

They are spread over several items, because transactions on one and the same make each other wait.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from darkroom.tasks.task import ImageState, Task

SHARDS = 16


def usage_query(table: str, owner: str, month: str) -> dict[str, Any]:
    """The DynamoDB `Query` for one owner's counters in a month such as `2026-11`: several items, to be added up."""
    return {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :month)",
        "ExpressionAttributeValues": {":pk": {"S": f"owner#{owner}"}, ":month": {"S": f"usage#{month}"}},
    }


def usage_update(table: str, task: Task) -> dict[str, Any]:
    """The DynamoDB `Update` that adds an ended task to its owner's month (the month in which it ended, UTC).

    Counters are flat attributes, `<model>|<provider>|<what>`, because ADD creates only top-level ones.
    """
    assert task.completed_at is not None  # only ended tasks are counted
    month = datetime.fromtimestamp(task.completed_at / 1000, UTC).strftime("%Y-%m")
    stored = sum(image.state is ImageState.STORED for image in task.images)
    counted = {task.status.value: 1, "images": stored, "credits": task.usage.charged}
    return _added(table, task, month, counted | _cost(task))


def late_usage_update(table: str, task: Task) -> dict[str, Any]:
    """The same for what a cancelled task turned out to cost: credits alone, in the month in which that was known."""
    assert task.usage.settled_at is not None  # only what is settled is counted
    month = datetime.fromtimestamp(task.usage.settled_at / 1000, UTC).strftime("%Y-%m")
    return _added(table, task, month, {"credits": task.usage.charged} | _cost(task))


def _cost(task: Task) -> dict[str, Any]:
    """What the provider took from us: nothing is counted where that is not known."""
    return {"cost": task.usage.upstream_cost} if task.usage.upstream_cost else {}


def _added(table: str, task: Task, month: str, counted: Mapping[str, Any]) -> dict[str, Any]:
    names = {f"#{place}": f"{task.request.model}|{task.provider}|{what}" for place, what in enumerate(counted)}
    values = {f":{place}": {"N": str(amount)} for place, amount in enumerate(counted.values())}
    return {
        "TableName": table,
        "Key": {"pk": {"S": f"owner#{task.owner}"}, "sk": {"S": f"usage#{month}#{_shard(task.task_id)}"}},
        "UpdateExpression": "ADD " + ", ".join(f"#{place} :{place}" for place in range(len(counted))),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _shard(task_id: str) -> int:
    return crc32(task_id.encode()) % SHARDS
