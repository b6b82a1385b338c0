"""The index of tasks that something is still to be done about: open ones, and ended ones that nobody was told of."""

from itertools import islice
from typing import TYPE_CHECKING, Any

from darkroom.aws.queries import every_item
from darkroom.tasks.item import OPEN_SHARDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "by_open"


class OpenTasks:
    """Reads the index. A task whose end was announced is not in it."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def between(self, since: int, until: int, *, limit: int) -> tuple[list[str], int]:
        """The ids of up to `limit` tasks that were posted from `since` up to `until` (Unix milliseconds), the oldest of
        each part of the index first; and where to go on from, 0 where these were all."""
        if since >= until:
            return [], 0
        ids: list[str] = []
        reached: list[int] = []
        most = -(-limit // OPEN_SHARDS)
        for shard in range(OPEN_SHARDS):
            found = self._of_shard(str(shard), since, until, most)
            ids += [task_id for task_id, _ in found]
            if len(found) == most:
                reached.append(found[-1][1])
        # From the part that came least far: what others hold beyond that is seen again, and nothing is passed over.
        return ids, max(min(reached), since + 1) if reached else 0

    def _of_shard(self, shard: str, since: int, until: int, limit: int) -> list[tuple[str, int]]:
        values: Any = {":shard": {"S": shard}, ":since": {"N": str(since)}, ":until": {"N": str(until - 1)}}
        found = every_item(
            self._client,
            TableName=self._table,
            IndexName=INDEX,
            KeyConditionExpression="open_in = :shard AND created_at BETWEEN :since AND :until",
            ExpressionAttributeValues=values,
            Limit=limit,
        )
        return [(item["task_id"]["S"], int(item["created_at"]["N"])) for item in islice(found, limit)]
