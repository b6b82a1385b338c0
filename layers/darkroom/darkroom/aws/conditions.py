"""Conditional writes: telling the one that somebody else won from the one that broke."""

from botocore.exceptions import ClientError


def raise_unless_condition_failed(error: ClientError) -> None:
    """Return where DynamoDB refused a write or a transaction for a condition; raise anything else that it says."""
    code = error.response["Error"]["Code"]
    reasons: list[dict[str, str]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    if code == "ConditionalCheckFailedException":
        return
    if not any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
        raise error
