"""The index of open tasks: who has been open for how long."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from darkroom.stores.queries import every_item
from darkroom.stores.tasks import OPEN_SHARDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "by_open"


class OpenTasks:
    """Reads the index. An ended task is not in it."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def older_than(self, moment: int, *, limit: int) -> Iterator[str]:
        """The ids of up to `limit` open tasks that were posted before `moment` (Unix milliseconds), oldest first."""
        for shard in range(OPEN_SHARDS):
            yield from self._of_shard(str(shard), moment, -(-limit // OPEN_SHARDS))

    def _of_shard(self, shard: str, moment: int, limit: int) -> Iterator[str]:
        values: Any = {":shard": {"S": shard}, ":moment": {"N": str(moment)}}
        found = every_item(
            self._client,
            TableName=self._table,
            IndexName=INDEX,
            KeyConditionExpression="open_in = :shard AND created_at < :moment",
            ExpressionAttributeValues=values,
            Limit=limit,
        )
        return (item["task_id"]["S"] for item in islice(found, limit))
