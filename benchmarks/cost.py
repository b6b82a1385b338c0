"""What a task costs on AWS, service by service, with its requests counted from a real run; and what else it could cost.

The run is a whole life on an emulated AWS in this process: the real services, every request to AWS counted, every item
that is written measured, in the table and in its indexes. Prices are AWS's list prices for us-east-1 as of PRICES_OF;
durations are those of `benchmarks/durations.py`, memory is the template's.
"""

import contextlib
import io
import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.custom_metrics import DOLLARS_A_METRIC, combinations, reconciler_month
from benchmarks.durations import PICTURE_SECONDS, SECONDS
from benchmarks.figures import Figure, at_least
from benchmarks.idle import idle_dollars
from darkroom.observability import logger
from darkroom.submission.accepting import Submitted
from darkroom.tasks.request import ImageRequest
from local.template.reading import read_template, resources
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, emulated_aws
from tests.integration.life.world import World
from tests.pictures import picture

PRICES_OF = "2026-11"
WRITES = "DynamoDB write units"
PRICES = {
    "Lambda requests": 0.20e-6,
    "Lambda GB-seconds (arm64)": 13.3334e-6,
    "API Gateway requests (HTTP)": 1.00e-6,
    "SQS requests": 0.40e-6,
    WRITES: 0.625e-6,
    "DynamoDB read units": 0.125e-6,
    "S3 writes": 5e-6,
    "S3 reads": 0.4e-6,
    "S3 GB-months": 0.023,
    "EventBridge events": 1.00e-6,
    "CloudWatch Logs GB": 0.50,
    "X-Ray traces": 5e-6,
}
LOOKUPS = 3
PICTURE_GB = 2.5 / 1024
LOG_BYTES = 700
"""Of one invocation: one structured line, and Lambda's own three."""
VOLUMES = (1_000, 1_000_000, 100_000_000)


@dataclass
class Book:
    """What one task took of each service, in all and by function."""

    amounts: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    by_function: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    function: str = ""
    """Who is at work."""

    def dollars(self) -> dict[str, float]:
        """What that costs."""
        return {name: self.amounts[name] * price for name, price in PRICES.items()}

    def write_units(self) -> dict[str, float]:
        """Those of DynamoDB, by function."""
        return {function: units for (function, what), units in self.by_function.items() if what == WRITES}


class Meter:
    """Counts a client's requests by what they are billed as."""

    def __init__(self, client: Any, service: str, book: "Book") -> None:
        self._client = client
        self._service = service
        self._book = book
        self._indexed: dict[str, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if not callable(attribute) or name in {"get_paginator", "exceptions", "meta"}:
            return attribute

        def call(**parameters: Any) -> Any:
            for what, amount in self._billed(name, parameters):
                self._book.amounts[what] += amount
                self._book.by_function[self._book.function, what] += amount
            return attribute(**parameters)

        return call

    def _billed(self, name: str, parameters: dict[str, Any]) -> Iterator[tuple[str, float]]:
        if self._service == "s3":
            yield ("S3 writes" if name.startswith(("put", "list")) else "S3 reads"), 1
        elif name == "transact_write_items":
            for part in parameters["TransactItems"]:
                ((_, write),) = part.items()
                yield WRITES, 2 * _units(write.get("Item", {})) + self._index_units(write.get("Item", {}))
        elif name in {"put_item", "delete_item"}:
            yield WRITES, _units(parameters.get("Item", {})) + self._index_units(parameters.get("Item", {}))
        elif name == "update_item":
            yield WRITES, self._update_units(parameters)
        else:
            yield "DynamoDB read units", 1

    def _index_units(self, item: dict[str, Any]) -> int:
        """A unit for every index of the tasks table whose entry this write makes, changes or takes away."""
        if "document" not in item:
            return 0
        before = self._indexed.get(item["task_id"]["S"], {})
        self._indexed[item["task_id"]["S"]] = item
        return sum(any(before.get(name) != item.get(name) for name in names) for names in INDEXES.values())

    def _update_units(self, parameters: dict[str, Any]) -> int:
        """An update costs what the whole item does; one of a task takes it out of the index of open tasks."""
        item = self._indexed.get(parameters["Key"].get("task_id", {}).get("S", ""), {})
        left = {name: value for name, value in item.items() if name != "open_in"}
        return _units(item) + self._index_units(left)


def _indexes() -> dict[str, list[str]]:
    """The attributes that each index of the tasks table has, as the template says."""
    table = resources(read_template(), "AWS::DynamoDB::Table")["TasksTable"]["Properties"]
    found = {}
    for index in table["GlobalSecondaryIndexes"]:
        projection = index["Projection"]
        everything = ["version"] if projection["ProjectionType"] == "ALL" else []
        keys = [key["AttributeName"] for key in index["KeySchema"]]
        found[index["IndexName"]] = [*keys, *projection.get("NonKeyAttributes", []), *everything]
    return found


INDEXES = _indexes()


def _memory() -> dict[str, float]:
    """Gigabytes of each function, as the template says."""
    template = read_template()
    usual = template["Globals"]["Function"]["MemorySize"]
    functions = resources(template, "AWS::Serverless::Function")
    return {name.removesuffix("Function").lower(): function["Properties"].get("MemorySize", usual) / 1024
            for name, function in functions.items()}  # fmt: skip


MEMORY = _memory()


def _units(item: dict[str, Any]) -> int:
    """Write units of an item: one for each kilobyte begun."""
    text = sum(len(name) + len(str(next(iter(value.values())))) for name, value in item.items())
    return max(1, math.ceil(text / 1024))


FUNCTIONS = {"Poll": "track", "Copy": "ingest", "Delivery": "deliver", "Submission": "generate"}


class MeteredWorld(World):
    """A deployment whose requests are counted."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.handled: Counter[str] = Counter()
        super().__init__((TASKS, ACCOUNTS), BUCKET, picture())

    def _watched(self, client: Any, service: str) -> Any:
        return super()._watched(Meter(client, service, self.book), service)

    def submit(self, request: ImageRequest, key: str | None = None, **how: Any) -> Submitted | None:
        self.book.function = "submit"
        return super().submit(request, key, **how)

    def receive_callback(self, url: str, body: bytes) -> None:
        self.book.function = "callback"
        super().receive_callback(url, body)

    def _work(self, message: Any) -> None:
        self.book.function = FUNCTIONS[message.queue]
        self.handled[message.queue] += 1
        super()._work(message)

    def _read_stream(self) -> None:
        self.book.function = "notify"
        super()._read_stream()


def count(images: int) -> Book:
    """One task of so many images, from its posting to its webhook, with some look-ups."""
    book = Book()
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1")
    os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Darkroom")
    logger.setLevel("CRITICAL")
    with emulated_aws(), contextlib.redirect_stdout(io.StringIO()):
        world = MeteredWorld(book)
        request = ImageRequest(
            model="seedream-4.5", prompt="a lighthouse", n=images, callback_url="https://a.example/h"
        )
        submitted = world.submit(request)
        assert submitted is not None
        world.run()
        task = world.tasks.get(submitted.task.task_id)
        assert task is not None
        assert task.status.value == "completed"
    _add_invocations(book.amounts, world, world.handled, images)
    return book


def _add_invocations(amounts: dict[str, float], world: World, handled: Counter[str], images: int) -> None:
    invocations = {
        "submit": 1, "callback": 1, "track": handled["Poll"], "ingest": handled["Copy"], "notify": 1,
        "deliver": handled["Delivery"], "status": LOOKUPS,
    }  # fmt: skip
    amounts["Lambda requests"] = sum(invocations.values())
    for name, times in invocations.items():
        amounts["Lambda GB-seconds (arm64)"] += times * SECONDS[name] * MEMORY[name]
    amounts["API Gateway requests (HTTP)"] = 2 + LOOKUPS
    # A message is sent, received and deleted; receiving and deleting goes by tens at best, by one at worst.
    sent = sum(call.startswith("sqs.send") for call in world.chaos.calls)
    amounts["SQS requests"] = sent + 2 * sum(handled.values())
    # A key and a task for every look-up, and the key of the submission.
    amounts["DynamoDB read units"] += 2 * LOOKUPS + 1
    amounts["EventBridge events"] = 1
    amounts["S3 GB-months"] = images * PICTURE_GB
    # X-Ray's own rule: one request in twenty.
    amounts["X-Ray traces"] = 0.05 * sum(invocations.values())
    amounts["CloudWatch Logs GB"] = sum(invocations.values()) * LOG_BYTES / 1024**3


def alternatives(images: int) -> dict[str, dict[str, float]]:
    """Dollars a task by service, of what one would build instead; each copies the pictures and keeps a record, too."""
    second = 0.5 * PRICES["Lambda GB-seconds (arm64)"]
    request = PRICES["Lambda requests"]
    kept = {
        "S3 writes": images * PRICES["S3 writes"],
        "S3 GB-months": images * PICTURE_GB * PRICES["S3 GB-months"],
        WRITES: 4 * PRICES[WRITES],
        "API Gateway requests (HTTP)": (1 + LOOKUPS) * PRICES["API Gateway requests (HTTP)"],
        "Lambda requests": (1 + LOOKUPS) * request,
        "Lambda GB-seconds (arm64)": ((1 + LOOKUPS) * 0.03 + images * SECONDS["ingest"]) * second,
    }
    copies = {"Lambda requests": kept["Lambda requests"] + (3 + images) * request}
    return {
        # One invocation submits, polls, copies and ends; 512 MB, as our own function that copies.
        WAITING: kept | {
            "Lambda requests": kept["Lambda requests"] + request,
            "Lambda GB-seconds (arm64)": kept["Lambda GB-seconds (arm64)"] + PICTURE_SECONDS * second,
        },
        # State transitions (Standard, $25 a million): submit, wait for the token, copy (Map), record, notify.
        "Step Functions with task tokens": kept | copies | {"state transitions": (6 + images) * 25e-6},
        # Durable operations at $8 a million; the wait itself is not billed.
        "Lambda durable functions": kept | copies | {"durable operations": (5 + images) * 8e-6},
    }  # fmt: skip


WAITING = "a function that waits while polling"
SAME_FOR_ALL = {"S3 GB-months", "S3 writes", "API Gateway requests (HTTP)"}
"""What is paid whoever waits: the pictures' own storage and the requests of the app."""
SERVER = 2 * 0.0168 * 730 + 0.0225 * 730
"""A month of two small always-on servers (t4g.small) behind a load balancer."""
TASKS_A_SERVER = 10_000_000
"""A month's tasks that such a server is trusted with: four a second."""
TARGET = 10


def main() -> list[Figure]:
    """Print the model."""
    figures: list[Figure] = []
    print(f"cost of a task on AWS, list prices of {PRICES_OF}, us-east-1; requests counted from a whole life here")
    for images in (1, 4):
        book = count(images)
        ours, others = book.dollars(), alternatives(images)
        print(f"  {images} image{'s' if images > 1 else ''} a task: dollars for 1,000 tasks")
        for name, cost in ours.items():
            print(f"    {name:<30}{book.amounts[name]:>10.4f} a task {1000 * cost:>10.5f}")
        units = ", ".join(f"{function} {count:.0f}" for function, count in sorted(book.write_units().items()))
        print(f"    of the write units: {units}")
        figures += _print_beside(images, ours, others)
    _print_custom_metrics()
    _print_reconciler()
    return figures


def _print_custom_metrics() -> None:
    counted = combinations()
    told = ", ".join(f"{name} {number}" for name, number in counted.items())
    total = sum(counted.values())
    print(f"  custom metrics, at the worst: {total} ({told}): {DOLLARS_A_METRIC * total:.2f} dollars a month")


def _print_reconciler() -> None:
    for kept, made in ((5_000, 5_000), (1_000_000, 1_000_000)):
        month = reconciler_month(kept, made)
        cost = sum(amount * PRICES[what] for what, amount in month.items())
        told = ", ".join(f"{amount:,.0f} {what}" for what, amount in month.items())
        print(f"  the reconciler with {kept:,} pictures kept, {made:,} made a month: {told}: {cost:.2f} dollars")


def _print_beside(images: int, ours: dict[str, float], others: dict[str, dict[str, float]]) -> list[Figure]:
    for name, parts in {"Darkroom": ours, **others}.items():
        total, own = (1000 * cost for cost in _sums(parts))
        print(f"    {name:<38}{total:>9.5f} in all, {total / (1000 * _sums(ours)[0]):5.2f} x ours;   "
              f"{own:>9.5f} without pictures and gateway, {own / (1000 * _sums(ours)[1]):5.2f} x ours")  # fmt: skip
    second = PRICES["Lambda GB-seconds (arm64)"]
    wait = PICTURE_SECONDS * 0.5 * second
    # Copying is the same work in both, and so on neither side.
    copying = images * SECONDS["ingest"] * MEMORY["ingest"] * second
    instead = sum(cost for name, cost in ours.items() if name.startswith(("Lambda", "SQS"))) - copying
    of = f"cost with {images} image{'s' if images > 1 else ''}"
    figures = [
        at_least(f"{of}, in all, under {WAITING}", _sums(others[WAITING])[0] / _sums(ours)[0], TARGET, "x"),
        at_least(f"{of}, functions and messages, under the waiting that they replace", wait / instead, TARGET, "x"),
    ]
    for figure in figures:
        print(f"    {figure.subject}: {figure.value}   target {TARGET}: {figure.verdict}")
    fixed = sum(idle_dollars().values())
    for volume in VOLUMES:
        servers = SERVER * max(1, math.ceil(volume / TASKS_A_SERVER)) + volume * sum(
            cost for name, cost in others[WAITING].items() if name.startswith("S3")
        )
        beside = ", ".join(f"{name} {volume * _sums(parts)[0]:,.2f}" for name, parts in others.items())
        print(f"    {volume:>11,} a month: Darkroom {fixed + volume * _sums(ours)[0]:,.2f}; {beside}; "
              f"two small servers {servers:,.2f} and up")  # fmt: skip
    return figures


def _sums(parts: dict[str, float]) -> tuple[float, float]:
    """In all, and without what is paid whoever waits."""
    return sum(parts.values()), sum(cost for name, cost in parts.items() if name not in SAME_FOR_ALL)


if __name__ == "__main__":
    main()
