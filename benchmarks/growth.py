"""Growth: a look-up, a page of a list, a transition and a look, with 1,000, 10,000 and 100,000 tasks in the table.

Counted is what DynamoDB bills by, requests and items read (`ScannedCount`), in the local AWS; and our own CPU, which
the local AWS has no part in. Its time is left out: it reads a whole index for a page, as DynamoDB does not. Nine tasks
in ten are one owner's, and all are open: neither a long list nor many open tasks may cost anybody anything.
"""

import itertools
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from botocore.session import get_session

from benchmarks.trivial_aws import recorded_requests
from darkroom.domain import transitions
from darkroom.domain.identifiers import new_task_id
from darkroom.domain.task import Task
from darkroom.stores.task_list import Filters, TaskList
from darkroom.stores.tasks import TaskStore, open_shard, write_item
from local.emulator import ROOT_KEY, Emulator
from local.template import read_template, resources
from tests.unit.domain.test_transitions import NOW, a_task

SIZES = (1_000, 10_000, 100_000)
HOT_SHARE = 0.9
ROUNDS = {"look-up": 200, "page of 20": 7, "transition": 200, "look at 50": 50}
TARGET = 1.10
TABLES = {"TasksTable": "tasks", "AccountsTable": "accounts"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation takes: requests to AWS, items read, milliseconds of our CPU."""

    requests: int
    items: int
    cpu: float


def main() -> None:
    """Measure and print."""
    emulator = Emulator()
    try:
        _make_tables(emulator)
        session = get_session()
        session.set_credentials(ROOT_KEY, ROOT_KEY)
        client = session.create_client("dynamodb", "us-east-1", endpoint_url=emulator.url)
        costs: dict[str, list[Cost]] = {}
        tasks: list[Task] = []
        for size in SIZES:
            tasks += _fill(client, len(tasks), size)
            for name, operation in _operations(client, tasks).items():
                costs.setdefault(name, []).append(_cost(client, operation, ROUNDS[name]))
    finally:
        emulator.stop()
    _print(costs, tasks)


def _print(costs: dict[str, list[Cost]], tasks: list[Task]) -> None:
    print(f"growth: with {', '.join(f'{size:,}' for size in SIZES)} open tasks, nine in ten of one owner")
    for name, found in costs.items():
        ratio = max(cost.cpu for cost in found) / min(cost.cpu for cost in found)
        same = len({(cost.requests, cost.items) for cost in found}) == 1
        met = same and ratio <= TARGET
        counted = " / ".join(f"{cost.requests} requests {cost.items} items" for cost in found)
        cpu = " / ".join(f"{cost.cpu:.2f}" for cost in found)
        print(f"  {name:<11}{counted}   CPU {cpu} ms, {ratio:.2f}   target {TARGET}: {'met' if met else 'MISSED'}")
    shards: dict[str, int] = {}
    for task in tasks:
        shards[open_shard(task.task_id)] = shards.get(open_shard(task.task_id), 0) + 1
    fullest = max(shards.values()) * len(shards) / len(tasks)
    print(f"  writes go to {len(tasks):,} partition keys of the table, {len(shards)} of the index of open tasks (the "
          f"fullest with {fullest:.2f} of its share), and one an owner in the list")  # fmt: skip


def _operations(client: Any, tasks: list[Task]) -> dict[str, Callable[[], object]]:
    store = TaskStore(client, "tasks", "accounts")
    listed = TaskList(client, "tasks", store.get_many)
    chosen = random.Random(1)
    later = itertools.count(NOW * 2)

    def transition() -> object:
        until = next(later)
        return store.change(chosen.choice(tasks).task_id, lambda task: transitions.keep_open_until(task, until))

    return {
        "look-up": lambda: store.get(chosen.choice(tasks).task_id),
        "page of 20": lambda: listed.page("hot", Filters(), limit=20),
        "transition": transition,
        "look at 50": lambda: store.get_many(task.task_id for task in chosen.sample(tasks, 50)),
    }


def _cost(client: Any, operation: Callable[[], object], rounds: int) -> Cost:
    read = 0

    def count(parsed: dict[str, Any], **_: object) -> None:
        nonlocal read
        read += parsed.get("ScannedCount", 0) + ("Item" in parsed)
        read += sum(map(len, parsed.get("Responses", {}).values()))

    client.meta.events.register("after-call.dynamodb", count, unique_id="count")
    with recorded_requests() as sent:
        operation()
    client.meta.events.unregister("after-call.dynamodb", unique_id="count")
    return Cost(len(sent), read, 1000 * statistics.median(_cpu(operation) for _ in range(rounds)))


def _cpu(operation: Callable[[], object]) -> float:
    begun = time.process_time()
    operation()
    return time.process_time() - begun


def _fill(client: Any, have: int, wanted: int) -> list[Task]:
    """Put open tasks into the table until there are so many; those that were added."""
    added = []
    for number in range(have, wanted):
        owner = "hot" if number % 10 < 10 * HOT_SHARE else f"owner-{number % 1000}"
        created = NOW + number
        added.append(replace(a_task(task_id=new_task_id(created), owner=owner), created_at=created))
    for start in range(0, len(added), 25):
        puts = [{"PutRequest": {"Item": write_item(task)}} for task in added[start : start + 25]]
        client.batch_write_item(RequestItems={"tasks": puts})
    return added


def _make_tables(emulator: Emulator) -> None:
    declared = resources(read_template(), "AWS::DynamoDB::Table")
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    for logical, name in TABLES.items():
        properties = declared[logical]["Properties"]
        keys = {key: properties[key] for key in wanted if key in properties}
        emulator.client("dynamodb").create_table(TableName=name, **keys)


if __name__ == "__main__":
    main()
