"""What AWS takes in one call. Every call of every integration test is held to it, where moto would take more.

DynamoDB API Reference (BatchGetItem 100, BatchWriteItem 25, TransactWriteItems 100 different items, an item 400 KB); SQS
API Reference (SendMessageBatch 10 entries and 1 MiB in all, DelaySeconds 900); EventBridge quotas (PutEvents 10 entries,
256 KB an entry); S3 API Reference (DeleteObjects 1000 keys); Scheduler API Reference (a schedule's name 64 characters).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

ITEM_BYTES = 400 * 1024
MESSAGE_BYTES = 1024 * 1024
EVENT_BYTES = 256 * 1024
Parameters = Mapping[str, Any]


class TooMuch(AssertionError):
    """A call that AWS would refuse."""


def _at_most(most: int, number: int, what: str) -> None:
    if number > most:
        raise TooMuch(f"{what}: {number} of at most {most}")


def _item(item: Parameters) -> None:
    _at_most(ITEM_BYTES, sum(len(name.encode()) + _bytes(value) for name, value in item.items()), "bytes of an item")


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))


def _batch_get(call: Parameters) -> None:
    _at_most(100, sum(len(table["Keys"]) for table in call["RequestItems"].values()), "keys of BatchGetItem")


def _batch_write(call: Parameters) -> None:
    _at_most(25, sum(len(writes) for writes in call["RequestItems"].values()), "writes of BatchWriteItem")


def _transaction(call: Parameters) -> None:
    actions = [next(iter(each.values())) for each in call["TransactItems"]]
    _at_most(100, len(actions), "actions of TransactWriteItems")
    for action in actions:
        _item(action.get("Item", {}))


def _message(call: Parameters) -> None:
    _at_most(900, call.get("DelaySeconds", 0), "DelaySeconds")
    _at_most(MESSAGE_BYTES, len(call["MessageBody"].encode()), "bytes of a message")


def _messages(call: Parameters) -> None:
    _at_most(10, len(call["Entries"]), "entries of SendMessageBatch")
    _at_most(MESSAGE_BYTES, sum(len(entry["MessageBody"].encode()) for entry in call["Entries"]), "bytes of a batch")
    for entry in call["Entries"]:
        _message(entry)


def _events(call: Parameters) -> None:
    _at_most(10, len(call["Entries"]), "entries of PutEvents")
    for entry in call["Entries"]:
        size = sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))
        _at_most(
            EVENT_BYTES, size + sum(len(each.encode()) for each in entry.get("Resources", [])), "bytes of an event"
        )


CHECKS: Mapping[str, Callable[[Parameters], None]] = {
    "BatchGetItem": _batch_get,
    "BatchWriteItem": _batch_write,
    "TransactWriteItems": _transaction,
    "PutItem": lambda call: _item(call["Item"]),
    "SendMessage": _message,
    "SendMessageBatch": _messages,
    "PutEvents": _events,
    "DeleteObjects": lambda call: _at_most(1000, len(call["Delete"]["Objects"]), "keys of DeleteObjects"),
    "CreateSchedule": lambda call: _at_most(64, len(call["Name"]), "characters of a schedule's name"),
}


@contextmanager
def held_to_limits() -> Iterator[None]:
    """Every call of every client is looked at before it is made."""
    original = vars(BaseClient)["_make_api_call"]

    def checked(self: BaseClient, operation: str, call: Any) -> Any:
        if check := CHECKS.get(operation):
            check(call)
        return original(self, operation, call)

    with patch.object(BaseClient, "_make_api_call", checked):
        yield
