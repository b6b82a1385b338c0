"""Queries that go on over as many pages as there are."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def every_item(client: "DynamoDBClient", **query: Any) -> Iterator[dict[str, Any]]:
    """All items of a query. A page is read only once it is come to."""
    while True:
        page = client.query(**query)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
