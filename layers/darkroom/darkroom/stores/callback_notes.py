"""What became of the callbacks of a task that changed nothing: a short list beside the record.

Those that did change something are lines of the task's own history.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.stores.conditions import raise_unless_condition_failed

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

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def add(self, task_id: str, note: CallbackNote, expires_at: int) -> None:
        """Note one callback, unless there are very many already. `expires_at` is in Unix seconds."""
        line = {"M": {"at": {"N": str(note.at)}, "provider": {"S": note.provider}, "verdict": {"S": note.verdict}}}
        values: Any = {
            ":line": {"L": [line]},
            ":none": {"L": []},
            ":most": {"N": str(MOST_NOTES)},
            ":expires_at": {"N": str(expires_at)},
        }
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(task_id),
                UpdateExpression=(
                    "SET notes = list_append(if_not_exists(notes, :none), :line), expires_at = :expires_at"
                ),
                ConditionExpression="attribute_not_exists(notes) OR size(notes) < :most",
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            raise_unless_condition_failed(error)

    def of_task(self, task_id: str) -> list[CallbackNote]:
        """The notes of a task, in the order in which they were taken."""
        found = self._client.get_item(TableName=self._table, Key=_key(task_id), ConsistentRead=True).get("Item", {})
        notes: Any = found.get("notes", {}).get("L", [])
        return [
            CallbackNote(int(note["M"]["at"]["N"]), note["M"]["provider"]["S"], note["M"]["verdict"]["S"])
            for note in notes
        ]

    def delete(self, task_id: str) -> None:
        """Remove the notes of a task that is removed."""
        self._client.delete_item(TableName=self._table, Key=_key(task_id))


def _key(task_id: str) -> dict[str, Any]:
    return {"task_id": {"S": f"callbacks#{task_id}"}}
