"""The parts of each function, put together: what a handler's module builds once, and lazily where it may not need it.

Imports stand inside the functions on purpose: a cold start pays only for the parts of the one function it starts.
"""

from functools import cache
from typing import TYPE_CHECKING

from darkroom.aws import clients
from darkroom.clock import now
from darkroom.container_catalog import CatalogContainer
from darkroom.deadline import ANSWERING, invocation

if TYPE_CHECKING:
    from darkroom.callbacks.address import CallbackAddresses
    from darkroom.callbacks.authenticity import CallbackAuthenticity
    from darkroom.callbacks.receiver import CallbackReceiver
    from darkroom.dialects.task_view import TaskPresenter
    from darkroom.dialects.webhook_payload import DialectPayloads
    from darkroom.http.client import HttpClient
    from darkroom.images.copying import ImageCopier
    from darkroom.operations.dead_letter_handling import DeadLetterHandler
    from darkroom.operations.deletion import Deletion
    from darkroom.operations.erasing import Eraser
    from darkroom.operations.given_up import GivenUp
    from darkroom.operations.reconciliation import Reconciler
    from darkroom.providers.upstreams import HttpUpstreams
    from darkroom.submission.accepting import Submissions
    from darkroom.submission.deduplication import Deduplication
    from darkroom.submission.dispatching import Dispatcher
    from darkroom.submission.polling import Poller
    from darkroom.tasks.task import Task
    from darkroom.webhooks.delivery import Deliverer
    from darkroom.webhooks.event_bus import TaskEvents
    from darkroom.webhooks.fan_out import Notifier


class Container(CatalogContainer):
    """One function's parts, each made when first asked for."""

    @cache  # noqa: B019
    def addresses(self) -> "CallbackAddresses":
        """The callback addresses."""
        from darkroom.callbacks.address import CallbackAddresses

        return CallbackAddresses(self.settings, self.keys())

    @cache  # noqa: B019
    def http(self) -> "HttpClient":
        """The one HTTP client."""
        from darkroom.http.client import HttpClient

        return HttpClient(allow_loopback=self.settings.local_mode)

    @cache  # noqa: B019
    def upstreams(self, reserve: float = ANSWERING) -> "HttpUpstreams":
        """The providers. `reserve` is how many seconds of an invocation no request to them may take."""
        from darkroom.providers.upstreams import HttpUpstreams

        return HttpUpstreams(
            catalog=self.catalog_in_force,
            former_address=self.former_address,
            credentials=self.credentials(),
            client=self.http,
            reserve=reserve,
        )

    @cache  # noqa: B019
    def dispatcher(self) -> "Dispatcher":
        """Submits tasks to providers."""
        from darkroom.providers.registry import adapter
        from darkroom.submission.dispatching import Dispatcher
        from darkroom.submission.generation_request import RequestBuilder

        requests = RequestBuilder(
            catalog=self.catalog_in_force,
            adapters=adapter,
            addresses=self.addresses(),
            reference_link=self._reference_link,
        )
        return Dispatcher(
            tasks=self.tasks(),
            queues=self.queues(),
            objects=self.objects,
            requests=requests,
            upstreams=self.upstreams(),
            addresses=self.addresses(),
            adapters=adapter,
            breakers=self.breakers,
            outbox=self.outbox(),
            clock=now,
            scale=self.settings.time_scale,
        )

    @cache  # noqa: B019
    def submissions(self) -> "Submissions":
        """Accepts tasks."""
        from darkroom.submission.accepting import Submissions

        return Submissions(
            tasks=self.tasks(),
            queues=self.queues(),
            objects=self.objects,
            catalog=self.catalog_in_force,
            keys=self.keys(),
            available=self.upstreams().available,
            metered=self.account_ledger().has,
            scorecard=self.scorecard(),
            dispatcher=self.dispatcher(),
            outbox=self.outbox(),
            settings=self.settings,
            clock=now,
        )

    @cache  # noqa: B019
    def callback_authenticity(self) -> "CallbackAuthenticity":
        """Checks callbacks' signatures."""
        from darkroom.callbacks.authenticity import CallbackAuthenticity

        return CallbackAuthenticity(
            credentials=self.credentials(),
            keys_upstream=lambda attempt, address: self.upstreams().keys_upstream(attempt, address),
            clock=now,
        )

    @cache  # noqa: B019
    def callbacks(self) -> "CallbackReceiver":
        """Takes callbacks."""
        from darkroom.callbacks.receiver import CallbackReceiver
        from darkroom.providers.registry import adapter

        return CallbackReceiver(
            tasks=self.tasks(),
            objects=self.objects(),
            adapters=adapter,
            addresses=self.addresses(),
            authenticity=self.callback_authenticity(),
            notes=self.callback_notes(),
            confirm=self.settings.confirm_callbacks,
            outbox=self.outbox(),
            clock=now,
            scale=self.settings.time_scale,
        )

    @cache  # noqa: B019
    def poller(self) -> "Poller":
        """Polls open tasks."""
        from darkroom.providers.registry import adapter
        from darkroom.submission.polling import RECORDING, Poller

        return Poller(
            tasks=self.tasks(),
            queues=self.queues(),
            objects=self.objects,
            adapters=adapter,
            upstreams=self.upstreams(RECORDING),
            latency=self.scorecard().latency,
            outbox=self.outbox(),
            clock=now,
            scale=self.settings.time_scale,
            time_left=lambda: invocation.left(reserve=RECORDING),
        )

    @cache  # noqa: B019
    def image_copier(self) -> "ImageCopier":
        """Copies images."""
        from darkroom.images.copying import ImageCopier
        from darkroom.images.download import Downloader
        from darkroom.providers.registry import adapter

        return ImageCopier(
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
    def reconciler(self) -> "Reconciler":
        """Finds what was lost."""
        from darkroom.operations.reconciliation import Reconciler
        from darkroom.operations.sweep_cursor import SweepCursors
        from darkroom.tasks.open_index import OpenTasks

        return Reconciler(
            tasks=self.tasks(),
            open_tasks=OpenTasks(clients.dynamodb(), self.settings.tasks_table),
            objects=self.objects(),
            sweeps=SweepCursors(clients.dynamodb(), self.settings.accounts_table),
            queues=self.queues(),
            notifier=self.notifier,
            given_up=self.given_up(),
            clock=now,
            scale=self.settings.time_scale,
        )

    @cache  # noqa: B019
    def dead_letter_handler(self) -> "DeadLetterHandler":
        """Marks the tasks of messages that are given up on."""
        from darkroom.operations.dead_letter_handling import DeadLetterHandler

        return DeadLetterHandler(tasks=self.tasks(), clock=now)

    @cache  # noqa: B019
    def notifier(self) -> "Notifier":
        """Announces ended tasks."""
        from darkroom.webhooks.fan_out import Notifier

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
        from darkroom.operations.dead_letters import DeadLetters
        from darkroom.operations.given_up import GivenUp
        from darkroom.operations.kept_failures import KeptFailures

        return GivenUp(
            dead_letters=DeadLetters(clients.sqs(), self.settings),
            kept=KeptFailures(clients.s3(), self.settings.bucket),
            notifier=self.notifier,
        )

    @cache  # noqa: B019
    def task_events(self) -> "TaskEvents":
        """The event bus."""
        from darkroom.webhooks.event_bus import TaskEvents

        return TaskEvents(clients.events(), self.settings.event_bus, self.render)

    @cache  # noqa: B019
    def deliverer(self) -> "Deliverer":
        """Delivers webhooks."""
        from darkroom.webhooks.delivery import Deliverer
        from darkroom.webhooks.payload import WebhookPayloads
        from darkroom.webhooks.sender import WebhookSender

        sender = WebhookSender(self.http())
        return Deliverer(
            tasks=self.tasks(),
            deliveries=self.deliveries(),
            queues=self.queues(),
            post=sender.post,
            secrets=self.webhook_secrets_of,
            payloads=WebhookPayloads(render=self.render, foreign=self.dialect_payloads),
            clock=now,
            scale=self.settings.time_scale,
        )

    @cache  # noqa: B019
    def dialect_payloads(self) -> "DialectPayloads":
        """The webhooks of tasks that came in by a dialect."""
        from darkroom.dialects.webhook_payload import DialectPayloads  # most tasks come to our own API

        return DialectPayloads(self.presenter())

    def webhook_secrets_of(self, owner: str) -> "list[str]":
        """What an owner's webhooks are signed with, newest first."""
        own = self.webhook_secrets().of_owner(owner, now())
        return own or [self.keys().webhook(owner), *self.keys().shared_webhook()]

    @cache  # noqa: B019
    def deletion(self) -> "Deletion":
        """Removes tasks."""
        from darkroom.operations.deletion import Deletion

        return Deletion(tasks=self.tasks(), objects=self.objects())

    @cache  # noqa: B019
    def eraser(self) -> "Eraser":
        """Erases owners."""
        from darkroom.operations.erasing import Eraser
        from darkroom.operations.owned_items import OwnedItems

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
    def presenter(self) -> "TaskPresenter":
        """What dialects tell of tasks."""
        from darkroom.dialects.task_view import TaskPresenter

        return TaskPresenter(
            links=self.links(),
            objects=self.objects,
            estimate=lambda task: self.scorecard().latency(task),
            public_url=self.settings.public_url,
            clock=now,
        )

    @cache  # noqa: B019
    def deduplication(self) -> "Deduplication":
        """The synchronous calls of late."""
        from darkroom.submission.deduplication import Deduplication
        from darkroom.submission.in_flight_calls import InFlightCallStore

        answers = InFlightCallStore(clients.dynamodb(), self.settings.tasks_table, clock=now)
        return Deduplication(answers=answers, tasks=self.tasks(), clock=now)

    def render(self, task: "Task") -> "dict[str, object]":
        """A task as look-ups, events and webhooks show it."""
        from darkroom.api.rendering import render_task

        return render_task(task, self.links(), now())
