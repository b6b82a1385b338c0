"""A deployment over an AWS in this process: the environment that the template gives, and functions as Lambda calls
them."""

import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from darkroom.accounts.keys import key_digest
from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.aws import clients, secrets
from darkroom.catalog.shipped import shipped_rows
from darkroom.tasks.store import TaskStore
from local.paths import FUNCTIONS, ROOT
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, emulated_aws

API_KEY = "dk_test"
FAR = 4_000_000_000
"""Later than any test is run (Unix seconds)."""


def context(seconds: float = 30) -> SimpleNamespace:
    """What Lambda tells a function of its invocation, which has so many seconds left."""
    return SimpleNamespace(
        function_name="test",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:x",
        aws_request_id="r",
        get_remaining_time_in_millis=lambda: int(seconds * 1000),
    )


def event(name: str) -> dict[str, Any]:
    """An event as AWS sends it, from `events/aws`."""
    read: dict[str, Any] = json.loads((ROOT / "events" / "aws" / f"{name}.json").read_text())
    return read


@contextmanager
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A deployment with one account, for as long as the context lasts."""
    with emulated_aws():
        clients._client.cache_clear()
        clients.session.cache_clear()
        monkeypatch.setattr(secrets, "_provider", None)
        _environment(monkeypatch)
        yield
    clients._client.cache_clear()


def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs, manager = boto3.client("sqs"), boto3.client("secretsmanager")
    for name in ("LOOK", "GENERATE", "INGEST", "WEBHOOK"):
        monkeypatch.setenv(f"DARKROOM_{name}_QUEUE_URL", sqs.create_queue(QueueName=name)["QueueUrl"])
    manager.create_secret(Name="signing", SecretString='{"identity": "i", "callback": []}')
    manager.create_secret(Name="provider", SecretString='{"evolink": {"api_key": "k"}}')
    boto3.client("events").create_event_bus(Name="bus")
    settings = {
        "TASKS_TABLE": TASKS, "ACCOUNTS_TABLE": ACCOUNTS, "BUCKET": BUCKET, "EVENT_BUS": "bus",
        "SIGNING_SECRET": "signing", "PROVIDER_SECRET": "provider",
        "PUBLIC_URL": "https://gateway.example", "LOCAL_MODE": "true",
        # Tests make tasks of long ago.
        "TASK_RETENTION_DAYS": "36500",
        # Nobody listens there.
        "PROVIDER_ADDRESSES": ",".join(f"{provider}=http://127.0.0.1:9" for provider in shipped_rows()["providers"]),
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(f"DARKROOM_{name}", value)
    add_key(API_KEY, "owner")


def add_key(key: str, owner: str, *providers: str, disabled: bool = False, admin: bool = False) -> None:
    """Record an API key."""
    item: dict[str, Any] = {"pk": {"S": f"key#{key_digest(key)}"}, "sk": {"S": "key"}, "owner": {"S": owner}}
    if providers:
        item["providers"] = {"L": [{"S": name} for name in providers]}
    boto3.client("dynamodb").put_item(
        TableName=ACCOUNTS, Item={**item, "disabled": {"BOOL": disabled}, "admin": {"BOOL": admin}}
    )


def call(function: str, sent: dict[str, Any], *, seconds: float = 30) -> dict[str, Any]:
    """Load a function anew, as a cold start does, and call its handler."""
    path: Path = FUNCTIONS / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"function_{function}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    answer: dict[str, Any] = module.handler(sent, context(seconds))
    return answer


def store() -> TaskStore:
    """The tasks."""
    return TaskStore(boto3.client("dynamodb"), TASKS, TaskAccounting(ACCOUNTS))
