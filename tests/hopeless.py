"""A deployment in which nothing succeeds and nothing becomes due: what goes round in it goes round for ever, if
anything does."""

from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from darkroom.aws.queues import Message, message_body, read_message
from darkroom.http.errors import LinkFailed
from darkroom.images.copying import ImageCopier
from darkroom.providers.base import QueryFailed, Refused
from darkroom.providers.upstreams import Destination
from darkroom.submission.dispatching import Dispatcher
from darkroom.submission.polling import Poller
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.messages import Copy, Poll, Submission
from darkroom.tasks.outbox import Outbox
from darkroom.tasks.task import Attempt, Task
from darkroom.tasks.update import Update
from darkroom.webhooks.delivery import Deliverer
from darkroom.webhooks.messages import Delivery
from darkroom.webhooks.retry_schedule import WEBHOOKS
from darkroom.webhooks.sender import DeliveryOutcome
from tests.memory import DeliveryMemory, TaskMemory
from tests.unit.tasks.test_transitions import NOW

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
            build=lambda task: None, given_to=lambda adapter, address: True, failed=print, succeeded=print,
            find_image=lambda *_, **__: None, rule=lambda task: WEBHOOKS, body=lambda task: b"",
        )  # fmt: skip
        outbox = Outbox(itself, self.clock)
        parts: Any = {"tasks": self.tasks, "queues": self, "clock": self.clock}
        outside: Any = {"adapters": lambda name, protocol: self, "upstreams": self}
        self._tracker = Poller(
            objects=lambda: anything, latency=lambda task: 10.0, outbox=outbox, scale=1, **parts, **outside
        )
        self._dispatcher = Dispatcher(
            objects=lambda: anything, requests=anything, addresses=anything, breakers=lambda: anything,
            outbox=outbox, scale=1, **parts, **outside,
        )  # fmt: skip
        self._ingestor = ImageCopier(objects=anything, downloader=itself, max_bytes=1, **parts, **outside)
        deliveries: Any = self.deliveries
        self._deliverer = Deliverer(
            deliveries=deliveries, post=self.post, secrets=lambda owner: (), payloads=anything, scale=1, **parts
        )

    traits = SimpleNamespace(page_size=1, can_cancel=False)
    used = False

    def clock(self) -> int:
        return self._now

    # The providers and the others outside.

    def reach(self, attempt: Attempt) -> "Hopeless":
        return self

    def destination(self, provider: str) -> Destination:
        return Destination(provider, "", "default", "token")

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
        if kind is Poll:
            look = read_message(Poll, body)
            self._tracker.poll(look)
        elif kind is Submission:
            self._dispatcher.submit_due(read_message(Submission, body))
        elif kind is Copy:
            self._ingestor.copy(read_message(Copy, body))
        else:
            self._deliverer.deliver(read_message(Delivery, body))
