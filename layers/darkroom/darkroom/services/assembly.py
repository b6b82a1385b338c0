"""The parts of each function, put together: what a handler's module builds once, and lazily where it may not need it.

Imports stand inside the functions on purpose: a cold start pays only for the parts of the one function it starts.
"""

from functools import cache
from typing import TYPE_CHECKING

from darkroom.services.clock import now
from darkroom.settings import Settings
from darkroom.stores import clients

if TYPE_CHECKING:
    from darkroom.domain.task import Task
    from darkroom.outbound.client import HttpClient
    from darkroom.services.callback_address import CallbackAddresses
    from darkroom.services.callbacks import CallbackReceiver
    from darkroom.services.deletion import Deletion
    from darkroom.services.delivery import Deliverer
    from darkroom.services.dispatch import Dispatcher
    from darkroom.services.follow_up import FollowUp
    from darkroom.services.ingestion import Ingestor
    from darkroom.services.notification import Notifier
    from darkroom.services.repeats import Repeats
    from darkroom.services.sight import Sight
    from darkroom.services.submission import Submissions
    from darkroom.services.tracking import Tracker
    from darkroom.services.upstreams import HttpUpstreams
    from darkroom.stores.accounts import AccountStore
    from darkroom.stores.deliveries import DeliveryLog, DeliveryStore
    from darkroom.stores.links import LinkSigner
    from darkroom.stores.objects import ObjectStore
    from darkroom.stores.queues import Queues
    from darkroom.stores.secrets import SigningKeys
    from darkroom.stores.task_list import TaskList
    from darkroom.stores.tasks import TaskStore

REFERENCE_SECONDS = 6 * 3600
"""How long a provider may take to fetch a reference image that lies in our bucket."""


class Assembly:
    """One function's parts, each made when first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cache  # noqa: B019 - one assembly a process, which lives as long as the process
    def tasks(self) -> "TaskStore":
        """The tasks table."""
        from darkroom.stores.tasks import TaskStore

        return TaskStore(clients.dynamodb(), self.settings.tasks_table, self.settings.accounts_table)

    @cache  # noqa: B019
    def accounts(self) -> "AccountStore":
        """The accounts table."""
        from darkroom.stores.accounts import AccountStore

        return AccountStore(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def deliveries(self) -> "DeliveryStore":
        """The webhooks' delivery logs."""
        from darkroom.stores.deliveries import DeliveryStore

        return DeliveryStore(clients.dynamodb(), self.settings.tasks_table)

    @cache  # noqa: B019
    def objects(self) -> "ObjectStore":
        """The bucket."""
        from darkroom.stores.objects import ObjectStore

        return ObjectStore(clients.s3(), self.settings.bucket)

    @cache  # noqa: B019
    def queues(self) -> "Queues":
        """The queues."""
        from darkroom.stores.queues import Queues

        return Queues(clients.sqs(), self.settings)

    @cache  # noqa: B019
    def links(self) -> "LinkSigner":
        """The signer of links to stored images."""
        from darkroom.stores.links import LinkSigner

        return LinkSigner.from_session(
            clients.session(), self.settings.bucket, clients.region(), link_seconds=self.settings.link_seconds
        )

    @cache  # noqa: B019
    def keys(self) -> "SigningKeys":
        """The keys of task ids and callback tokens."""
        from darkroom.stores.secrets import SigningKeys

        return SigningKeys(self.settings.signing_secret)

    @cache  # noqa: B019
    def addresses(self) -> "CallbackAddresses":
        """The callback addresses."""
        from darkroom.services.callback_address import CallbackAddresses

        return CallbackAddresses(self.settings, self.keys())

    @cache  # noqa: B019
    def follow_up(self) -> "FollowUp":
        """What is queued after a change."""
        from darkroom.services.follow_up import FollowUp

        return FollowUp(self.queues(), now)

    @cache  # noqa: B019
    def http(self) -> "HttpClient":
        """The one HTTP client."""
        from darkroom.outbound.client import HttpClient

        return HttpClient(allow_loopback=self.settings.local_mode)

    @cache  # noqa: B019
    def upstreams(self) -> "HttpUpstreams":
        """The providers."""
        from darkroom.services.upstreams import HttpUpstreams
        from darkroom.stores.secrets import Credentials

        credentials = Credentials(self.settings.provider_secret)
        return HttpUpstreams(settings=self.settings, credentials=credentials, client=self.http)

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
            follow_up=self.follow_up(),
            clock=now,
            scale=self.settings.time_scale,
        )

    @cache  # noqa: B019
    def tracker(self) -> "Tracker":
        """Looks at open tasks."""
        from darkroom.adapters.registry import adapter
        from darkroom.domain.catalog import catalog
        from darkroom.services.tracking import Tracker

        return Tracker(
            tasks=self.tasks(),
            queues=self.queues(),
            objects=self.objects,
            adapters=adapter,
            upstreams=self.upstreams(),
            latency=catalog().usual_latency,
            follow_up=self.follow_up(),
            clock=now,
            scale=self.settings.time_scale,
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
            clock=now,
        )

    @cache  # noqa: B019
    def notifier(self) -> "Notifier":
        """Announces ended tasks."""
        from darkroom.services.notification import Notifier
        from darkroom.stores.event_bus import TaskEvents

        bus = TaskEvents(clients.events(), self.settings.event_bus, self.render)
        return Notifier(queues=self.queues(), bus=bus, clock=now)

    @cache  # noqa: B019
    def deliverer(self) -> "Deliverer":
        """Delivers webhooks."""
        from darkroom.outbound.webhook import WebhookSender
        from darkroom.services.delivery import Deliverer
        from darkroom.services.letters import Letters
        from darkroom.stores.secrets import webhook_secrets

        sender = WebhookSender(self.http(), lambda: webhook_secrets(self.settings.webhook_secret))
        return Deliverer(
            tasks=self.tasks(),
            deliveries=self.deliveries(),
            queues=self.queues(),
            post=sender.post,
            letters=Letters(render=self.render, sight=self.sight),
            clock=now,
            scale=self.settings.time_scale,
        )

    @cache  # noqa: B019
    def task_list(self) -> "TaskList":
        """Lists of tasks."""
        from darkroom.stores.task_list import TaskList

        return TaskList(clients.dynamodb(), self.settings.tasks_table)

    @cache  # noqa: B019
    def deletion(self) -> "Deletion":
        """Removes tasks."""
        from darkroom.services.deletion import Deletion

        return Deletion(tasks=self.tasks(), deliveries=self.deliveries(), objects=self.objects())

    @cache  # noqa: B019
    def sight(self) -> "Sight":
        """What dialects tell of tasks."""
        from darkroom.domain.catalog import catalog
        from darkroom.services.sight import Sight

        return Sight(
            links=self.links(),
            objects=self.objects,
            estimate=catalog().usual_latency,
            public_url=self.settings.public_url,
            clock=now,
        )

    @cache  # noqa: B019
    def repeats(self) -> "Repeats":
        """The synchronous calls of late."""
        from darkroom.services.repeats import Repeats
        from darkroom.stores.awaited_answers import AwaitedAnswers

        answers = AwaitedAnswers(clients.dynamodb(), self.settings.tasks_table)
        return Repeats(answers=answers, tasks=self.tasks(), clock=now)

    def delivery_log(self, task: "Task") -> "DeliveryLog":
        """The attempts to deliver a task's webhook; none yet where nothing is recorded."""
        from darkroom.stores.deliveries import DeliveryLog

        nothing = DeliveryLog(task.task_id, task.owner, task.request.callback_url or "", task.expires_at)
        return self.deliveries().get(task.task_id) or nothing

    def render(self, task: "Task") -> "dict[str, object]":
        """A task as look-ups, events and webhooks show it."""
        from darkroom.api.rendering import render_task

        return render_task(task, self.links(), now())

    @cache  # noqa: B019
    def _reference_links(self) -> "LinkSigner":
        from darkroom.stores.links import LinkSigner

        return LinkSigner.from_session(
            clients.session(), self.settings.bucket, clients.region(), link_seconds=REFERENCE_SECONDS
        )

    def _reference_link(self, key: str) -> str:
        return self._reference_links().sign(key, now()).url
