"""The AWS that integration tests run on: moto in this process, with the tables of the template."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto import mock_aws

from local.template import read_template, resources

TASKS, ACCOUNTS, BUCKET = "tasks", "accounts", "bucket"
_TABLES = {"TasksTable": TASKS, "AccountsTable": ACCOUNTS}


@contextmanager
def emulated_aws() -> Iterator[None]:
    """An AWS with our tables and bucket, for as long as the context lasts."""
    with mock_aws():
        make_tables()
        yield


def make_tables() -> None:
    """The tables of the template and a bucket."""
    tables = resources(read_template(), "AWS::DynamoDB::Table")
    dynamodb = boto3.client("dynamodb")
    for logical, name in _TABLES.items():
        declared: dict[str, Any] = tables[logical]["Properties"]
        wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        dynamodb.create_table(TableName=name, **{key: declared[key] for key in wanted if key in declared})
    boto3.client("s3").create_bucket(Bucket=BUCKET)
