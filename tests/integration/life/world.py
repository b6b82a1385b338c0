"""A whole deployment in one process, on a clock of its own: the real services over moto, with queues that can be
pumped, a stream that is read, a provider that is scripted, and a process that can be killed at any call."""

import hashlib
import heapq
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import IO, Any

from botocore.exceptions import EndpointConnectionError
from botocore.session import get_session

from darkroom.accounts.keys import ApiKey
from darkroom.accounts.ledger import AccountLedger
from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.api.rendering import render_task
from darkroom.aws.delays import jittered, queue_delay
from darkroom.aws.queues import Message, read_message
from darkroom.aws.secrets import SigningKeys
from darkroom.callbacks.address import CallbackAddresses
from darkroom.callbacks.authenticity import CallbackAuthenticity
from darkroom.callbacks.notes import CallbackNotes
from darkroom.callbacks.receiver import CallbackReceiver
from darkroom.catalog.breaker_store import Breakers
from darkroom.catalog.score_store import ScoreStore
from darkroom.catalog.scorecard import Scorecard
from darkroom.catalog.shipped import shipped_catalog
from darkroom.dialects.task_view import TaskPresenter
from darkroom.dialects.webhook_payload import DialectPayloads
from darkroom.http.errors import LinkGone
from darkroom.images.copying import ImageCopier
from darkroom.images.download import Downloaded
from darkroom.images.links import LinkSigner
from darkroom.images.object_store import ObjectStore
from darkroom.operations.reconciliation import Reconciler
from darkroom.operations.sweep_cursor import SweepCursors
from darkroom.providers.adapter import Adapter
from darkroom.providers.base import Refused, Upstream, UpstreamAnswer, UpstreamRequest
from darkroom.providers.registry import adapter
from darkroom.providers.upstreams import Destination
from darkroom.settings import Settings
from darkroom.submission.accepting import Submissions, Submitted
from darkroom.submission.dispatching import Dispatcher
from darkroom.submission.generation_request import RequestBuilder
from darkroom.submission.polling import Poller
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.messages import Copy, Poll, Submission
from darkroom.tasks.open_index import OpenTasks
from darkroom.tasks.outbox import Outbox
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import Attempt, Task
from darkroom.webhooks.delivery import Deliverer
from darkroom.webhooks.delivery_log import DeliveryStore
from darkroom.webhooks.fan_out import Notifier
from darkroom.webhooks.messages import Delivery
from darkroom.webhooks.payload import WebhookPayloads
from darkroom.webhooks.sender import DeliveryOutcome
from tests.integration.emulated_aws import shared_session

PUBLIC_URL = "https://gateway.example"
FILES = "pictures.example"
"""Where the provider keeps what it made."""
MAX_RECEIVES = 5
VISIBILITY = 180_000


class Killed(BaseException):
    """The process died here. No handler of ours can catch it."""


@dataclass
class Chaos:
    """Counts the calls that leave the process, and lets one of them be the last: before or after it took effect.

    With `interrupt`, something else happens in the midst of that call instead, such as the same thing once more.
    """

    kill_at: int | None = None
    after: bool = False
    error: BaseException | None = None
    interrupt: Callable[[], None] | None = None
    calls: list[str] = field(default_factory=list)

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Wrap one outgoing call."""
        self.calls.append(name)
        due = self.kill_at is not None and len(self.calls) == self.kill_at
        if due and not self.after:
            self._strike(name)
        yield
        if due and self.after:
            self._strike(name)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let calls pass for a while that do not count."""
        kill_at, self.kill_at, before = self.kill_at, None, len(self.calls)
        yield
        self.kill_at = kill_at
        del self.calls[before:]

    def _strike(self, name: str) -> None:
        if self.interrupt is None:
            raise self.error or Killed(name)
        self.kill_at = None
        self.interrupt()


@dataclass(order=True)
class _Waiting:
    due_at: int
    number: int
    queue: str = field(compare=False)
    body: str = field(compare=False)
    receives: int = field(compare=False, default=0)


class PumpedQueues:
    """The queues: messages wait on the world's clock, and come again when their handling fails."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.waiting: list[_Waiting] = []
        self.dead: list[_Waiting] = []
        self._numbers = itertools.count()

    def send(self, message: Message, *, wait: float = 0) -> None:
        self._push(message, queue_delay(jittered(wait, 0.5)) * 1000)

    def send_at(self, message: Message, due_at: int, *, now: int) -> None:
        self._push(message, queue_delay((due_at - now) / 1000) * 1000)

    def send_all(self, messages: Any) -> None:
        with self._world.chaos.call("sqs.send_all"):
            for message in messages:
                self._put(message, 0)

    def _push(self, message: Message, delay: int) -> None:
        with self._world.chaos.call(f"sqs.send {type(message).__name__}"):
            self._put(message, delay)

    def _put(self, message: Message, delay: int) -> None:
        body = json.dumps(asdict(message))
        heapq.heappush(
            self.waiting,
            _Waiting(self._world.time + delay, next(self._numbers), type(message).__name__, body),
        )

    def take(self) -> _Waiting | None:
        return heapq.heappop(self.waiting) if self.waiting else None

    def put_back(self, message: _Waiting) -> None:
        message.receives += 1
        message.due_at = self._world.time + VISIBILITY
        if message.receives >= MAX_RECEIVES:
            self.dead.append(message)
        else:
            heapq.heappush(self.waiting, message)


class ScriptedProvider:
    """An evolink that does what the test says: pictures after a while, callbacks dropped, doubled or late."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.jobs: dict[str, dict[str, Any]] = {}
        self.submissions = 0
        self.callbacks: Callable[[int], int] = lambda number: 1
        self.latency = 10_000
        self.refusals: list[Exception] = []
        self.answer_first = True
        self.extra = 0
        self.echo = 0
        self.fails = False
        self.denies: Callable[[int], bool] = lambda number: False

    address = "https://api.evolink.ai"

    @property
    def credential(self) -> Mapping[str, str]:
        return {"api_key": "k"}

    def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        with self._world.chaos.call(f"provider {request.method}"):
            if request.method == "POST":
                return self._submit(request)
            return self._query(request.path.rsplit("/", 1)[-1])

    def _submit(self, request: UpstreamRequest) -> UpstreamAnswer:
        if self.refusals:
            raise self.refusals.pop(0)
        self.submissions += 1
        job_id = f"task-unified-{self.submissions}"
        job = {
            "n": request.json.get("n", 1),
            "done_at": self._world.time + self.latency,
            "callback_url": request.json.get("callback_url"),
            "image_urls": request.json.get("image_urls", []),
            "fails": self.fails,
        }
        self.jobs[job_id] = job
        for _ in range(self.callbacks(self.submissions)):
            self._world.later(self.latency, lambda: self._call_back(job_id))
        if self.denies(self.submissions):
            return _answer({"error": {"code": "service_error", "message": f"no, {job['callback_url']}"}}, 500)
        return _answer({"id": job_id, "status": "pending", "progress": 0, "model": "m", "created": 1})

    def _query(self, job_id: str) -> UpstreamAnswer:
        return _answer(self.body(job_id)) if job_id in self.jobs else _answer({"error": {"code": "x"}}, 404)

    def body(self, job_id: str) -> dict[str, Any]:
        job = self.jobs[job_id]
        if self._world.time < job["done_at"]:
            return {"id": job_id, "status": "processing", "progress": 40}
        links = [f"https://{FILES}/{job_id}/{index}" for index in range(job["n"] + self.extra)]
        repeated = {"input": [{"callback": job["callback_url"], "made": links}] * self.echo} if self.echo else {}
        if job["fails"]:
            message = f"made {links[0]} and could not tell {job['callback_url']}" if self.echo else "no"
            return {
                "id": job_id,
                "status": "failed",
                "error": {"code": "service_error", "message": message},
                **repeated,
            }
        return {"id": job_id, "status": "completed", "progress": 100, "results": links, **repeated}

    def _call_back(self, job_id: str, *, speaking_of: str = "") -> None:
        """Call back for a job, with another one's id and pictures where it is `speaking_of` that."""
        url = self.jobs[job_id]["callback_url"]
        if url:
            self._world.receive_callback(url, json.dumps(self.body(speaking_of or job_id)).encode())


class World:
    """The deployment. `run` pumps queues, stream and provider until nothing is left to do."""

    def __init__(self, tables: tuple[str, str], bucket: str, picture: bytes, chaos: Chaos | None = None) -> None:
        self.time = 1_780_000_000_000
        self.chaos = chaos or Chaos()
        self.picture = picture
        self.announced: list[tuple[str, str]] = []
        self.delivered: list[str] = []
        self.downloads: Counter[str] = Counter()
        self.missing: set[str] = set()
        self.served: list[bytes] = []
        """What links lead to before they lead to the picture."""
        self.crashes = 0
        self.calls = 0
        self.stream_tries = 3
        self.kept: list[dict[str, Any]] = []
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._streamed: dict[str, dict[str, Any]] = {}
        self._tables, self._bucket = tables, bucket
        self.queues = PumpedQueues(self)
        self.provider = ScriptedProvider(self)
        self.caller = ApiKey("owner", key_id="k1")
        self.confirm = False
        self._build()

    def open_account(self, credits: Decimal) -> None:
        """Give the owner a prepaid account, and its key a limit of open tasks."""
        book = AccountLedger(shared_session().client("dynamodb"), self._tables[1])
        book.put_terms("owner", prepaid=True, budget=None)
        book.credit("owner", credits, reference="first", note="", now=self.time)
        self.caller = ApiKey("owner", key_id="k1", open_tasks=20)

    def _build(self) -> None:
        settings = Settings(
            {
                "DARKROOM_PUBLIC_URL": PUBLIC_URL,
                "DARKROOM_TASK_RETENTION_DAYS": "30",
            }
        )
        session = shared_session()
        dynamodb = self._watched(session.client("dynamodb"), "dynamodb")
        s3 = self._watched(session.client("s3"), "s3")
        keys = SigningKeys("signing", lambda name: {"identity": "i" * 48, "callback": []})
        self.tasks = TaskStore(
            dynamodb, self._tables[0], TaskAccounting(self._tables[1]), clock=self.clock, retention_days=30
        )
        objects = ObjectStore(s3, self._bucket)
        self.objects = objects
        deliveries = DeliveryStore(dynamodb, self._tables[0], clock=self.clock)
        self.deliveries = deliveries
        links = LinkSigner.from_session(get_session(), self._bucket, "us-east-1", link_seconds=3600)
        queues: Any = self.queues
        outbox = Outbox(queues, self.clock)
        addresses = CallbackAddresses(settings, keys)
        shared: Any = {"tasks": self.tasks, "clock": self.clock}
        scaled: Any = {"adapters": self.adapter, "outbox": outbox, "scale": 1}
        orders = RequestBuilder(
            catalog=shipped_catalog, adapters=self.adapter, addresses=addresses, reference_link=lambda key: key
        )
        breakers = Breakers(dynamodb, self._tables[1], clock=self.clock, scale=1)
        scores = ScoreStore(dynamodb, self._tables[1])
        scorecard = Scorecard(
            scores=lambda: scores, breakers=lambda: breakers, catalog=shipped_catalog, clock=self.clock
        )
        notes = CallbackNotes(dynamodb, self._tables[0], clock=self.clock)
        self.notes = notes
        dispatcher = Dispatcher(
            queues=queues, objects=lambda: objects, requests=orders, upstreams=self, addresses=addresses, breakers=lambda: breakers,
            **shared, **scaled,
        )  # fmt: skip
        self.dispatcher = dispatcher
        self.submissions = Submissions(
            queues=queues, objects=lambda: objects, catalog=shipped_catalog, keys=keys,
            available=lambda: {"evolink"}, metered=AccountLedger(dynamodb, self._tables[1]).has, dispatcher=dispatcher, scorecard=scorecard, outbox=outbox, settings=settings, **shared,
        )  # fmt: skip
        self.callbacks = CallbackReceiver(
            objects=objects,
            addresses=addresses,
            notes=notes,
            confirm=self.confirm,
            authenticity=CallbackAuthenticity(credentials=self, keys_upstream=self.keys_upstream, clock=self.clock),  # type: ignore[arg-type]
            **shared,
            **scaled,
        )
        self.poller = Poller(
            queues=queues,
            objects=lambda: objects,
            upstreams=self,
            latency=lambda task: 10.0,
            **shared,
            **scaled,
        )
        self.image_copier = ImageCopier(
            objects=objects, queues=queues, downloader=self, adapters=self.adapter, upstreams=self,  # type: ignore[arg-type]
            max_bytes=40 * 1024 * 1024, **shared,
        )  # fmt: skip
        self.notifier = Notifier(tasks=self.tasks, queues=queues, bus=self, scores=scores, clock=self.clock, scale=1)
        self.reconciler = Reconciler(
            tasks=self.tasks, open_tasks=OpenTasks(dynamodb, self._tables[0]), objects=objects,
            sweeps=SweepCursors(dynamodb, self._tables[1]), queues=queues, notifier=lambda: self.notifier,
            given_up=self,  # type: ignore[arg-type]
            clock=self.clock, scale=1,
        )  # fmt: skip
        presenter = TaskPresenter(
            links=links, objects=lambda: objects, estimate=lambda task: 10.0, public_url="https://api.test",
            clock=self.clock,
        )  # fmt: skip
        self.presenter, self.links = presenter, links
        self.deliverer = Deliverer(
            deliveries=deliveries, queues=queues, post=self.post, secrets=lambda owner: [], scale=1,
            payloads=WebhookPayloads(render=lambda task: render_task(task, links, self.time), foreign=lambda: DialectPayloads(presenter)), **shared,
        )  # fmt: skip

    # What stands in for the outside.

    def clock(self) -> int:
        return self.time

    def adapter(self, name: str, protocol: str) -> Adapter:
        return adapter(name, protocol)

    def reach(self, attempt: Attempt) -> Upstream:
        return self.provider

    def keys_upstream(self, attempt: Attempt, address: str) -> Upstream:
        raise AssertionError("evolink signs nothing")

    def destination(self, provider: str) -> Destination:
        return Destination(provider, "https://api.evolink.ai", "default", "token")

    def announce(self, task: Task) -> None:
        with self.chaos.call("events.put_events"):
            self.announced.append((task.task_id, task.status.value))

    def post(
        self, url: str, event_id: str, timestamp: Any, body: bytes, *, secrets: Sequence[str], timeout: float
    ) -> DeliveryOutcome:
        with self.chaos.call("webhook post"):
            self.delivered.append(event_id)
            return DeliveryOutcome(status=200, latency_ms=5, error=None, gone=False, delivered=True)

    def download(self, url: str, sink: IO[bytes], *, max_bytes: int) -> Any:
        with self.chaos.call("download"):
            self.downloads[url] += 1
            if url in self.missing:
                raise LinkGone("404")
            content = self.served.pop(0) if self.served else self.picture
            sink.write(content)
            return Downloaded(len(content), hashlib.sha256(content).hexdigest())

    def counted(self) -> list[dict[str, Any]]:
        """What was given up on, in the words of the reconciler's dead letters."""
        return [{"queue": "all", "messages": len(self.queues.dead)}, {"queue": "notify", "messages": len(self.kept)}]

    # The clockwork.

    def later(self, wait: int, what: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.time + wait, next(self._numbers), what))

    def submit(
        self, request: ImageRequest, key: str | None = None, *, fingerprint: str = "f", inline: bool = True
    ) -> Submitted | None:
        """What an app's POST does; None where the function died."""
        try:
            return self.submissions.submit(
                self.caller,
                request,
                fingerprint=fingerprint,
                correlation_id="the app's own",
                idempotency_key=key,
                inline=inline,
            )
        except (Killed, EndpointConnectionError):
            self.crashes += 1
            return None

    def receive_callback(self, url: str, body: bytes) -> None:
        """A provider's POST; where it gets no answer it comes again three times, as evolink does."""
        provider, task_id, token = url.removeprefix(f"{PUBLIC_URL}/callbacks/").split("/")
        for _ in range(4):
            try:
                self.callbacks.receive(provider, task_id, token, {}, body)
            except (Killed, EndpointConnectionError):
                self.crashes += 1
            else:
                return

    def run(self, until: int = 100_000_000, *, stop_at: str = "") -> None:
        """Go on until nothing is left to do (or that many milliseconds have passed, or such a message is next)."""
        end = self.time + until
        self._read_stream()
        while self._agenda or self.queues.waiting:
            next_event = self._agenda[0][0] if self._agenda else end + 1
            next_message = self.queues.waiting[0].due_at if self.queues.waiting else end + 1
            moment = min(next_event, next_message)
            if moment > end or (next_message < next_event and self.queues.waiting[0].queue == stop_at):
                return
            self.time = max(self.time, moment)
            if next_event <= next_message:
                heapq.heappop(self._agenda)[2]()
            else:
                self._handle()
            self._read_stream()

    def _handle(self) -> None:
        message = self.queues.take()
        assert message is not None
        try:
            self._work(message)
        except (Killed, EndpointConnectionError):
            self.crashes += 1
            self.queues.put_back(message)

    def _work(self, message: _Waiting) -> None:
        match message.queue:
            case "Poll":
                look = read_message(Poll, message.body)
                self.poller.poll(look)
            case "Submission":
                self.dispatcher.submit_due(read_message(Submission, message.body))
            case "Copy":
                self.image_copier.copy(read_message(Copy, message.body), redelivered=message.receives > 0)
            case "Delivery":
                self.deliverer.deliver(read_message(Delivery, message.body))

    def _read_stream(self) -> None:
        """Hand every change since the last reading to notify, again and again until it is taken."""
        client = shared_session().client("dynamodb")
        for item in client.scan(TableName=self._tables[0])["Items"]:
            key = item["task_id"]["S"]
            old = self._streamed.get(key, {})
            if old == item:
                continue
            images = {"NewImage": item, "OldImage": old, "ApproximateCreationDateTime": self.time / 1000}
            self._streamed[key] = item
            self._notify({"eventName": "MODIFY" if old else "INSERT", "dynamodb": images})

    def _notify(self, record: dict[str, Any]) -> None:
        for _ in range(self.stream_tries):
            try:
                self.notifier.changed(record)
            except (Killed, EndpointConnectionError):
                self.crashes += 1
            else:
                return
        self.kept.append(record)

    def _watched(self, client: Any, service: str) -> Any:
        return _WatchedClient(client, service, self.chaos)


class _WatchedClient:
    """A boto3 client whose every call goes through the chaos."""

    def __init__(self, client: Any, service: str, chaos: Chaos) -> None:
        self._client = client
        self._service = service
        self._chaos = chaos

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if not callable(attribute) or name in {"get_paginator", "exceptions"}:
            return attribute

        def call(**parameters: Any) -> Any:
            with self._chaos.call(f"{self._service}.{name}"):
                return attribute(**parameters)

        return call


def _answer(body: Any, status: int = 200) -> UpstreamAnswer:
    return UpstreamAnswer(status, {"content-type": "application/json"}, json.dumps(body).encode())


def refusal(code: ErrorCode, disposition: Disposition) -> Refused:
    """A provider that says no."""
    return Refused(Failure(code, "no", disposition))
