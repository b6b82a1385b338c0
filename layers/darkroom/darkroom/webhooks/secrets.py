"""The secrets that owners have put in the place of their derived ones. Two are valid while one rotates."""

import base64
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OVERLAP = 24 * 3600
"""Seconds for which the secret before still signs beside the new one."""


class WebhookSecrets:
    """Reads and rotates the owners' secrets, in the accounts table (encrypted at rest like all of it)."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def of_owner(self, owner: str, now: int) -> list[str]:
        """The secrets that sign an owner's webhooks, newest first; none where it goes by its derived one.

        `now` is in Unix milliseconds.
        """
        item = self._client.get_item(TableName=self._table, Key=_key(owner)).get("Item")
        if item is None:
            return []
        secrets = [item["current"]["S"]]
        if "previous" in item and now < int(item["rotated_at"]["N"]) + OVERLAP * 1000:
            secrets.append(item["previous"]["S"])
        return secrets

    def rotate(self, owner: str, now: int, *, first: str) -> str:
        """Give an owner a new secret; the one before (the `first` one at first) signs beside it for a day."""
        new = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        self._client.update_item(
            TableName=self._table,
            Key=_key(owner),
            UpdateExpression="SET previous = if_not_exists(#current, :before), #current = :new, rotated_at = :now",
            ExpressionAttributeNames={"#current": "current"},
            ExpressionAttributeValues={":new": {"S": new}, ":now": {"N": str(now)}, ":before": {"S": first}},
        )
        return new


def _key(owner: str) -> dict[str, Any]:
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": "webhook_secret"}}
