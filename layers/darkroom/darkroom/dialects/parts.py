"""What serving a dialect needs of a function's parts."""

from typing import TYPE_CHECKING, Protocol

from darkroom.api.parts import AuthenticationParts, CancellingParts, SubmittingParts

if TYPE_CHECKING:
    from darkroom.aws.secrets import SigningKeys
    from darkroom.catalog.models import Catalog
    from darkroom.dialects.task_view import TaskPresenter
    from darkroom.submission.deduplication import Deduplication
    from darkroom.tasks.listing import TaskList


class DialectParts(AuthenticationParts, SubmittingParts, CancellingParts, Protocol):
    """The parts of the function that serves dialects."""

    def keys(self) -> "SigningKeys":
        """The deployment's signing keys."""
        ...

    def catalog_in_force(self) -> "Catalog":
        """The catalog in force."""
        ...

    def deduplication(self) -> "Deduplication":
        """The synchronous calls of late."""
        ...

    def presenter(self) -> "TaskPresenter":
        """What dialects tell of tasks."""
        ...

    def task_list(self) -> "TaskList":
        """Lists of tasks."""
        ...
