"""The catalog in force: the rows of the release with the deployment's own over them, as they are now."""

from collections.abc import Callable
from typing import Protocol

from darkroom.catalog.loading import build, laid_over
from darkroom.catalog.models import Catalog, UnknownModel
from darkroom.catalog.shipped import rows_of
from darkroom.catalog.store import NOTHING, OwnRows
from darkroom.clock import Clock
from darkroom.observability import count, logger
from darkroom.settings import Settings

FRESH = 5_000
"""Milliseconds for which a process goes by the version that it read: a change is in force everywhere twice as soon as
an operator expects it to be."""


class OwnRowsReader(Protocol):
    """Where a deployment's own rows are."""

    def version(self) -> int:
        """How often the rows were changed."""
        ...

    def rows(self) -> OwnRows:
        """All rows."""
        ...


class CurrentCatalog:
    """Gives the catalog in force. Where the table can't be read, what was read last holds; at first it is an error.

    `changed` is called when another version came into force than the one before it.
    """

    def __init__(
        self,
        store: Callable[[], OwnRowsReader],
        settings: Settings,
        clock: Clock,
        *,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._changed = changed
        self._read_at: int | None = None
        self._version = 0
        self._catalog: Catalog | None = None

    def __call__(self) -> Catalog:
        """The catalog, at most some seconds old. Raises what AWS raises where it was never read."""
        now = self._clock()
        if self._catalog is None or self._read_at is None or now - self._read_at > FRESH:
            try:
                self._refresh()
            except Exception:
                if self._catalog is None:
                    raise
                logger.exception("catalog could not be read anew")
            self._read_at = now
        assert self._catalog is not None  # a first reading that failed was raised
        return self._catalog

    def _refresh(self) -> None:
        version = self._store().version()
        if self._catalog is not None and version == self._version:
            return
        own = self._store().rows() if version else OwnRows(0, NOTHING)
        version = own.version
        rows = laid_over(rows_of(self._settings), own.rows)
        self._catalog = _named(build(rows, _leave_out), self._settings)
        if self._version != version:
            self._changed()
        self._version = version


def _named(catalog: Catalog, settings: Settings) -> Catalog:
    """With the deployment's aliases, as far as the models are there and the names free."""
    for alias, name in settings.model_aliases.items():
        try:
            catalog = catalog.with_aliases({alias: name})
        except (UnknownModel, ValueError) as error:
            _leave_out("models", alias, error)
    return catalog


def _leave_out(kind: str, name: str, error: Exception) -> None:
    told = {"trouble": "a catalog row that is left out", "kind": kind, "row": name, "reason": str(error)}
    logger.error("provider trouble", extra=told)
    count("ProviderTrouble")
