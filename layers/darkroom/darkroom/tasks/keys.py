"""Where the items of one task lie in the tasks table: its record, and what is kept beside it."""

from typing import Any

Key = dict[str, Any]


def record_key(task_id: str) -> Key:
    """Where its record is."""
    return {"task_id": {"S": task_id}}


def webhook_key(task_id: str) -> Key:
    """Where the log of its webhook is."""
    return {"task_id": {"S": f"webhook#{task_id}"}}


def notes_key(task_id: str) -> Key:
    """Where the notes of its callbacks are."""
    return {"task_id": {"S": f"callbacks#{task_id}"}}


def keys_beside(task_id: str) -> list[Key]:
    """Where everything is that is kept beside its record."""
    return [webhook_key(task_id), notes_key(task_id)]


def only_while_recorded(table: str, task_id: str) -> dict[str, Any]:
    """The part of a transaction that lets something be written beside a record only while the record is there.

    Without it a function that read the task before its deletion would leave an item behind that nobody finds again.
    """
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": record_key(task_id),
            "ConditionExpression": "attribute_exists(task_id)",
        }
    }
