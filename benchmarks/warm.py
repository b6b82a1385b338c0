"""Warm CPU of a submission and of a look-up, with AWS and the provider replaced by a trivial server on loopback.

Baseline: the bare boto3 calls that the same request makes, through the same server: what is above it is ours.
"""

import cProfile
import importlib.util
import json
import os
import pstats
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.loopback import loopback
from local.paths import FUNCTIONS

REQUESTS = 300
KEY = {"Item": {"pk": {"S": "key#x"}, "sk": {"S": "key"}, "owner": {"S": "me"}}}


def main() -> None:
    """Measure and print."""
    with loopback(_answers()) as address:
        _environment(address)
        submit, status = _function("submit"), _function("status")
        print(f"warm CPU of one request, mean of {REQUESTS}, AWS and provider answering at once")
        post = _event(
            "POST", "/v1/tasks", json.dumps({"model": "seedream-4.5", "prompt": "a fox", "provider": "evolink"})
        )
        _compare("submission", lambda: submit(post, _Context()), 202, _bare_submission(address))
        _compare("look-up", lambda: status(_event("GET", f"/v1/tasks/{_TASK_ID}"), _Context()), 200, _bare_lookup())
        _where("submission", lambda: submit(post, _Context()))


def _compare(name: str, call: Callable[[], Any], status: int, bare: Callable[[], Any]) -> None:
    with _silence():
        answer = call()
        assert answer["statusCode"] == status, answer
        own, base = _cpu(call), _cpu(bare)
    print(f"  {name:<12} {1000 * own:6.2f} ms   its bare boto3 calls {1000 * base:6.2f} ms   ratio {own / base:4.2f}")


def _cpu(call: Callable[[], Any]) -> float:
    for _ in range(20):
        call()
    begun = time.process_time()
    for _ in range(REQUESTS):
        call()
    return (time.process_time() - begun) / REQUESTS


@contextmanager
def _silence() -> Iterator[None]:
    """Without the handlers' log lines, which go to the process's own output."""
    sys.stdout.flush()
    kept, silent = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)


def _where(name: str, call: Callable[[], Any]) -> None:
    """Which packages the CPU goes to, by the profiler's own time."""
    profile = cProfile.Profile()
    with _silence():
        profile.enable()
        for _ in range(100):
            call()
        profile.disable()
    shares: dict[str, float] = {}
    stats: Any = pstats.Stats(profile)
    for (path, _, _), (_, _, own, _, _) in stats.stats.items():
        shares[_package(path)] = shares.get(_package(path), 0) + own
    total = sum(shares.values())
    top = sorted(shares.items(), key=lambda item: -item[1])[:7]
    print(f"  where a {name} goes: " + ", ".join(f"{package} {share / total:.0%}" for package, share in top))


def _package(path: str) -> str:
    for name in ("darkroom", "botocore", "urllib3", "httpx", "httpcore", "h11", "pydantic", "aws_lambda_powertools"):
        if f"/{name}/" in path:
            return name
    return "built in" if path.startswith(("~", "<")) else "standard library"


_TASK_ID = "task_01M7Y0K4SK2HQR5V5B4CM148FG"


def _answers() -> dict[bytes, object]:
    from darkroom.stores.tasks import write_item
    from tests.unit.domain.test_transitions import a_task

    secret = json.dumps({"identity": "i" * 48, "callback": [], "evolink": {"api_key": "k"}})
    return {
        b"DynamoDB_20120810.GetItem": _first_key_then_task({"Item": write_item(a_task(owner="me"))}),
        b"secretsmanager.GetSecretValue": {"SecretString": secret, "Name": "x"},
        b"POST /v1/images/generations": {"id": "task-unified-1", "status": "pending"},
        b"AmazonSQS.SendMessage": {"MessageId": "1", "MD5OfMessageBody": ""},
    }


def _first_key_then_task(task: dict[str, Any]) -> dict[str, Any]:
    # The key's and the task's look-up get the same item: it has the fields of both.
    return {"Item": {**KEY["Item"], **task["Item"]}}


def _environment(address: str) -> None:
    names = (
        "TASKS_TABLE",
        "ACCOUNTS_TABLE",
        "BUCKET",
        "EVENT_BUS",
        "SIGNING_SECRET",
        "WEBHOOK_SECRET",
        "PROVIDER_SECRET",
    )
    os.environ.update(
        {f"DARKROOM_{name}": "x" for name in names}
        | {f"DARKROOM_{name}_QUEUE_URL": f"{address}/queue" for name in ("LOOK", "GENERATE", "INGEST", "WEBHOOK")}
        | {
            "DARKROOM_EVOLINK_BASE_URL": address,
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


def _function(name: str) -> Callable[[dict[str, Any], Any], Any]:
    spec = importlib.util.spec_from_file_location(f"bench_{name}", FUNCTIONS / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[[dict[str, Any], Any], Any] = module.handler
    return handler


def _event(method: str, path: str, body: str | None = None) -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": "Bearer dk_x", "content-type": "application/json"},
        "requestContext": {"http": {"method": method, "path": path}, "requestId": "r", "stage": "$default"},
        "body": body,
        "isBase64Encoded": False,
    }


class _Context:
    function_name = "bench"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:1:function:bench"
    aws_request_id = "r"


def _bare_submission(address: str) -> Callable[[], Any]:
    from darkroom.stores import clients

    dynamodb, sqs = clients.dynamodb(), clients.sqs()
    key: Any = {"pk": {"S": "x"}, "sk": {"S": "x"}}

    def run() -> None:
        dynamodb.get_item(TableName="x", Key=key)
        sqs.send_message(QueueUrl=f"{address}/queue", MessageBody="x")
        dynamodb.put_item(TableName="x", Item=key)
        dynamodb.put_item(TableName="x", Item=key)

    return run


def _bare_lookup() -> Callable[[], Any]:
    from darkroom.stores import clients

    dynamodb = clients.dynamodb()
    key: Any = {"pk": {"S": "x"}, "sk": {"S": "x"}}

    def run() -> None:
        dynamodb.get_item(TableName="x", Key=key)
        dynamodb.get_item(TableName="x", Key=key)

    return run


if __name__ == "__main__":
    main()
