"""Conditional writes: telling the one that somebody else won from the one that broke."""

from botocore.exceptions import ClientError


def raise_unless_condition_failed(error: ClientError) -> None:
    """Return where DynamoDB refused a write for its condition; raise anything else that it says."""
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error
