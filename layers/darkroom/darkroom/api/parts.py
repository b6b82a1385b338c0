"""What the calls of the API need of a function's parts: each names its own needs, and the container has them all."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from darkroom.accounts.key_admin import KeyAdmin
    from darkroom.accounts.keys import AccountStore, ApiKey
    from darkroom.accounts.ledger import AccountLedger
    from darkroom.aws.queues import Queues
    from darkroom.aws.secrets import Credentials
    from darkroom.callbacks.notes import CallbackNotes
    from darkroom.catalog.editing import CatalogEditor
    from darkroom.catalog.models import Catalog
    from darkroom.images.links import LinkSigner
    from darkroom.images.object_store import ObjectStore
    from darkroom.operations.deletion import Deletion
    from darkroom.operations.erasing import Eraser
    from darkroom.operations.erasure_store import Erasures
    from darkroom.settings import Settings
    from darkroom.submission.accepting import Submissions
    from darkroom.submission.intake_queue import IntakeQueue
    from darkroom.tasks.listing import TaskList
    from darkroom.tasks.store import TaskStore
    from darkroom.tasks.task import Task
    from darkroom.webhooks.delivery_log import DeliveryLog, DeliveryStore
    from darkroom.webhooks.event_bus import TaskEvents


class AuthenticationParts(Protocol):
    """What tells who calls, and how often."""

    def accounts(self) -> "AccountStore":
        """The accounts table."""
        ...

    def wait_of(self, key: "ApiKey") -> int:
        """Seconds that a key has to wait before its next request."""
        ...


class SubmittingParts(Protocol):
    """What posts a task."""

    @property
    def settings(self) -> "Settings":
        """The deployment's settings."""
        ...

    def submissions(self) -> "Submissions":
        """Accepts tasks."""
        ...


class BatchParts(SubmittingParts, Protocol):
    """What posts many tasks."""

    def links(self) -> "LinkSigner":
        """Signs links."""
        ...


class IntakeParts(SubmittingParts, Protocol):
    """What takes tasks that come as events."""

    def key_admin(self) -> "KeyAdmin":
        """The upkeep of API keys."""
        ...

    def intake_queue(self) -> "IntakeQueue":
        """The queue of such tasks."""
        ...

    def task_events(self) -> "TaskEvents":
        """The event bus."""
        ...


class CancellingParts(Protocol):
    """What cancels a task."""

    @property
    def settings(self) -> "Settings":
        """The deployment's settings."""
        ...

    def tasks(self) -> "TaskStore":
        """The tasks table."""
        ...


class DeletingParts(Protocol):
    """What deletes a task."""

    def deletion(self) -> "Deletion":
        """Removes tasks."""
        ...


class ResendingParts(Protocol):
    """What sends a webhook again."""

    def queues(self) -> "Queues":
        """The queues."""
        ...

    def deliveries(self) -> "DeliveryStore":
        """The records of webhooks."""
        ...


class ListingParts(Protocol):
    """What lists tasks."""

    def catalog_in_force(self) -> "Catalog":
        """The catalog in force."""
        ...

    def task_list(self) -> "TaskList":
        """Lists of tasks."""
        ...

    def links(self) -> "LinkSigner":
        """Signs links."""
        ...


class HistoryParts(Protocol):
    """What tells of a task's past."""

    def callback_notes(self) -> "CallbackNotes":
        """What became of callbacks."""
        ...

    def account_ledger(self) -> "AccountLedger":
        """The owners' accounts and ledgers."""
        ...

    def delivery_log(self, task: "Task") -> "DeliveryLog":
        """The attempts to deliver a task's webhook."""
        ...

    def objects(self) -> "ObjectStore":
        """The bucket."""
        ...


class ErasureParts(Protocol):
    """What knows of erasures."""

    def erasures(self) -> "Erasures":
        """How far the erasures of owners have come."""
        ...


class ErasingParts(Protocol):
    """What erases an owner."""

    @property
    def settings(self) -> "Settings":
        """The deployment's settings."""
        ...

    def eraser(self) -> "Eraser":
        """Erases owners."""
        ...


class CatalogParts(Protocol):
    """What changes the catalog."""

    @property
    def settings(self) -> "Settings":
        """The deployment's settings."""
        ...

    def catalog_editor(self) -> "CatalogEditor":
        """Changes rows."""
        ...

    def credentials(self) -> "Credentials":
        """The providers' credentials."""
        ...


class CatalogRouteParts(AuthenticationParts, CatalogParts, Protocol):
    """What the catalog's routes need."""


class AccountParts(ErasureParts, Protocol):
    """What shows and changes accounts and keys."""

    def catalog_in_force(self) -> "Catalog":
        """The catalog in force."""
        ...

    def account_ledger(self) -> "AccountLedger":
        """The owners' accounts and ledgers."""
        ...

    def key_admin(self) -> "KeyAdmin":
        """The upkeep of API keys."""
        ...
