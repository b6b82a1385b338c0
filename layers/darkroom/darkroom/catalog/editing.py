"""Changing a deployment's own rows of the catalog: checked as a whole, one change at a time, every one noted."""

import hashlib
import json
from collections.abc import Callable, Mapping

from darkroom.catalog.loading import KINDS, Row, Rows, build, laid_over
from darkroom.catalog.store import CatalogChange, CatalogStore, ChangedMeanwhile, OwnRows

TRIES = 5
"""How often a change is tried where somebody else's came between."""
Own = dict[str, dict[str, Row | None]]
InForce = Mapping[str, Mapping[str, Row]]


class NotAsRead(Exception):
    """The row is not (any more) the one that the caller goes by."""


class NoSuchRow(LookupError):
    """There is no such row."""


class Unfit(ValueError):
    """The catalog would not hold together with this change; the message says why."""


class CatalogEditor:
    """Changes rows. `shipped` are the release's rows as this deployment has them; `now` is in Unix milliseconds."""

    def __init__(self, store: CatalogStore, shipped: Rows, now: Callable[[], int]) -> None:
        self._store = store
        self._shipped = shipped
        self._now = now

    def in_force(self) -> InForce:
        """All rows as they are now."""
        return laid_over(self._shipped, self._store.rows().rows)

    def would_be(self, own: Rows) -> InForce:
        """All rows as they would be with these of the deployment's own."""
        return laid_over(self._shipped, own)

    def own(self) -> OwnRows:
        """The deployment's own rows alone."""
        return self._store.rows()

    def row(self, kind: str, name: str) -> Row:
        """One row as it is now. Raises `NoSuchRow`."""
        found = self.in_force()[kind].get(name)
        if found is None:
            raise NoSuchRow(name)
        return found

    def put(self, kind: str, name: str, change: Callable[[Row | None], Row], *, by: str, tag: str | None) -> Row:
        """Put a row in force: `change` makes it of the one before. `tag` is the one that the caller goes by, if any.

        Raises `NotAsRead`, `Unfit`, `TooManyRows`, and whatever `change` raises.
        """

        def edit(own: Own, before: InForce, _: int) -> None:
            _compare(before[kind].get(name), tag)
            own[kind][name] = change(before[kind].get(name))

        return self._changed(edit, by)[kind][name]

    def remove(self, kind: str, name: str, *, by: str, tag: str | None) -> None:
        """Take a row out of force, with the offers of it. Raises `NoSuchRow`, `NotAsRead`."""

        def edit(own: Own, before: InForce, _: int) -> None:
            if name not in before[kind]:
                raise NoSuchRow(name)
            _compare(before[kind][name], tag)
            self._take_away(own, kind, name)
            field = {"providers": "provider", "models": "model"}.get(kind)
            for key, offer in list(own["offers"].items()):
                if field and offer and offer[field] == name:
                    del own["offers"][key]

        self._changed(edit, by)

    def reset(self, kind: str, name: str, *, by: str) -> Row:
        """Put the shipped row in force again. Raises `NoSuchRow` where none ships."""
        if self._shipped[kind].get(name) is None:
            raise NoSuchRow(name)

        def edit(own: Own, before: InForce, _: int) -> None:
            del before
            own[kind].pop(name, None)

        return self._changed(edit, by)[kind][name]

    def replace(self, rows: Rows, *, by: str, version: int | None) -> OwnRows:
        """Put these rows in the place of all the deployment's own. Raises `NotAsRead`, `Unfit`, `TooManyRows`."""

        def edit(own: Own, before: InForce, read: int) -> None:
            del before
            if version is not None and version != read:
                raise NotAsRead
            for kind in KINDS:
                own[kind].clear()
                own[kind].update(rows.get(kind, {}))

        self._changed(edit, by)
        return self._store.rows()

    def history(self, limit: int, before: str) -> list[tuple[str, CatalogChange]]:
        """Up to so many changes, newest first; each with the key behind which to go on."""
        return self._store.history(limit, before)

    def _take_away(self, own: Own, kind: str, name: str) -> None:
        if self._shipped[kind].get(name) is None:
            own[kind].pop(name, None)
        else:
            own[kind][name] = None

    def _changed(self, edit: Callable[[Own, InForce, int], None], by: str) -> InForce:
        for attempt in range(TRIES):
            read = self._store.rows()
            before = laid_over(self._shipped, read.rows)
            own: Own = {kind: dict(read.rows.get(kind, {})) for kind in KINDS}
            edit(own, before, read.version)
            after = laid_over(self._shipped, own)
            changes = list(self._changes(before, after, read.version + 1, by))
            if not changes:
                return after
            _check(before, after)
            try:
                self._store.change(read, own, changes)
            except ChangedMeanwhile:
                if attempt == TRIES - 1:
                    raise NotAsRead from None
            else:
                return after
        raise AssertionError("tries are counted")

    def _changes(self, before: InForce, after: InForce, version: int, by: str) -> list[CatalogChange]:
        at = self._now()
        return [
            CatalogChange(version, at, by, kind, name, before[kind].get(name), after[kind].get(name))
            for kind in KINDS
            for name in sorted(before[kind].keys() | after[kind].keys())
            if before[kind].get(name) != after[kind].get(name)
        ]


def tag_of(row: Row) -> str:
    """A strong entity tag of a row."""
    return f'"{hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:16]}"'


def _compare(row: Row | None, tag: str | None) -> None:
    if tag is not None and (row is None or tag not in {"*", tag_of(row)}):
        raise NotAsRead


def _check(before: Rows, after: Rows) -> None:
    """Refuse a catalog with a fault that was not there before. Raises `Unfit`."""
    known = {fault[:2] for fault in faults(before)}
    for kind, name, reason in faults(after):
        if (kind, name) not in known:
            raise Unfit(f"{kind[:-1]} {name}: {reason}")


def faults(rows: Rows) -> list[tuple[str, str, str]]:
    """Whatever would be left out of a catalog: the kind and name of a row, and why."""
    found: list[tuple[str, str, str]] = []

    def note(kind: str, name: str, error: Exception) -> None:
        found.append((kind, name, str(error.args[0]) if error.args else type(error).__name__))

    for model in build(rows, note).models:
        _ = model.offers
    return found
