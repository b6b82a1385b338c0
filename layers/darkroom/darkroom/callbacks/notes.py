"""What became of the callbacks of a task that changed nothing: a short list beside the record.

Those that did change something are lines of the task's own history.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.conditions import raise_unless_condition_failed
from darkroom.tasks.keys import notes_key, only_while_recorded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_NOTES = 50


@dataclass(frozen=True, slots=True)
class CallbackNote:
    """A callback that came at `at` (Unix milliseconds), and the verdict on it."""

    at: int
    provider: str
    verdict: str


class CallbackNotes:
    """Reads and writes notes, in the tasks table under `callbacks#<task id>`."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def add(self, task_id: str, note: CallbackNote, expires_at: int) -> None:
        """Note one callback of a recorded task, unless there are very many already. `expires_at` is in Unix seconds."""
        line = {"M": {"at": {"N": str(note.at)}, "provider": {"S": note.provider}, "verdict": {"S": note.verdict}}}
        values: Any = {
            ":line": {"L": [line]},
            ":expires_at": {"N": str(expires_at)},
            ":now": {"N": str(self._clock() // 1000)},
        }
        appended = self._update(
            task_id,
            "SET notes = list_append(if_not_exists(notes, :none), :line), expires_at = :expires_at",
            "attribute_not_exists(notes) OR (size(notes) < :most AND expires_at > :now)",
            values | {":none": {"L": []}, ":most": {"N": str(MOST_NOTES)}},
        )
        if not appended:
            self._update(task_id, "SET notes = :line, expires_at = :expires_at", "expires_at <= :now", values)

    def room(self, task_id: str) -> bool:
        """Whether not very many callbacks of a task have changed nothing yet."""
        return len(self.of_task(task_id)) < MOST_NOTES

    def of_task(self, task_id: str) -> list[CallbackNote]:
        """The notes of a task, in the order in which they were taken; none whose time is over."""
        found = self._client.get_item(TableName=self._table, Key=notes_key(task_id), ConsistentRead=True).get("Item")
        if found is None or int(found["expires_at"]["N"]) * 1000 <= self._clock():
            return []
        notes: Any = found.get("notes", {}).get("L", [])
        return [
            CallbackNote(int(note["M"]["at"]["N"]), note["M"]["provider"]["S"], note["M"]["verdict"]["S"])
            for note in notes
        ]

    def _update(self, task_id: str, expression: str, condition: str, values: Any) -> bool:
        update: Any = {
            "TableName": self._table,
            "Key": notes_key(task_id),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        parts: Any = [{"Update": update}, only_while_recorded(self._table, task_id)]
        try:
            self._client.transact_write_items(TransactItems=parts)
        except ClientError as error:
            raise_unless_condition_failed(error)
            return False
        return True
