"""What the trivial AWS and provider on loopback answer, and the environment of a function that asks them."""

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from botocore.httpsession import URLLib3Session

from benchmarks.loopback import loopback
from local.paths import FUNCTIONS

Handler = Callable[[dict[str, Any], Any], Any]

CALLBACK_SECRET = b"c" * 48
TASK_ID = "task_01M7Y0K4SK2HQR5V5B4CM148FG"
KEY_ITEM = {"pk": {"S": "key#x"}, "sk": {"S": "key"}, "owner": {"S": "me"}}
NEW_TASK = {"model": "seedream-4.5", "prompt": "a cat in a space suit on the moon", "provider": "evolink"}


def answers(task: Any = None) -> dict[bytes, object]:
    """By the first word of a request that is known: a key, a task (None: there is none), secrets, a provider."""
    from darkroom.tasks.item import write_item

    secret = json.dumps({"identity": "i" * 48, "callback": [CALLBACK_SECRET.decode()], "evolink": {"api_key": "k"}})
    found = {b"DynamoDB_20120810.GetItem": {"Item": write_item(_of_today(task))}} if task else {}
    return {
        b"PUT /": b"",
        b'"key#': {"Item": KEY_ITEM},
        **found,
        b"DynamoDB_20120810.Query": {"Items": []},
        b"secretsmanager.GetSecretValue": {"SecretString": secret, "Name": "x"},
        b"POST /v1/images/generations": {"id": "task-unified-1", "status": "pending"},
        b"AmazonSQS.SendMessageBatch": {"Successful": [], "Failed": []},
        b"AmazonSQS.SendMessage": {"MessageId": "1", "MD5OfMessageBody": ""},
    }


def _of_today(task: Any) -> Any:
    """The task, posted now: one that has expired is not there."""
    now = int(time.time())
    return replace(task, created_at=1000 * now, copying_at=1000 * now, expires_at=now + 86_400)


def environment(address: str) -> dict[str, str]:
    """What a function needs in its environment to ask that address for everything."""
    names = (
        "TASKS_TABLE", "ACCOUNTS_TABLE", "BUCKET", "EVENT_BUS", "SIGNING_SECRET", "PROVIDER_SECRET",
    )  # fmt: skip
    return (
        {f"DARKROOM_{name}": "x" for name in names}
        | {f"DARKROOM_{name}_QUEUE_URL": f"{address}/queue" for name in ("LOOK", "GENERATE", "INGEST", "WEBHOOK")}
        | {
            "DARKROOM_PROVIDER_ADDRESSES": f"evolink={address}",
            "DARKROOM_PUBLIC_URL": address,
            "DARKROOM_LOCAL_MODE": "true",
            "AWS_ENDPOINT_URL": address,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "POWERTOOLS_SERVICE_NAME": "darkroom",
            "POWERTOOLS_METRICS_NAMESPACE": "Darkroom",
        }
    )


def load_handler(name: str, folder: Path = FUNCTIONS) -> Handler:
    """The handler of one function, imported under a name of its own."""
    spec = importlib.util.spec_from_file_location(f"benchmarked_{name}", folder / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler


def event(method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """A request as API Gateway hands it to a function."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": "Bearer dk_x", "content-type": "application/json", **(headers or {})},
        "requestContext": {"http": {"method": method, "path": path}, "requestId": "r", "stage": "$default"},
        "body": body,
        "isBase64Encoded": False,
    }


def requests_of(function: str, asked: dict[str, Any], task: Any = None) -> list[str]:
    """What one warm invocation of a function asks of AWS, in order, such as `GetItem` or `PUT` for an object."""
    with loopback(answers(task)) as address:
        os.environ.update(environment(address))
        handler = load_handler(function)
        with silence():
            handler(asked, Context())
            with recorded_requests() as found:
                answer = handler(asked, Context())
    assert answer["statusCode"] < 400, answer
    return found


@contextmanager
def recorded_requests() -> Iterator[list[str]]:
    """What botocore sends, by name."""
    found: list[str] = []

    def watched(request: Any, ask: Callable[[], Any]) -> Any:
        target = request.headers.get("X-Amz-Target", b"")
        found.append(target.decode().rpartition(".")[2] if target else f"{request.method} of S3")
        return ask()

    with sent_by(watched):
        yield found


@contextmanager
def sent_by(answer: Callable[[Any, Callable[[], Any]], Any]) -> Iterator[None]:
    """Let `answer` answer every request of botocore; it is handed the request, and what would ask AWS."""
    send: Any = URLLib3Session.send
    stand_in: Any = lambda session, request: answer(request, lambda: send(session, request))  # noqa: E731
    URLLib3Session.send = stand_in  # type: ignore[method-assign]
    try:
        yield
    finally:
        URLLib3Session.send = send  # type: ignore[method-assign]


@contextmanager
def silence() -> Iterator[None]:
    """Without the handlers' log lines, which go to the process's own output."""
    sys.stdout.flush()
    kept, silent = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)


class Context:
    """What Lambda says of an invocation."""

    function_name = "bench"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:1:function:bench"
    aws_request_id = "r"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Always enough."""
        return 29_000
