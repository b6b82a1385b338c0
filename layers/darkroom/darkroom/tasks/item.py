"""A task as the item of the tasks table that it is kept in.

The item carries the whole task as one JSON document, so that numbers and the owner's own `extra` come back exactly as
they went in, beside the few attributes that are keys, filters or the time to live.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zlib import crc32

from darkroom.tasks.record import from_record, to_record
from darkroom.tasks.task import Task
from darkroom.tasks.unread import Unread

Item = dict[str, Any]
OPEN_SHARDS = 8
_ATTRIBUTES = frozenset(
    {"task_id", "owner", "created_at", "status", "model", "provider", "version", "expires_at", "open_in", "document"}
)
MAX_NEW = 150_000
"""Bytes that a new task's item may have. The rest of an item's 400 KB (AWS: DynamoDB quotas) is for what its life adds:
15 links of 8 KB and what became of them (145 KB), attempts with their errors (60 KB), history (48 KB)."""
_ITEM = ("attributes of the item",)
"""Where a task keeps the attributes of its item that are not known here."""


def write_item(task: Task) -> Item:
    """The DynamoDB item of a task: in the index `by_open` until its end has been announced."""
    open_in = {} if task.announced else {"open_in": {"S": open_shard(task.task_id)}}
    document = to_record(task)
    return {
        **(task.unread[_ITEM].fields if _ITEM in task.unread else {}),
        **open_in,
        "task_id": {"S": task.task_id},
        "owner": {"S": task.owner},
        "created_at": {"N": str(task.created_at)},
        "status": {"S": document["status"]},
        "model": {"S": task.request.model},
        "provider": {"S": task.provider},
        "version": {"N": str(task.version)},
        "expires_at": {"N": str(task.expires_at)},
        "document": {"S": json.dumps(document, ensure_ascii=False, separators=(",", ":"))},
    }


def item_bytes(item: Item) -> int:
    """The size of an item as DynamoDB counts it: names and values in UTF-8 (Developer Guide, item sizes)."""
    return sum(
        len(name) + len(text.encode("utf-8", "replace")) for name, value in item.items() for text in value.values()
    )


def open_shard(task_id: str) -> str:
    """Which part of the index `by_open` a task is in: spread, so that no part of it runs hot."""
    return str(crc32(task_id.encode()) % OPEN_SHARDS)


def read_item(item: Mapping[str, Any]) -> Task:
    """The task of a DynamoDB item (from the table, its index or its stream)."""
    task = from_record(json.loads(item["document"]["S"]))
    if task.status.terminal and "open_in" not in item:
        task = replace(task, announced=True)
    strange = item.keys() - _ATTRIBUTES
    if not strange:
        return task
    return replace(task, unread={**task.unread, _ITEM: Unread({name: item[name] for name in strange})})
