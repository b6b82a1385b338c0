"""The stores of each function, each made when first asked for: tables, bucket, queues, secrets.

Imports stand inside the functions on purpose: a cold start pays only for the parts of the one function it starts.
"""

from functools import cache
from typing import TYPE_CHECKING

from darkroom.aws import clients
from darkroom.clock import now
from darkroom.settings import Settings

if TYPE_CHECKING:
    from darkroom.accounts.key_admin import KeyAdmin
    from darkroom.accounts.keys import AccountStore, ApiKey
    from darkroom.accounts.ledger import AccountLedger
    from darkroom.accounts.rate_limit import RequestRates
    from darkroom.aws.queues import Queues
    from darkroom.aws.schedules import Schedules
    from darkroom.aws.secrets import Credentials, SigningKeys
    from darkroom.callbacks.notes import CallbackNotes
    from darkroom.images.links import LinkSigner
    from darkroom.images.object_store import ObjectStore
    from darkroom.operations.erasure_store import Erasures
    from darkroom.submission.intake_queue import IntakeQueue
    from darkroom.tasks.listing import TaskList
    from darkroom.tasks.outbox import Outbox
    from darkroom.tasks.store import TaskStore
    from darkroom.tasks.task import Task
    from darkroom.webhooks.delivery_log import DeliveryLog, DeliveryStore
    from darkroom.webhooks.secrets import WebhookSecrets

REFERENCE_SECONDS = 6 * 3600
"""How long a provider may take to fetch a reference image that lies in our bucket, as far as the credentials last.

With those of a function's environment it is an hour (images/links.py), twice a task's usual deadline. A link is signed
for every submission anew, with its whole life before it.
"""


class StoreContainer:
    """One function's stores."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cache  # noqa: B019 - one container a process, which lives as long as the process
    def tasks(self) -> "TaskStore":
        """The tasks table."""
        from darkroom.accounts.task_accounting import TaskAccounting
        from darkroom.tasks.store import TaskStore

        return TaskStore(
            clients.dynamodb(),
            self.settings.tasks_table,
            TaskAccounting(self.settings.accounts_table),
            clock=now,
            retention_days=self.settings.retention_days,
        )

    @cache  # noqa: B019
    def accounts(self) -> "AccountStore":
        """The accounts table."""
        from darkroom.accounts.keys import AccountStore

        return AccountStore(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def deliveries(self) -> "DeliveryStore":
        """The webhooks' delivery logs."""
        from darkroom.webhooks.delivery_log import DeliveryStore

        return DeliveryStore(clients.dynamodb(), self.settings.tasks_table, clock=now)

    @cache  # noqa: B019
    def callback_notes(self) -> "CallbackNotes":
        """What became of callbacks that changed nothing."""
        from darkroom.callbacks.notes import CallbackNotes

        return CallbackNotes(clients.dynamodb(), self.settings.tasks_table, clock=now)

    @cache  # noqa: B019
    def objects(self) -> "ObjectStore":
        """The bucket."""
        from darkroom.images.object_store import ObjectStore

        return ObjectStore(clients.s3(), self.settings.bucket)

    @cache  # noqa: B019
    def queues(self) -> "Queues":
        """The queues."""
        from darkroom.aws.queues import Queues

        return Queues(clients.sqs(), self.settings, self._schedules)

    @cache  # noqa: B019
    def _schedules(self) -> "Schedules | None":
        """Waits longer than SQS's, where this function may book them."""
        if not (self.settings.schedule_group and self.settings.scheduler_role):
            return None
        from darkroom.aws.schedules import Schedules

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
        from darkroom.submission.intake_queue import IntakeQueue

        return IntakeQueue(clients.sqs(), self.settings)

    @cache  # noqa: B019
    def links(self) -> "LinkSigner":
        """The signer of links to stored images."""
        from darkroom.images.links import LinkSigner

        return LinkSigner.from_session(
            clients.session(), self.settings.bucket, clients.region(), link_seconds=self.settings.link_seconds
        )

    @cache  # noqa: B019
    def keys(self) -> "SigningKeys":
        """The keys of task ids, callback tokens and webhooks."""
        from darkroom.aws.secrets import SigningKeys

        return SigningKeys(self.settings.signing_secret)

    @cache  # noqa: B019
    def credentials(self) -> "Credentials":
        """The providers' credentials."""
        from darkroom.aws.secrets import Credentials

        return Credentials(self.settings.provider_secret, keyless=self.settings.demo_providers)

    @cache  # noqa: B019
    def outbox(self) -> "Outbox":
        """What is queued after a change."""
        from darkroom.tasks.outbox import Outbox

        return Outbox(self.queues(), now)

    @cache  # noqa: B019
    def task_list(self) -> "TaskList":
        """Lists of tasks."""
        from darkroom.tasks.listing import TaskList
        from darkroom.tasks.retention import oldest_kept

        return TaskList(
            clients.dynamodb(),
            self.settings.tasks_table,
            self.tasks().get_many,
            oldest=lambda: oldest_kept(now(), self.settings.retention_days),
        )

    @cache  # noqa: B019
    def account_ledger(self) -> "AccountLedger":
        """The owners' accounts and ledgers."""
        from darkroom.accounts.ledger import AccountLedger

        return AccountLedger(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def key_admin(self) -> "KeyAdmin":
        """The upkeep of API keys."""
        from darkroom.accounts.key_admin import KeyAdmin

        return KeyAdmin(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def erasures(self) -> "Erasures":
        """How far the erasures of owners have come."""
        from darkroom.operations.erasure_store import Erasures

        return Erasures(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def webhook_secrets(self) -> "WebhookSecrets":
        """The owners' own webhook secrets."""
        from darkroom.webhooks.secrets import WebhookSecrets

        return WebhookSecrets(clients.dynamodb(), self.settings.accounts_table)

    def wait_of(self, key: "ApiKey") -> int:
        """Seconds that a key has to wait before its next request: none where it has no limit, or is within it."""
        if key.requests_per_second is None:
            return 0
        return self._request_rates().take(key.key_id, key.requests_per_second, now())

    @cache  # noqa: B019
    def _request_rates(self) -> "RequestRates":
        from darkroom.accounts.rate_limit import RequestRates

        return RequestRates(clients.dynamodb(), self.settings.accounts_table)

    def delivery_log(self, task: "Task") -> "DeliveryLog":
        """The attempts to deliver a task's webhook; none yet where nothing is recorded."""
        from darkroom.webhooks.delivery_log import DeliveryLog

        nothing = DeliveryLog(task.task_id, task.owner, task.request.callback_url or "", task.expires_at)
        return self.deliveries().get(task.task_id) or nothing

    @cache  # noqa: B019
    def _reference_links(self) -> "LinkSigner":
        from darkroom.images.links import LinkSigner

        return LinkSigner.from_session(
            clients.session(), self.settings.bucket, clients.region(), link_seconds=REFERENCE_SECONDS
        )

    def _reference_link(self, key: str) -> str:
        return self._reference_links().sign_now(key, now()).url
