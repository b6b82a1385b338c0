"""The monthly usage of an owner: counters that move in the very transaction that ends a task."""

from datetime import UTC, datetime
from typing import Any

from darkroom.domain.task import ImageState, Task


def usage_key(owner: str, month: str) -> dict[str, Any]:
    """The key of one owner's counters for a month such as `2026-11`."""
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": f"usage#{month}"}}


def usage_update(table: str, task: Task) -> dict[str, Any]:
    """The DynamoDB `Update` that adds an ended task to its owner's month (the month in which it ended, UTC).

    Counters are flat attributes, `<model>|<provider>|<what>`, because ADD creates only top-level ones.
    """
    assert task.completed_at is not None  # only ended tasks are counted
    month = datetime.fromtimestamp(task.completed_at / 1000, UTC).strftime("%Y-%m")
    stored = sum(image.state is ImageState.STORED for image in task.images)
    counted = {task.status.value: 1, "images": stored, "credits": task.usage.charged}
    names = {f"#{place}": f"{task.request.model}|{task.provider}|{what}" for place, what in enumerate(counted)}
    values = {f":{place}": {"N": str(amount)} for place, amount in enumerate(counted.values())}
    return {
        "TableName": table,
        "Key": usage_key(task.owner, month),
        "UpdateExpression": "ADD " + ", ".join(f"#{place} :{place}" for place in range(len(counted))),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
