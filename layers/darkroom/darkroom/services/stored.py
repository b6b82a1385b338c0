"""The stores of each function, each made when first asked for: tables, bucket, queues, secrets.

Imports stand inside the functions on purpose: a cold start pays only for the parts of the one function it starts.
"""

from functools import cache
from typing import TYPE_CHECKING

from darkroom.services.clock import now
from darkroom.settings import Settings
from darkroom.stores import clients

if TYPE_CHECKING:
    from darkroom.domain.task import Task
    from darkroom.services.follow_up import FollowUp
    from darkroom.stores.account_book import AccountBook
    from darkroom.stores.accounts import AccountStore, ApiKey
    from darkroom.stores.callback_notes import CallbackNotes
    from darkroom.stores.deliveries import DeliveryLog, DeliveryStore
    from darkroom.stores.erasures import Erasures
    from darkroom.stores.intake_queue import IntakeQueue
    from darkroom.stores.key_book import KeyBook
    from darkroom.stores.links import LinkSigner
    from darkroom.stores.objects import ObjectStore
    from darkroom.stores.queues import Queues
    from darkroom.stores.request_rates import RequestRates
    from darkroom.stores.schedules import Schedules
    from darkroom.stores.secrets import SigningKeys
    from darkroom.stores.task_list import TaskList
    from darkroom.stores.tasks import TaskStore
    from darkroom.stores.webhook_secrets import WebhookSecrets

REFERENCE_SECONDS = 6 * 3600
"""How long a provider may take to fetch a reference image that lies in our bucket, as far as the credentials last.

With those of a function's environment it is an hour (stores/links.py), twice a task's usual deadline. A link is signed
for every submission anew, with its whole life before it.
"""


class Stores:
    """One function's stores."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cache  # noqa: B019 - one assembly a process, which lives as long as the process
    def tasks(self) -> "TaskStore":
        """The tasks table."""
        from darkroom.stores.tasks import TaskStore

        return TaskStore(
            clients.dynamodb(),
            self.settings.tasks_table,
            self.settings.accounts_table,
            clock=now,
            retention_days=self.settings.retention_days,
        )

    @cache  # noqa: B019
    def accounts(self) -> "AccountStore":
        """The accounts table."""
        from darkroom.stores.accounts import AccountStore

        return AccountStore(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def deliveries(self) -> "DeliveryStore":
        """The webhooks' delivery logs."""
        from darkroom.stores.deliveries import DeliveryStore

        return DeliveryStore(clients.dynamodb(), self.settings.tasks_table, clock=now)

    @cache  # noqa: B019
    def callback_notes(self) -> "CallbackNotes":
        """What became of callbacks that changed nothing."""
        from darkroom.stores.callback_notes import CallbackNotes

        return CallbackNotes(clients.dynamodb(), self.settings.tasks_table, clock=now)

    @cache  # noqa: B019
    def objects(self) -> "ObjectStore":
        """The bucket."""
        from darkroom.stores.objects import ObjectStore

        return ObjectStore(clients.s3(), self.settings.bucket)

    @cache  # noqa: B019
    def queues(self) -> "Queues":
        """The queues."""
        from darkroom.stores.queues import Queues

        return Queues(clients.sqs(), self.settings, self._schedules)

    @cache  # noqa: B019
    def _schedules(self) -> "Schedules | None":
        """Waits longer than SQS's, where this function may book them."""
        if not (self.settings.schedule_group and self.settings.scheduler_role):
            return None
        from darkroom.stores.schedules import Schedules

        return Schedules(
            clients.scheduler,
            self.settings.schedule_group,
            self.settings.scheduler_role,
            clients.region(),
            self.settings.dead_letters_of,
        )

    @cache  # noqa: B019
    def intake_queue(self) -> "IntakeQueue":
        """The queue of tasks that come as events."""
        from darkroom.stores.intake_queue import IntakeQueue

        return IntakeQueue(clients.sqs(), self.settings)

    @cache  # noqa: B019
    def links(self) -> "LinkSigner":
        """The signer of links to stored images."""
        from darkroom.stores.links import LinkSigner

        return LinkSigner.from_session(
            clients.session(), self.settings.bucket, clients.region(), link_seconds=self.settings.link_seconds
        )

    @cache  # noqa: B019
    def keys(self) -> "SigningKeys":
        """The keys of task ids, callback tokens and webhooks."""
        from darkroom.stores.secrets import SigningKeys

        return SigningKeys(self.settings.signing_secret)

    @cache  # noqa: B019
    def follow_up(self) -> "FollowUp":
        """What is queued after a change."""
        from darkroom.services.follow_up import FollowUp

        return FollowUp(self.queues(), now)

    @cache  # noqa: B019
    def task_list(self) -> "TaskList":
        """Lists of tasks."""
        from darkroom.domain.retention import oldest_kept
        from darkroom.stores.task_list import TaskList

        return TaskList(
            clients.dynamodb(),
            self.settings.tasks_table,
            self.tasks().get_many,
            oldest=lambda: oldest_kept(now(), self.settings.retention_days, self.settings.deadline_seconds),
        )

    @cache  # noqa: B019
    def account_book(self) -> "AccountBook":
        """The owners' accounts and ledgers."""
        from darkroom.stores.account_book import AccountBook

        return AccountBook(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def key_book(self) -> "KeyBook":
        """The upkeep of API keys."""
        from darkroom.stores.key_book import KeyBook

        return KeyBook(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def erasures(self) -> "Erasures":
        """How far the erasures of owners have come."""
        from darkroom.stores.erasures import Erasures

        return Erasures(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def webhook_secrets(self) -> "WebhookSecrets":
        """The owners' own webhook secrets."""
        from darkroom.stores.webhook_secrets import WebhookSecrets

        return WebhookSecrets(clients.dynamodb(), self.settings.accounts_table)

    def wait_of(self, key: "ApiKey") -> int:
        """Seconds that a key has to wait before its next request: none where it has no limit, or is within it."""
        if key.requests_per_second is None:
            return 0
        return self._request_rates().take(key.key_id, key.requests_per_second, now())

    @cache  # noqa: B019
    def _request_rates(self) -> "RequestRates":
        from darkroom.stores.request_rates import RequestRates

        return RequestRates(clients.dynamodb(), self.settings.accounts_table)

    def delivery_log(self, task: "Task") -> "DeliveryLog":
        """The attempts to deliver a task's webhook; none yet where nothing is recorded."""
        from darkroom.stores.deliveries import DeliveryLog

        nothing = DeliveryLog(task.task_id, task.owner, task.request.callback_url or "", task.expires_at)
        return self.deliveries().get(task.task_id) or nothing

    @cache  # noqa: B019
    def _reference_links(self) -> "LinkSigner":
        from darkroom.stores.links import LinkSigner

        return LinkSigner.from_session(
            clients.session(), self.settings.bucket, clients.region(), link_seconds=REFERENCE_SECONDS
        )

    def _reference_link(self, key: str) -> str:
        return self._reference_links().sign_now(key, now()).url
