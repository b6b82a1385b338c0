"""AWS clients, each made once and when first needed: a cold start pays only for what it uses.

They are boto3's own, made by botocore, on which boto3 stands: importing boto3 itself brings its transfer manager and
resource layer along, a sixth of a bare cold start, of which nothing here makes use.
"""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.handlers import add_expect_header
from botocore.session import Session, get_session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

    from darkroom.aws.schedules import SchedulerClient

# Well under every function's time-out, so that a hanging call still leaves time for another try.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
    # AWS checks parameters as well, and a fixed name is not put together anew: an eighth of a request's CPU.
    parameter_validation=False,
    user_agent="darkroom",
)
# A body that carries its own checksum need not be hashed again for its signature.
_STORAGE_CONFIG = _CONFIG.merge(Config(read_timeout=30, s3={"payload_signing_enabled": False}))

# There is another way where it does not answer soon, and whoever waits for it has just spent time on something else.
_SCHEDULER_CONFIG = _CONFIG.merge(Config(read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}))


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
    # Not to ask before a body is sent whether it may be: the answer would cost every upload one more round trip.
    client.meta.events.unregister("before-call.s3", add_expect_header)
    return client


def events() -> "EventBridgeClient":
    """The EventBridge client."""
    client: EventBridgeClient = _client("events", _CONFIG)
    return client


def scheduler() -> "SchedulerClient":
    """The EventBridge Scheduler client."""
    client: SchedulerClient = _client("scheduler", _SCHEDULER_CONFIG)
    return client


def secrets_manager() -> "SecretsManagerClient":
    """The Secrets Manager client."""
    client: SecretsManagerClient = _client("secretsmanager", _CONFIG)
    return client


def functions() -> "LambdaClient":
    """The client of Lambda itself."""
    client: LambdaClient = _client("lambda", _CONFIG)
    return client


@cache
def session() -> Session:
    """The one session all clients share: one set of credentials, one loader of service models."""
    return get_session()


@cache
def _client(service: str, config: Config) -> Any:
    return session().create_client(service, config=config, region_name=region())


def region() -> str:
    """The region that this process works in."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
