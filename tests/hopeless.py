"""A deployment in which nothing succeeds and nothing becomes due: what goes round in it goes round for ever, if
anything does."""

from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from darkroom.adapters.base import QueryFailed, Refused
from darkroom.domain import schedule
from darkroom.domain.failure import Disposition, ErrorCode, Failure
from darkroom.domain.task import Task
from darkroom.domain.update import Update
from darkroom.outbound.errors import LinkFailed
from darkroom.outbound.webhook import DeliveryOutcome
from darkroom.services.delivery import Deliverer
from darkroom.services.dispatch import Dispatcher
from darkroom.services.follow_up import FollowUp
from darkroom.services.ingestion import Ingestor
from darkroom.services.tracking import Tracker
from darkroom.stores.queues import Copy, Delivery, Look, Message, Submission, message_body, read_message
from tests.memory import DeliveryMemory, TaskMemory
from tests.unit.domain.test_transitions import NOW

BUSY = Failure(ErrorCode.RATE_LIMITED, "not now", Disposition.LATER)


class Hopeless:
    """A deployment in which nothing succeeds: every provider is busy, no link leads anywhere, nobody takes a webhook."""

    def __init__(self, task: Task, steps: Iterator[int]) -> None:
        self.tasks = TaskMemory(task)
        self.deliveries = DeliveryMemory()
        self.waiting: deque[tuple[int, Message]] = deque()
        self.depth = 0
        self.deepest = 0
        self._now = NOW
        self._steps = steps
        itself: Any = self
        anything: Any = SimpleNamespace(
            order=lambda task: None, given_to=lambda adapter: True, failed=print, succeeded=print,
            find_image=lambda *_, **__: None, rule=lambda task: schedule.WEBHOOKS, body=lambda task: b"",
        )  # fmt: skip
        follow_up = FollowUp(itself, self.clock)
        parts: Any = {"tasks": self.tasks, "queues": self, "clock": self.clock}
        outside: Any = {"adapters": lambda name: self, "upstreams": self}
        self._tracker = Tracker(
            objects=lambda: anything, latency=lambda task: 10.0, follow_up=follow_up, scale=1, **parts, **outside
        )
        self._dispatcher = Dispatcher(
            objects=lambda: anything, orders=anything, addresses=anything, breakers=lambda: anything,
            follow_up=follow_up, scale=1, **parts, **outside,
        )  # fmt: skip
        self._ingestor = Ingestor(objects=anything, downloader=itself, max_bytes=1, **parts, **outside)
        deliveries: Any = self.deliveries
        self._deliverer = Deliverer(
            deliveries=deliveries, post=self.post, secrets=lambda owner: (), letters=anything, scale=1, **parts
        )

    traits = SimpleNamespace(page_size=1, can_cancel=False)
    used = False

    def clock(self) -> int:
        return self._now

    # The providers and the others outside.

    def reach(self, provider: str, credential: str) -> "Hopeless":
        return self

    def current_credential(self, provider: str) -> str:
        return "default"

    def submit(self, order: Any, upstream: Any) -> Update:
        raise Refused(BUSY)

    def query(self, tickets: Any, upstream: Any) -> Any:
        raise QueryFailed("no answer")

    def download(self, url: str, sink: Any, *, max_bytes: int) -> Any:
        raise LinkFailed("no answer")

    def post(self, *_: Any, **__: Any) -> DeliveryOutcome:
        return DeliveryOutcome(status=500, latency_ms=1, error=None, gone=False, delivered=False)

    # The queues: what is sent may come at once, whenever it is due.

    def send(self, message: Message, *, wait: float = 0) -> None:
        self.waiting.append((self.depth + 1, message))

    def send_at(self, message: Message, due_at: int, *, now: int) -> None:
        self.send(message)

    def send_all(self, messages: Any) -> None:
        for message in messages:
            self.send(message)

    def run(self, first: Message, *, limit: int = 10_000) -> None:
        """Handle a message and all that follow from it. More than `limit` one from another are no end."""
        self.waiting.append((1, first))
        while self.waiting:
            self.depth, message = self.waiting.popleft()
            self.deepest = max(self.deepest, self.depth)
            assert self.deepest <= limit, "no end in sight"
            self._now += next(self._steps)
            self._handle(type(message), message_body(message))

    def _handle(self, kind: type[Message], body: str) -> None:
        if kind is Look:
            look = read_message(Look, body)
            self._tracker.look(look)
        elif kind is Submission:
            self._dispatcher.submit_due(read_message(Submission, body))
        elif kind is Copy:
            self._ingestor.copy(read_message(Copy, body))
        else:
            self._deliverer.deliver(read_message(Delivery, body))
