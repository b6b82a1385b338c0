"""boto3 clients, each made once and when first needed: a cold start pays only for what it uses."""

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

# Well under every function's time-out, so that a hanging call still leaves time for another try.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
)
_STORAGE_CONFIG = _CONFIG.merge(Config(read_timeout=30))


def dynamodb() -> "DynamoDBClient":
    """The DynamoDB client."""
    client: DynamoDBClient = _client("dynamodb", _CONFIG)
    return client


def sqs() -> "SQSClient":
    """The SQS client."""
    client: SQSClient = _client("sqs", _CONFIG)
    return client


def s3() -> "S3Client":
    """The S3 client; its time-outs leave room for a large image."""
    client: S3Client = _client("s3", _STORAGE_CONFIG)
    return client


def events() -> "EventBridgeClient":
    """The EventBridge client."""
    client: EventBridgeClient = _client("events", _CONFIG)
    return client


def secrets_manager() -> "SecretsManagerClient":
    """The Secrets Manager client."""
    client: SecretsManagerClient = _client("secretsmanager", _CONFIG)
    return client


@cache
def session() -> boto3.Session:
    """The one session all clients share: one set of credentials, one loader of service models."""
    return boto3.Session()


@cache
def _client(service: str, config: Config) -> Any:
    return session().client(service, config=config)  # type: ignore[call-overload]
