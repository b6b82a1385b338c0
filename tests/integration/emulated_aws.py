"""The AWS that integration tests run on: moto in this process, with the tables of the template, and AWS's limits."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from moto import mock_aws

from local.template.reading import read_template, resources
from tests.integration.aws_limits import held_to_limits

TASKS, ACCOUNTS, BUCKET = "tasks", "accounts", "bucket"
_TABLES = {"TasksTable": TASKS, "AccountsTable": ACCOUNTS}


@contextmanager
def emulated_aws() -> Iterator[None]:
    """An AWS with our tables and bucket, for as long as the context lasts."""
    with mock_aws(), held_to_limits():
        make_tables()
        yield


def make_tables() -> None:
    """The tables of the template and a bucket."""
    dynamodb = shared_session().client("dynamodb")
    for name, declared in declared_tables().items():
        dynamodb.create_table(TableName=name, **declared)
    shared_session().client("s3").create_bucket(Bucket=BUCKET)


@cache
def shared_session() -> boto3.Session:
    """One session for all emulated AWSs: it reads the services' models once, which takes longer than a test."""
    return boto3.Session()


@cache
def declared_tables() -> dict[str, dict[str, Any]]:
    """What `create_table` is told of each table, as the template says, by its name here."""
    tables = resources(read_template(), "AWS::DynamoDB::Table")
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    declared = {name: tables[logical]["Properties"] for logical, name in _TABLES.items()}
    return {name: {key: found[key] for key in wanted if key in found} for name, found in declared.items()}
