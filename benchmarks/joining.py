"""What it costs that a synchronous call may be joined by its repetition: requests of the calls' record, counted."""

import os
from typing import Any

from benchmarks.cost import Book, Meter, count
from benchmarks.figures import Figure, at_most
from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.submission.deduplication import Deduplication
from darkroom.submission.in_flight_calls import InFlightCallStore
from darkroom.submission.repetition import Caller
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import Task
from tests.integration.emulated_aws import ACCOUNTS, TASKS, emulated_aws, shared_session
from tests.unit.tasks.test_transitions import NOW, a_task

TARGET = 0.15
"""Of what a task takes of DynamoDB: a small item is read four times and written three times more."""


def main() -> list[Figure]:
    """Print a call's requests beside those of the task it makes."""
    joined, whole = _dollars(_a_call()), _dollars(count(1))
    print("a synchronous call that can be joined: its record is read and written beside its task's")
    figure = at_most("DynamoDB of joining, to DynamoDB of the whole task", joined / whole, TARGET, "x")
    print(f"  {1000 * joined:.5f} dollars for 1,000 calls; of 1,000 tasks {1000 * whole:.5f}: {figure.value}")
    return [figure]


def _a_call() -> Book:
    """A call that is a new wish, makes its task and is answered: as nearly all are."""
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1")
    book = Book()
    with emulated_aws():
        client: Any = Meter(shared_session().client("dynamodb"), "dynamodb", book)
        deduplication = Deduplication(
            answers=InFlightCallStore(client, TASKS, clock=lambda: NOW),
            tasks=TaskStore(client, TASKS, TaskAccounting(ACCOUNTS)),
            clock=lambda: NOW,
        )
        task: Task = a_task()
        caller = Caller(now=NOW, until=NOW + 26_000)
        assert deduplication.joined("key", caller) is None
        place = deduplication.begun("key", caller)
        deduplication.made("key", place, task)
        deduplication.answered("key", place)
    return book


def _dollars(book: Book) -> float:
    return sum(dollars for name, dollars in book.dollars().items() if name.startswith("DynamoDB"))


if __name__ == "__main__":
    main()
