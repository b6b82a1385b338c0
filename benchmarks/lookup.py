"""A look-up of an ended task with four images: what it asks of AWS, and its CPU against the bare boto3 calls in it.

Baseline: the same two reads by boto3's own client. A look-up that finds nothing new is answered 304 from the record
alone; a second look within a link's window signs nothing.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks import trivial_aws
from benchmarks.figures import Figure, at_most
from benchmarks.loopback import loopback
from darkroom.tasks import transitions
from tests.unit.tasks.test_transitions import NOW, accepted, done, stored

REQUESTS = 400
TARGET_READS = 2
TARGET_CPU = 1.5
"""Ours: the issue of a look-up is to cost little more than its reads."""


def main() -> list[Figure]:
    """Measure and print."""
    task = _ended()
    path = f"/v1/tasks/{trivial_aws.TASK_ID}"
    with loopback(trivial_aws.answers(task)) as address:
        os.environ.update(trivial_aws.environment(address))
        handler = trivial_aws.load_handler("status")

        def look(**headers: str) -> dict[str, Any]:
            answer: dict[str, Any] = handler(trivial_aws.event("GET", path, headers=headers), trivial_aws.Context())
            return answer

        with trivial_aws.silence():
            look()
            with trivial_aws.recorded_requests() as reads:
                etag = _header(look(), "etag")
            unchanged = {"if-none-match": etag}
            assert look(**unchanged)["statusCode"] == 304
            with trivial_aws.recorded_requests() as asked_for_304:
                look(**unchanged)
            bare = _cpu(_bare(address))
            whole, nothing_new = _cpu(look), _cpu(lambda: look(**unchanged))
    met = reads == asked_for_304 == ["GetItem"] * TARGET_READS
    print(f"look-up of an ended task with four images, mean of {REQUESTS}")
    print(f"  asks AWS for {', '.join(reads)}: its key and its record; answered 304 for {', '.join(asked_for_304)}; "
          f"never for an image: {'met' if met else 'MISSED'}")  # fmt: skip
    print(f"  {1000 * bare:.2f} ms CPU the bare boto3 calls   1.00 (baseline)")
    print(f"  {1000 * whole:.2f} ms CPU a look-up             {whole / bare:4.2f}")
    print(f"  {1000 * nothing_new:.2f} ms CPU answered 304          {nothing_new / bare:4.2f}")
    return [
        at_most("look-up, reads of AWS, none for images", len(reads) if met else 99, TARGET_READS),
        at_most("look-up, CPU, of its two bare boto3 reads", whole / bare, TARGET_CPU),
    ]


def _ended() -> Any:
    links = [f"https://images.example/{place}" for place in range(4)]
    task = replace(accepted(), owner="me")
    task = transitions.apply_update(task, "evolink", done(*links), now=NOW)
    for place in range(4):
        task = transitions.store_image(task, place, stored(place), now=NOW)
    assert task.status.terminal
    return task


def _header(answer: dict[str, Any], name: str) -> str:
    return str(next(value for found, value in answer["headers"].items() if found.lower() == name))


def _bare(address: str) -> Callable[[], None]:
    import boto3

    client = boto3.client("dynamodb", endpoint_url=address)
    key: Any = {"pk": {"S": "key#x"}, "sk": {"S": "key"}}

    def run() -> None:
        client.get_item(TableName="x", Key=key, ConsistentRead=True)
        client.get_item(TableName="x", Key={"task_id": {"S": "x"}}, ConsistentRead=True)

    return run


def _cpu(call: Callable[[], Any]) -> float:
    for _ in range(30):
        call()
    begun = time.process_time()
    for _ in range(REQUESTS):
        call()
    return (time.process_time() - begun) / REQUESTS


if __name__ == "__main__":
    main()
