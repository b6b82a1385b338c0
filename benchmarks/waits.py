"""What a webhook costs that fails for three days: its waits walked in hops of fifteen minutes, and booked as schedules.

The real deliverer, queues and schedules, on a clock of their own, before services that count what they are asked for;
no wait is jittered. Prices as in `benchmarks/cost.py`.
"""

import contextlib
import heapq
import io
import itertools
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from benchmarks.cost import MEMORY, PRICES
from benchmarks.durations import SECONDS
from benchmarks.figures import Figure, at_most
from darkroom.aws.queues import Queues, read_message
from darkroom.aws.schedules import Schedules
from darkroom.observability import logger
from darkroom.settings import Settings
from darkroom.tasks import transitions
from darkroom.tasks.task import Task
from darkroom.webhooks import delivery
from darkroom.webhooks.delivery import Deliverer
from darkroom.webhooks.messages import Delivery
from darkroom.webhooks.retry_schedule import WEBHOOKS
from darkroom.webhooks.sender import DeliveryOutcome
from tests.memory import DeliveryMemory, TaskMemory
from tests.unit.tasks.test_transitions import NOW, a_task, copying, stored

SCHEDULE = 1.00e-6
"""Dollars for an invocation of EventBridge Scheduler, after fourteen million free ones a month."""
LATE = 59
"""Seconds that a schedule may be late (AWS: schedule types)."""
HOP_SECONDS = 0.02
"""Of an invocation that only sends its message on."""
BOOKING_SECONDS = 0.05
"""That an attempt takes longer for making a schedule."""
HOUR = 3_600_000
URL = "https://sqs.us-east-1.amazonaws.com/123456789012/webhooks"


@dataclass
class Bill:
    """What was asked of each service, and how long the webhook was tried for."""

    asked: Counter[str]
    attempts: int
    hours: float

    @property
    def dollars(self) -> dict[str, float]:
        """By service."""
        seconds = self.asked["attempt"] * SECONDS["deliver"] + self.asked["hop"] * HOP_SECONDS
        seconds += self.asked["schedule"] * BOOKING_SECONDS
        invocations = self.asked["attempt"] + self.asked["hop"]
        per_second = MEMORY["deliver"] * PRICES["Lambda GB-seconds (arm64)"]
        return {
            "Lambda": invocations * PRICES["Lambda requests"] + seconds * per_second,
            "SQS": self.asked["SQS"] * PRICES["SQS requests"],
            "Scheduler": self.asked["schedule"] * SCHEDULE,
        }


class Clockwork:
    """SQS and EventBridge Scheduler, as far as they are called here, and the function that they wake."""

    def __init__(self, *, booked: bool) -> None:
        self.now = NOW
        self.asked: Counter[str] = Counter()
        self.posts: list[int] = []
        self._due: list[tuple[int, int, str]] = []
        self._numbers = itertools.count()
        client: Any = self
        schedules = Schedules(lambda: client, "waits", "arn:aws:iam::123456789012:role/r", "us-east-1", _nothing)
        queues = Queues(client, Settings({"DARKROOM_WEBHOOK_QUEUE_URL": URL}), lambda: schedules if booked else None)
        deliveries = DeliveryMemory()
        self.logs = deliveries.logs
        stores: Any = {"tasks": TaskMemory(_ended()), "deliveries": deliveries}
        payloads: Any = SimpleNamespace(rule=lambda _: WEBHOOKS, body=lambda _: b"")
        self._deliverer = Deliverer(
            queues=queues, post=self._post, secrets=lambda _: (), payloads=payloads, clock=lambda: self.now, scale=1,
            **stores,
        )  # fmt: skip
        queues.send(Delivery(a_task().task_id))

    def send_message(self, **parameters: Any) -> None:
        self._wake(parameters["MessageBody"], self.now + 1000 * parameters["DelaySeconds"])

    def create_schedule(self, **parameters: Any) -> None:
        (moment,) = re.findall(r"at\((.*)\)", parameters["ScheduleExpression"])
        due_at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        self.asked["schedule"] += 1
        self._wake(parameters["Target"]["Input"], int(1000 * due_at.timestamp()) + 1000 * LATE)

    def _wake(self, body: str, due_at: int) -> None:
        # Sent, received and deleted, each a request; Scheduler's own sending is one, too.
        self.asked["SQS"] += 3
        heapq.heappush(self._due, (due_at, next(self._numbers), body))

    def _post(self, *_: Any, **__: Any) -> DeliveryOutcome:
        self.posts.append(self.now)
        return DeliveryOutcome(status=503, latency_ms=5, error=None, gone=False, delivered=False)

    def run(self) -> Bill:
        """To the webhook's last attempt."""
        while self._due:
            self.now, _, body = heapq.heappop(self._due)
            before = len(self.posts)
            self._deliverer.deliver(read_message(Delivery, body))
            self.asked["attempt" if len(self.posts) > before else "hop"] += 1
        return Bill(self.asked, len(self.posts), (self.posts[-1] - self.posts[0]) / HOUR)


def measured(*, booked: bool) -> Bill:
    """One webhook that nobody takes."""
    os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Darkroom")
    exact: Callable[[], float] = lambda: 0.5  # noqa: E731
    with patch.object(delivery, "random", exact), contextlib.redirect_stdout(io.StringIO()):
        return Clockwork(booked=booked).run()


def main() -> list[Figure]:
    """Print both ways."""
    logger.setLevel("CRITICAL")
    print("a webhook that fails for three days: invocations, messages, dollars for 1,000 of them")
    hops, booked = measured(booked=False), measured(booked=True)
    for name, bill in {"hops of 900 s": hops, "schedules": booked}.items():
        asked, total = bill.asked, 1000 * sum(bill.dollars.values())
        parts = ", ".join(f"{service} {1000 * cost:.4f}" for service, cost in bill.dollars.items())
        print(
            f"  {name:<14}{bill.attempts} attempts in {bill.hours:.1f} h: {asked['attempt'] + asked['hop']:>4} "
            f"invocations, {asked['SQS']:>4} requests of SQS, {asked['schedule']} schedules; {total:.4f} ({parts})"
        )
    share = sum(booked.dollars.values()) / sum(hops.dollars.values())
    return [
        at_most("a webhook that fails for 72 h, invocations", booked.asked["attempt"] + booked.asked["hop"], 12),
        at_most("its dollars, of those of hops of 900 s", share, 0.15, "x"),
    ]


def _nothing(_: str) -> None:
    """No dead letters here."""


def _ended() -> Task:
    task = transitions.store_image(copying(), 0, stored(0), now=NOW)
    task = transitions.store_image(task, 1, stored(1), now=NOW)
    return replace(task, request=replace(task.request, callback_url="https://app.example/hook"))


if __name__ == "__main__":
    main()
