"""What a task costs on AWS, service by service, with its requests counted from a real run; and what else it could cost.

The run is a whole life on an emulated AWS in this process: the real services, every request to AWS counted, every item
that is written measured. Prices are AWS's list prices for us-east-1 as of PRICES_OF; Lambda's durations are the table
below, since an emulator's are not AWS's.
"""

import contextlib
import io
import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from darkroom.domain.request import ImageRequest
from darkroom.observation import logger
from tests.integration.aws import ACCOUNTS, BUCKET, TASKS, emulated_aws
from tests.integration.life.world import World
from tests.pictures import picture

PRICES_OF = "2026-11"
PRICES = {
    "Lambda requests": 0.20e-6,
    "Lambda GB-seconds (arm64)": 13.3334e-6,
    "API Gateway requests (HTTP)": 1.00e-6,
    "SQS requests": 0.40e-6,
    "DynamoDB write units": 0.625e-6,
    "DynamoDB read units": 0.125e-6,
    "S3 writes": 5e-6,
    "S3 reads": 0.4e-6,
    "S3 GB-months": 0.023,
    "EventBridge events": 1.00e-6,
    "CloudWatch Logs GB": 0.50,
}
FIXED = {"secrets (3)": 3 * 0.40, "alarms (18) and dashboard": 18 * 0.10 + 3.00}
"""Dollars a month, whatever is done."""
MEMORY_GB = 0.5
SECONDS = {
    "submit": 0.45,
    "callback": 0.08,
    "track": 0.25,
    "ingest": 0.9,
    "notify": 0.05,
    "deliver": 0.25,
    "status": 0.03,
}
"""Billed seconds of one invocation: submit and track wait for a provider's answer, ingest for a picture of 2.5 MB."""
WAIT = 25.0
"""Seconds that a picture takes (`GET /v1/models`)."""
LOOKUPS = 3
PICTURE_GB = 2.5 / 1024
LOG_BYTES = 700
"""Of one invocation: one structured line, and Lambda's own three."""
VOLUMES = (1_000, 1_000_000, 100_000_000)


@dataclass
class Counted:
    """What one task took of each service."""

    amounts: dict[str, float]

    def dollars(self) -> dict[str, float]:
        """What that costs."""
        return {name: self.amounts[name] * price for name, price in PRICES.items()}


class Meter:
    """Counts a client's requests by what they are billed as."""

    def __init__(self, client: Any, service: str, amounts: dict[str, float]) -> None:
        self._client = client
        self._service = service
        self._amounts = amounts

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if not callable(attribute) or name in {"get_paginator", "exceptions", "meta"}:
            return attribute

        def call(**parameters: Any) -> Any:
            for what, amount in _billed(self._service, name, parameters):
                self._amounts[what] += amount
            return attribute(**parameters)

        return call


def _billed(service: str, name: str, parameters: dict[str, Any]) -> Iterator[tuple[str, float]]:
    if service == "s3":
        yield ("S3 writes" if name.startswith(("put", "list")) else "S3 reads"), 1
    elif name == "transact_write_items":
        for part in parameters["TransactItems"]:
            ((_, write),) = part.items()
            yield "DynamoDB write units", 2 * _units(write.get("Item", {}), 1024)
    elif name in {"put_item", "update_item", "delete_item"}:
        yield "DynamoDB write units", _units(parameters.get("Item", {}), 1024)
    else:
        yield "DynamoDB read units", 1


def _units(item: dict[str, Any], size: int) -> int:
    """A whole item's units, and one more where an index carries it."""
    text = sum(len(name) + len(str(next(iter(value.values())))) for name, value in item.items())
    return max(1, math.ceil(text / size)) * (2 if "document" in item else 1)


class MeteredWorld(World):
    """A deployment whose requests are counted."""

    def __init__(self, amounts: dict[str, float]) -> None:
        self._amounts = amounts
        super().__init__((TASKS, ACCOUNTS), BUCKET, picture())

    def _watched(self, client: Any, service: str) -> Any:
        return super()._watched(Meter(client, service, self._amounts), service)


def count(images: int) -> Counted:
    """One task of so many images, from its posting to its webhook, with some look-ups."""
    amounts: dict[str, float] = defaultdict(float)
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1")
    os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Darkroom")
    logger.setLevel("CRITICAL")
    with emulated_aws(), contextlib.redirect_stdout(io.StringIO()):
        world = MeteredWorld(amounts)
        request = ImageRequest(
            model="seedream-4.5", prompt="a lighthouse", n=images, callback_url="https://a.example/h"
        )
        handled: Counter[str] = Counter()
        work = world._work

        def counted(message: Any) -> None:
            handled[message.queue] += 1
            work(message)

        world._work = counted  # type: ignore[method-assign]
        submitted = world.submit(request)
        assert submitted is not None
        world.run()
        task = world.tasks.get(submitted.task.task_id)
        assert task is not None
        assert task.status.value == "completed"
    _add_invocations(amounts, world, handled, images)
    return Counted(amounts)


def _add_invocations(amounts: dict[str, float], world: World, handled: Counter[str], images: int) -> None:
    invocations = {
        "submit": 1, "callback": 1, "track": handled["Look"], "ingest": handled["Copy"], "notify": 1,
        "deliver": handled["Delivery"], "status": LOOKUPS,
    }  # fmt: skip
    amounts["Lambda requests"] = sum(invocations.values())
    for name, times in invocations.items():
        amounts["Lambda GB-seconds (arm64)"] += times * SECONDS[name] * MEMORY_GB
    amounts["API Gateway requests (HTTP)"] = 2 + LOOKUPS
    # A message is sent, received and deleted; receiving and deleting goes by tens at best, by one at worst.
    sent = sum(call.startswith("sqs.send") for call in world.chaos.calls)
    amounts["SQS requests"] = sent + 2 * sum(handled.values())
    # A key and a task for every look-up, and the key of the submission.
    amounts["DynamoDB read units"] += 2 * LOOKUPS + 1
    amounts["EventBridge events"] = 1
    amounts["S3 GB-months"] = images * PICTURE_GB
    amounts["CloudWatch Logs GB"] = sum(invocations.values()) * LOG_BYTES / 1024**3


def alternatives(images: int) -> dict[str, float]:
    """Dollars a task, of what one would build instead; each stores the pictures and keeps a record as well."""
    kept = images * (PRICES["S3 writes"] + PICTURE_GB * PRICES["S3 GB-months"]) + 4 * PRICES["DynamoDB write units"]
    second = MEMORY_GB * PRICES["Lambda GB-seconds (arm64)"]
    gateway = (1 + LOOKUPS) * (PRICES["API Gateway requests (HTTP)"] + PRICES["Lambda requests"] + 0.03 * second)
    every = kept + gateway + images * 0.9 * second
    return {
        "a function that waits while polling": every + PRICES["Lambda requests"] + WAIT * second,
        # Seven state transitions: submit, wait for the token, copy (Map), record, notify (Standard, $25 a million).
        "Step Functions with task tokens": every + (6 + images) * 25e-6 + 4 * PRICES["Lambda requests"],
        # Durable operations at $8 a million and $0.25 per GB written; the wait itself is not billed.
        "Lambda durable functions": every + (5 + images) * 8e-6 + 4 * PRICES["Lambda requests"],
    }


SERVER = 2 * 0.0168 * 730 + 0.0225 * 730
"""A month of two small always-on servers (t4g.small) behind a load balancer."""


def main() -> None:
    """Print the model."""
    print(f"cost of a task on AWS, list prices of {PRICES_OF}, us-east-1; requests counted from a whole life here")
    for images in (1, 4):
        counted = count(images)
        dollars = counted.dollars()
        total = sum(dollars.values())
        print(f"\n  {images} image{'s' if images > 1 else ''} a task: dollars for 1,000 tasks")
        for name, cost in dollars.items():
            print(f"    {name:<30}{counted.amounts[name]:>12.4f} a task {1000 * cost:>10.5f}")
        print(f"    {'in all':<49}{1000 * total:>10.5f}")
        _print_beside(images, total, dollars)


def _print_beside(images: int, total: float, dollars: dict[str, float]) -> None:
    waiting = alternatives(images)["a function that waits while polling"]
    compute = sum(dollars[name] for name in PRICES if name.startswith(("Lambda", "SQS")))
    function_waits = WAIT * MEMORY_GB * PRICES["Lambda GB-seconds (arm64)"]
    for name, cost in alternatives(images).items():
        print(f"    {name:<49}{1000 * cost:>10.5f}   {cost / total:5.2f} x ours")
    print(f"    ours against a function that waits: {waiting / total:.1f} x in all, "
          f"{function_waits / compute:.1f} x of what waiting costs")  # fmt: skip
    for volume in VOLUMES:
        fixed = sum(FIXED.values())
        print(f"    {volume:>12,} tasks a month: ours {fixed + volume * total:>14,.2f}   "
              f"two servers {SERVER * max(1, math.ceil(volume / 20_000_000)):>12,.2f} and up")  # fmt: skip


if __name__ == "__main__":
    main()
