"""The parts of each function, put together: what a handler's module builds once, and lazily where it may not need it.

Imports stand inside the functions on purpose: a cold start pays only for the parts of the one function it starts.
"""

from functools import cache
from typing import TYPE_CHECKING

from darkroom.deadline import ANSWERING, invocation
from darkroom.services.clock import now
from darkroom.services.stored import Stores
from darkroom.stores import clients

if TYPE_CHECKING:
    from darkroom.domain.task import Task
    from darkroom.outbound.client import HttpClient
    from darkroom.services.callback_address import CallbackAddresses
    from darkroom.services.callbacks import CallbackReceiver
    from darkroom.services.deletion import Deletion
    from darkroom.services.delivery import Deliverer
    from darkroom.services.dispatch import Dispatcher
    from darkroom.services.erasure import Eraser
    from darkroom.services.given_up import GivenUp
    from darkroom.services.giving_up import LastResort
    from darkroom.services.ingestion import Ingestor
    from darkroom.services.notification import Notifier
    from darkroom.services.reconciliation import Reconciler
    from darkroom.services.repeats import Repeats
    from darkroom.services.scorecard import Scorecard
    from darkroom.services.sight import Sight
    from darkroom.services.submission import Submissions
    from darkroom.services.tracking import Tracker
    from darkroom.services.upstreams import HttpUpstreams
    from darkroom.stores.breakers import Breakers
    from darkroom.stores.event_bus import TaskEvents
    from darkroom.stores.scores import ScoreStore


class Assembly(Stores):
    """One function's parts, each made when first asked for."""

    @cache  # noqa: B019
    def addresses(self) -> "CallbackAddresses":
        """The callback addresses."""
        from darkroom.services.callback_address import CallbackAddresses

        return CallbackAddresses(self.settings, self.keys())

    @cache  # noqa: B019
    def http(self) -> "HttpClient":
        """The one HTTP client."""
        from darkroom.outbound.client import HttpClient

        return HttpClient(allow_loopback=self.settings.local_mode)

    @cache  # noqa: B019
    def upstreams(self, reserve: float = ANSWERING) -> "HttpUpstreams":
        """The providers. `reserve` is how many seconds of an invocation no request to them may take."""
        from darkroom.services.upstreams import HttpUpstreams
        from darkroom.stores.secrets import Credentials

        credentials = Credentials(self.settings.provider_secret, keyless=self.settings.demo_providers)
        return HttpUpstreams(settings=self.settings, credentials=credentials, client=self.http, reserve=reserve)

    @cache  # noqa: B019
    def dispatcher(self) -> "Dispatcher":
        """Submits tasks to providers."""
        from darkroom.adapters.registry import adapter
        from darkroom.domain.catalog import catalog
        from darkroom.services.dispatch import Dispatcher
        from darkroom.services.orders import OrderBook

        orders = OrderBook(
            catalog=catalog(),
            adapters=adapter,
            addresses=self.addresses(),
            reference_link=self._reference_link,
        )
        return Dispatcher(
            tasks=self.tasks(),
            queues=self.queues(),
            objects=self.objects,
            orders=orders,
            upstreams=self.upstreams(),
            addresses=self.addresses(),
            adapters=adapter,
            breakers=self.breakers,
            follow_up=self.follow_up(),
            clock=now,
            scale=self.settings.time_scale,
        )

    @cache  # noqa: B019
    def submissions(self) -> "Submissions":
        """Accepts tasks."""
        from darkroom.domain.catalog import catalog
        from darkroom.services.submission import Submissions

        return Submissions(
            tasks=self.tasks(),
            queues=self.queues(),
            objects=self.objects,
            catalog=catalog(),
            keys=self.keys(),
            available=self.upstreams().available,
            metered=self.account_book().has,
            scorecard=self.scorecard(),
            dispatcher=self.dispatcher(),
            follow_up=self.follow_up(),
            settings=self.settings,
            clock=now,
        )

    @cache  # noqa: B019
    def callbacks(self) -> "CallbackReceiver":
        """Takes callbacks."""
        from darkroom.adapters.registry import adapter
        from darkroom.services.callbacks import CallbackReceiver

        return CallbackReceiver(
            tasks=self.tasks(),
            objects=self.objects(),
            adapters=adapter,
            addresses=self.addresses(),
            notes=self.callback_notes(),
            confirm=self.settings.confirm_callbacks,
            follow_up=self.follow_up(),
            clock=now,
            scale=self.settings.time_scale,
        )

    @cache  # noqa: B019
    def tracker(self) -> "Tracker":
        """Looks at open tasks."""
        from darkroom.adapters.registry import adapter
        from darkroom.services.tracking import RECORDING, Tracker

        return Tracker(
            tasks=self.tasks(),
            queues=self.queues(),
            objects=self.objects,
            adapters=adapter,
            upstreams=self.upstreams(RECORDING),
            latency=self.scorecard().latency,
            follow_up=self.follow_up(),
            clock=now,
            scale=self.settings.time_scale,
            time_left=lambda: invocation.left(reserve=RECORDING),
        )

    @cache  # noqa: B019
    def ingestor(self) -> "Ingestor":
        """Copies images."""
        from darkroom.adapters.registry import adapter
        from darkroom.outbound.download import Downloader
        from darkroom.services.ingestion import Ingestor

        return Ingestor(
            tasks=self.tasks(),
            objects=self.objects(),
            queues=self.queues(),
            downloader=Downloader(self.http()),
            adapters=adapter,
            upstreams=self.upstreams(),
            max_bytes=self.settings.max_image_bytes,
            strip=self.settings.strip_image_metadata,
            clock=now,
        )

    @cache  # noqa: B019
    def breakers(self) -> "Breakers":
        """The providers' circuit breakers."""
        from darkroom.stores.breakers import Breakers

        return Breakers(clients.dynamodb(), self.settings.accounts_table, clock=now, scale=self.settings.time_scale)

    @cache  # noqa: B019
    def scores(self) -> "ScoreStore":
        """How the offers did."""
        from darkroom.stores.scores import ScoreStore

        return ScoreStore(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def scorecard(self) -> "Scorecard":
        """What is known of the offers."""
        from darkroom.domain.catalog import catalog
        from darkroom.services.scorecard import Scorecard

        return Scorecard(scores=self.scores, breakers=self.breakers, catalog=catalog(), clock=now)

    @cache  # noqa: B019
    def reconciler(self) -> "Reconciler":
        """Looks for what was lost."""
        from darkroom.services.reconciliation import Reconciler
        from darkroom.stores.open_tasks import OpenTasks
        from darkroom.stores.sweeps import Sweeps

        return Reconciler(
            tasks=self.tasks(),
            open_tasks=OpenTasks(clients.dynamodb(), self.settings.tasks_table),
            objects=self.objects(),
            sweeps=Sweeps(clients.dynamodb(), self.settings.accounts_table),
            queues=self.queues(),
            notifier=self.notifier,
            given_up=self.given_up(),
            clock=now,
            scale=self.settings.time_scale,
        )

    @cache  # noqa: B019
    def last_resort(self) -> "LastResort":
        """Marks the tasks of messages that are given up on."""
        from darkroom.services.giving_up import LastResort

        return LastResort(tasks=self.tasks(), clock=now)

    @cache  # noqa: B019
    def notifier(self) -> "Notifier":
        """Announces ended tasks."""
        from darkroom.services.notification import Notifier

        return Notifier(
            tasks=self.tasks(),
            queues=self.queues(),
            bus=self.task_events(),
            scores=self.scores(),
            clock=now,
            scale=self.settings.time_scale,
        )

    @cache  # noqa: B019
    def given_up(self) -> "GivenUp":
        """What was given up on."""
        from darkroom.services.given_up import GivenUp
        from darkroom.stores.dead_letters import DeadLetters
        from darkroom.stores.kept_failures import KeptFailures

        return GivenUp(
            dead_letters=DeadLetters(clients.sqs(), self.settings),
            kept=KeptFailures(clients.s3(), self.settings.bucket),
            notifier=self.notifier,
        )

    @cache  # noqa: B019
    def task_events(self) -> "TaskEvents":
        """The event bus."""
        from darkroom.stores.event_bus import TaskEvents

        return TaskEvents(clients.events(), self.settings.event_bus, self.render)

    @cache  # noqa: B019
    def deliverer(self) -> "Deliverer":
        """Delivers webhooks."""
        from darkroom.outbound.webhook import WebhookSender
        from darkroom.services.delivery import Deliverer
        from darkroom.services.letters import Letters

        sender = WebhookSender(self.http())
        return Deliverer(
            tasks=self.tasks(),
            deliveries=self.deliveries(),
            queues=self.queues(),
            post=sender.post,
            secrets=self.webhook_secrets_of,
            letters=Letters(render=self.render, sight=self.sight),
            clock=now,
            scale=self.settings.time_scale,
        )

    def webhook_secrets_of(self, owner: str) -> "list[str]":
        """What an owner's webhooks are signed with, newest first."""
        own = self.webhook_secrets().of_owner(owner, now())
        return own or [self.keys().webhook(owner), *self.keys().shared_webhook()]

    @cache  # noqa: B019
    def deletion(self) -> "Deletion":
        """Removes tasks."""
        from darkroom.services.deletion import Deletion

        return Deletion(tasks=self.tasks(), objects=self.objects())

    @cache  # noqa: B019
    def eraser(self) -> "Eraser":
        """Erases owners."""
        from darkroom.services.erasure import Eraser
        from darkroom.stores.owned_items import OwnedItems

        items = OwnedItems(clients.dynamodb(), self.settings.tasks_table, self.settings.accounts_table)
        return Eraser(
            erasures=self.erasures(),
            items=items,
            tasks=self.tasks(),
            objects=self.objects(),
            remembered_days=self.settings.recovery_days,
            clock=now,
            scale=self.settings.time_scale,
        )

    @cache  # noqa: B019
    def sight(self) -> "Sight":
        """What dialects tell of tasks."""
        from darkroom.services.sight import Sight

        return Sight(
            links=self.links(),
            objects=self.objects,
            estimate=lambda task: self.scorecard().latency(task),
            public_url=self.settings.public_url,
            clock=now,
        )

    @cache  # noqa: B019
    def repeats(self) -> "Repeats":
        """The synchronous calls of late."""
        from darkroom.services.repeats import Repeats
        from darkroom.stores.awaited_answers import AwaitedAnswerStore

        answers = AwaitedAnswerStore(clients.dynamodb(), self.settings.tasks_table, clock=now)
        return Repeats(answers=answers, tasks=self.tasks(), clock=now)

    def render(self, task: "Task") -> "dict[str, object]":
        """A task as look-ups, events and webhooks show it."""
        from darkroom.api.rendering import render_task

        return render_task(task, self.links(), now())
