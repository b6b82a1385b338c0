"""What still waits though its time is over: open tasks, attempts and webhooks that nothing will bring to an end."""

from typing import Any

from darkroom.operations.reconciliation import SWEEP
from darkroom.submission.polling_schedule import SENDING_GRACE, SYNCHRONOUS_GRACE
from darkroom.tasks.item import read_item
from darkroom.tasks.schedule import COPYING_LIMIT
from darkroom.tasks.task import AttemptState, Task
from darkroom.webhooks.delivery import LEASE
from darkroom.webhooks.delivery_log import DeliveryLog, DeliveryState, read_delivery
from darkroom.webhooks.retry_schedule import ANNOUNCEMENT_GRACE

MESSAGE_LATE = 120
"""Seconds by which a message may be late: it is hidden while its function runs, and comes again when that dies."""


def overdue_tasks(dynamodb: Any, table: str, *, now: int, scale: float) -> list[str]:
    """What is wrong with tasks that something is still to be done about, a line each.

    `now` is in Unix milliseconds; `scale` divides our own waits. Goes by the index of open tasks alone.
    """
    found: list[str] = []
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, IndexName="by_open"):
        for entry in page["Items"]:
            key = {"task_id": entry["task_id"]}
            item = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
            if item is not None:
                found += _wrong_with_task(read_item(item), now, scale)
    return found


def overdue_webhooks(dynamodb: Any, table: str, *, now: int, scale: float) -> list[str]:
    """What is wrong with webhooks that are still to be delivered, a line each. Goes by the whole table."""
    names: Any = {"FilterExpression": "attribute_exists(#log)", "ExpressionAttributeNames": {"#log": "log"}}
    found: list[str] = []
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, **names):
        for item in page["Items"]:
            found += _wrong_with_webhook(read_delivery(item), now, scale)
    return found


def _wrong_with_task(task: Task, now: int, scale: float) -> list[str]:
    late = (SWEEP + MESSAGE_LATE) * 1000 / scale
    if task.status.terminal:
        told_by = (task.completed_at or task.created_at) + 1000 * ANNOUNCEMENT_GRACE / scale + late
        return [] if task.announced or now < told_by else [f"{task.task_id} has ended, and nobody was told"]
    ends_by = task.deadline_at + (1000 * COPYING_LIMIT / scale if task.images else 0) + late
    wrong = [] if now < ends_by else [f"{task.task_id} is {task.status.value} past its deadline"]
    attempt = task.attempt
    if attempt and attempt.state is AttemptState.SENDING:
        grace = SYNCHRONOUS_GRACE if task.offer.synchronous else SENDING_GRACE
        if now > attempt.begun_at + 1000 * grace + late:
            wrong.append(f"{task.task_id} is still being sent to {attempt.provider}")
    return wrong


def _wrong_with_webhook(log: DeliveryLog, now: int, scale: float) -> list[str]:
    if log.state is not DeliveryState.PENDING or not log.attempts or now > log.expires_at * 1000:
        return []
    last = log.attempts[-1]
    due_at = last.at + LEASE if not last.done else last.next_at or last.at
    if now < due_at + (MESSAGE_LATE + SWEEP / scale) * 1000:
        return []
    return [f"the webhook of {log.task_id} is pending, and nothing is due after attempt {last.number}"]
