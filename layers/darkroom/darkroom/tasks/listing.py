"""Listing an owner's tasks, newest first, page by page.

The index has only what a list is narrowed to: a change of a task that leaves those alone writes nothing to it. The
tasks of a page are then read by their ids.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from darkroom.batched import batched
from darkroom.tasks.ids import well_formed
from darkroom.tasks.task import Task

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 100
"""Tasks that one BatchGetItem reads (AWS: DynamoDB quotas)."""
LATEST = 10**15
"""Later than any task (Unix milliseconds)."""
MAX_READS = 10
"""Pages of the index that one call reads: a filter that matches little then gives a short page and a cursor."""


class BadCursor(ValueError):
    """The cursor was not given out for this list."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to. Times are Unix milliseconds, both ends belonging to it."""

    equal: Mapping[str, str] = field(default_factory=dict)
    """Attributes and the values that they must have: status, model, provider."""
    created_after: int | None = None
    created_before: int | None = None

    def fit(self, task: Task) -> bool:
        """Whether a task, as it stands now, has the values."""
        has = {"status": task.status.value, "model": task.request.model, "provider": task.provider}
        return all(has[name] == value for name, value in self.equal.items())


@dataclass(frozen=True, slots=True)
class Page:
    """Some tasks, and the cursor of what follows them, if anything may."""

    tasks: tuple[Task, ...]
    next_cursor: str | None


class TaskList:
    """Reads the index of tasks by owner."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        get_many: Callable[[Iterable[str]], Mapping[str, Task]],
        *,
        oldest: Callable[[], int] = lambda: 0,
    ) -> None:
        """`get_many` leaves out what is over; `oldest` is the moment (Unix milliseconds) before which all of it is."""
        self._client = client
        self._table = table
        self._get_many = get_many
        self._oldest = oldest

    def page(self, owner: str, filters: Filters, *, limit: int, cursor: str | None = None) -> Page:
        """Up to `limit` of an owner's tasks. Raises `BadCursor`."""
        start = _start(owner, cursor) if cursor else None
        after = max(filters.created_after or 0, self._oldest())
        before = filters.created_before if filters.created_before is not None else LATEST
        if start and int(start["created_at"]["N"]) > before:
            start = None  # everything that is wanted follows the cursor, and DynamoDB refuses one outside the range
        if after > (min(before, int(start["created_at"]["N"])) if start else before):
            return Page((), None)  # DynamoDB takes no range that ends before it begins
        filters = replace(filters, created_after=after, created_before=before)
        found: list[dict[str, Any]] = []
        for _ in range(MAX_READS):
            # One more than is wanted tells whether anything follows.
            answer = self._client.query(**self._query(owner, filters, limit + 1 - len(found), start))
            found.extend(answer["Items"])
            start = answer.get("LastEvaluatedKey")
            if start is None or len(found) > limit:
                break
        tasks = self._read([item["task_id"]["S"] for item in found[:limit]], filters)
        if len(found) > limit:
            return Page(tasks, _cursor(found[limit - 1]))
        return Page(tasks, _cursor(start) if start else None)

    def _read(self, task_ids: list[str], filters: Filters) -> tuple[Task, ...]:
        """The tasks themselves, but for those that went away or moved on since the index was written."""
        tasks: dict[str, Task] = {}
        for part in batched(task_ids, BATCH):
            tasks |= self._get_many(part)
        return tuple(tasks[task_id] for task_id in task_ids if task_id in tasks and filters.fit(tasks[task_id]))

    def _query(self, owner: str, filters: Filters, limit: int, start: Any) -> Any:
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "by_owner",
            "KeyConditionExpression": "#owner = :owner AND #created BETWEEN :after AND :before",
            "ExpressionAttributeNames": {"#owner": "owner", "#created": "created_at"},
            "ExpressionAttributeValues": {
                ":owner": {"S": owner},
                ":after": {"N": str(filters.created_after)},
                ":before": {"N": str(filters.created_before)},
            },
            "ScanIndexForward": False,
            # With a filter the limit counts what is read, not what is found: read more at once then.
            "Limit": 100 if filters.equal else limit,
        }
        if filters.equal:
            query["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in filters.equal)
            query["ExpressionAttributeNames"] |= {f"#{name}": name for name in filters.equal}
            query["ExpressionAttributeValues"] |= {f":{name}": {"S": value} for name, value in filters.equal.items()}
        if start:
            query["ExclusiveStartKey"] = start
        return query


def _cursor(item: Mapping[str, Any]) -> str:
    """Where to go on: after this item. The owner is not in it; it is always the caller's."""
    place = json.dumps([item["task_id"]["S"], int(item["created_at"]["N"])])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _start(owner: str, cursor: str) -> dict[str, Any]:
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        task_id, created_at = place
        readable = isinstance(task_id, str) and well_formed(task_id) and type(created_at) is int
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise BadCursor(cursor) from error
    if not readable or not 0 <= created_at < LATEST:
        raise BadCursor(cursor)
    return {"owner": {"S": owner}, "created_at": {"N": str(created_at)}, "task_id": {"S": task_id}}
