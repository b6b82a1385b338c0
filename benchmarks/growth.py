"""Growth: a look-up, a page of a list, a transition and a look, with 1,000, 10,000 and 100,000 tasks in the table.

Counted is what DynamoDB bills by, requests and items read (`ScannedCount`), in the local AWS; and our own CPU, with the
same answers given again. The local AWS's time is left out: it reads a whole index for a page, as DynamoDB does not.
Nine tasks in ten are one owner's, and all are open: neither a long list nor many open tasks may cost anybody anything.
"""

import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from botocore.session import get_session

from benchmarks.figures import Figure, at_most
from benchmarks.trivial_aws import sent_by
from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.tasks import transitions
from darkroom.tasks.ids import new_task_id
from darkroom.tasks.item import open_shard, write_item
from darkroom.tasks.listing import Filters, TaskList
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import Task
from local.stack.emulator import ROOT_KEY, Emulator
from tests.integration.emulated_aws import ACCOUNTS, TASKS, declared_tables
from tests.unit.tasks.test_transitions import NOW, a_task

SIZES = (1_000, 10_000, 100_000)
HOT_SHARE = 0.9
ROUNDS, BATCHES = 40, 12
TARGET = 1.10


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation takes: requests to AWS, items read, milliseconds of our CPU."""

    requests: int
    items: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation at one size: what AWS answered to it, and how many items that took it."""

    operation: Callable[[], object]
    answers: list[Any]
    items: int


def main() -> list[Figure]:
    """Measure and print."""
    emulator = Emulator()
    try:
        for table, declared in declared_tables().items():
            emulator.client("dynamodb").create_table(TableName=table, **declared)
        session = get_session()
        session.set_credentials(ROOT_KEY, ROOT_KEY)
        client = session.create_client("dynamodb", "us-east-1", endpoint_url=emulator.url)
        asked: dict[str, list[Asked]] = {}
        task_ids: list[str] = []
        for size in SIZES:
            task_ids += _fill(client, len(task_ids), size)
            for name, operation in _operations(client, list(task_ids)).items():
                asked.setdefault(name, []).append(_ask(client, operation))
    finally:
        emulator.stop()
    return _figures({name: _costs(found) for name, found in asked.items()}, task_ids)


def _figures(costs: dict[str, list[Cost]], task_ids: list[str]) -> list[Figure]:
    figures = []
    print(f"growth: with {', '.join(f'{size:,}' for size in SIZES)} open tasks, nine in ten of one owner")
    for name, found in costs.items():
        ratio = max(cost.cpu for cost in found) / min(cost.cpu for cost in found)
        same = len({(cost.requests, cost.items) for cost in found}) == 1
        figure = at_most(f"{name} with {SIZES[-1]:,} tasks, of {SIZES[0]:,}", ratio if same else 99, TARGET)
        figures.append(figure)
        counted = " / ".join(f"{cost.requests} requests {cost.items} items" for cost in found)
        cpu = " / ".join(f"{cost.cpu:.2f}" for cost in found)
        print(f"  {name:<11}{counted}   CPU {cpu} ms, {figure.value}: {figure.verdict}")
    shards: dict[str, int] = {}
    for task_id in task_ids:
        shards[open_shard(task_id)] = shards.get(open_shard(task_id), 0) + 1
    fullest = max(shards.values()) * len(shards) / len(task_ids)
    print(f"  writes go to {len(task_ids):,} partition keys of the table, {len(shards)} of the index of open tasks "
          f"(the fullest with {fullest:.2f} of its share), and one an owner in the list")  # fmt: skip
    return figures


def _operations(client: Any, task_ids: list[str]) -> dict[str, Callable[[], object]]:
    store = TaskStore(client, TASKS, TaskAccounting(ACCOUNTS))
    listed = TaskList(client, TASKS, store.get_many)
    chosen = random.Random(1)
    later = itertools.count(NOW * 2)

    def transition() -> object:
        until = next(later)
        return store.change(chosen.choice(task_ids), lambda task: transitions.keep_open_until(task, until))

    return {
        "look-up": lambda: store.get(chosen.choice(task_ids)),
        "page of 20": lambda: listed.page("hot", Filters(), limit=20),
        "transition": transition,
        "look at 50": lambda: store.get_many(chosen.sample(task_ids, 50)),
    }


def _ask(client: Any, operation: Callable[[], object]) -> Asked:
    read = 0

    def count(parsed: dict[str, Any], **_: object) -> None:
        nonlocal read
        read += parsed.get("ScannedCount", 0) + ("Item" in parsed)
        read += sum(map(len, parsed.get("Responses", {}).values()))

    client.meta.events.register("after-call.dynamodb", count, unique_id="count")
    answers: list[Any] = []

    def keep(_: object, ask: Callable[[], Any]) -> Any:
        answers.append(ask())
        return answers[-1]

    with sent_by(keep):
        operation()
    client.meta.events.unregister("after-call.dynamodb", unique_id="count")
    return Asked(operation, answers, read)


def _costs(found: list[Asked]) -> list[Cost]:
    """What an operation costs at each size. The sizes take turns, and the best of each counts."""
    turns = [[_cpu(asked) for asked in found] for _ in range(BATCHES)]
    best = [min(turn[place] for turn in turns) for place in range(len(found))]
    return [Cost(len(asked.answers), asked.items, 1000 * cpu) for asked, cpu in zip(found, best, strict=True)]


def _cpu(asked: Asked) -> float:
    again = itertools.cycle(asked.answers)
    with sent_by(lambda *_: next(again)):
        begun = time.process_time()
        for _ in range(ROUNDS):
            asked.operation()
        return (time.process_time() - begun) / ROUNDS


def _fill(client: Any, have: int, wanted: int) -> list[str]:
    """Put open tasks into the table until there are so many; the ids of those that were added."""
    added = []
    for start in range(have, wanted, 25):
        tasks = [_a_task(number) for number in range(start, min(start + 25, wanted))]
        client.batch_write_item(RequestItems={TASKS: [{"PutRequest": {"Item": write_item(task)}} for task in tasks]})
        added += [task.task_id for task in tasks]
    return added


def _a_task(number: int) -> Task:
    owner = "hot" if number % 10 < 10 * HOT_SHARE else f"owner-{number % 1000}"
    created = NOW + number
    return replace(a_task(task_id=new_task_id(created), owner=owner), created_at=created)


if __name__ == "__main__":
    main()
