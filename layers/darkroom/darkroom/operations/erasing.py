"""Erasing an owner: everything that names it, in both tables and the bucket.

It takes two waits, because functions that began before its keys were disabled may still write for as long as they run:

1. keys are disabled, no event is taken any more (`closing`);
2. objects are deleted, open tasks cancelled (so that providers are told), ended ones removed (`clearing`);
3. *wait*: every submission that a key was still good for has ended. All tasks are removed, also what such a
   submission made (`records`). From here on a callback, a copy or a poll finds no task, and keeps nothing;
4. *wait*: whoever read a task before that has ended. What it left in the bucket is deleted, then ledger, account, keys
   and name (`rest`).

So nothing has to be checked when a task is made. Every step can be repeated; the reconciler goes on with what a call
has no time for.
"""

import time
from collections.abc import Callable, Iterator

from darkroom.clock import Clock
from darkroom.images.object_store import ObjectStore
from darkroom.observability import logger
from darkroom.operations.erasure_store import Erasure, Erasures, Phase
from darkroom.operations.owned_items import OwnedItems
from darkroom.tasks import transitions
from darkroom.tasks.store import NoSuchTask, TaskStore
from darkroom.tasks.task import Task

GRACE = 960
"""Seconds after which every function that ran has ended: Lambda's longest time-out is 900 (AWS: Lambda quotas)."""
TOLD = 60
"""Seconds after its end in which a cancelled task stays, so that its provider can be told."""
DAY = 86_400_000
LEASE_MARGIN = 15.0
"""Seconds for which a lease outlasts the time that its holder wants to work."""


class Eraser:
    """Erases owners, as far as there is time at each call."""

    def __init__(
        self,
        *,
        erasures: Erasures,
        items: OwnedItems,
        tasks: TaskStore,
        objects: ObjectStore,
        remembered_days: int,
        clock: Clock,
        scale: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`remembered_days` is how long times and counts of a finished erasure are kept."""
        self._erasures = erasures
        self._items = items
        self._tasks = tasks
        self._objects = objects
        self._remembered_days = remembered_days
        self._clock = clock
        self._scale = scale
        self._monotonic = monotonic

    def erase(self, owner: str, *, seconds: float) -> Erasure:
        """Begin to erase an owner, or go on, for about so many seconds; how far it is then.

        One that is done is not begun anew, unless the owner is there again.
        """
        found = self._erasures.find(owner)
        if found and found.phase is Phase.DONE and not self._items.is_known(owner):
            return found
        self._erasures.begin(owner, self._clock())
        self._go_on(owner, seconds)
        found = self._erasures.find(owner)
        assert found is not None  # it stays for longer than any call
        return found

    def go_on_with_all(self, *, seconds: float) -> int:
        """Go on with every erasure that is under way, and forget old ones; how many are under way.

        One that fails keeps no other from going on; then its error is raised.
        """
        self._erasures.forget(self._clock())
        owners = self._erasures.under_way()
        ends_at = self._monotonic() + seconds
        problems: list[Exception] = []
        for owner in owners:
            try:
                self._go_on(owner, ends_at - self._monotonic())
            except Exception as problem:
                logger.exception("an erasure failed")
                problems.append(problem)
        if problems:
            raise problems[0]
        return len(owners)

    def _go_on(self, owner: str, seconds: float) -> None:
        now = self._clock()
        if seconds <= 0 or not self._erasures.lease(owner, now, now + int(1000 * (seconds + LEASE_MARGIN))):
            return  # somebody else is at it
        ends_at = self._monotonic() + seconds
        try:
            while self._monotonic() < ends_at and self._step(owner, lambda: self._monotonic() < ends_at):
                pass
        finally:
            self._erasures.release(owner)

    def _step(self, owner: str, time_left: Callable[[], bool]) -> bool:
        """Do the phase that is due. Whether it was finished, and another one may follow at once."""
        erasure = self._erasures.find(owner)
        if erasure is None or erasure.phase is Phase.DONE or erasure.due_at > self._clock():
            return False
        steps: dict[Phase, tuple[Callable[[Erasure], Iterator[None]], Phase, bool]] = {
            Phase.CLOSING: (self._close, Phase.CLEARING, False),
            Phase.CLEARING: (self._clear, Phase.RECORDS, True),
            Phase.RECORDS: (self._remove_records, Phase.REST, True),
            Phase.REST: (self._remove_rest, Phase.DONE, False),
        }
        work, following, waits = steps[erasure.phase]
        for _ in work(erasure):
            if not time_left():
                return False
        now = self._clock()
        if following is Phase.DONE:
            self._erasures.finish(owner, now, now + self._remembered_days * DAY)
            logger.info("an owner was erased")
        else:
            self._erasures.advance(owner, following, now + (int(1000 * GRACE / self._scale) if waits else 0))
        return True

    # Each phase yields where it may be broken off, and can then be begun anew.

    def _close(self, erasure: Erasure) -> Iterator[None]:
        owner = erasure.owner
        self._items.close(owner)
        self._disable(owner, self._items.known_keys(owner))
        position = erasure.scanned
        while True:
            found, position = self._items.search_keys(owner, position)
            self._disable(owner, found)
            if position is None:
                return
            self._erasures.note_scanned(owner, position)
            yield

    def _disable(self, owner: str, digests: list[str]) -> None:
        self._erasures.note_keys(owner, digests)
        for digest in digests:
            self._items.disable_key(digest)

    def _clear(self, erasure: Erasure) -> Iterator[None]:
        yield from self._remove_objects(erasure.owner)
        told = self._clock() - int(1000 * TOLD / self._scale)
        yield from self._remove_tasks(erasure.owner, ended_before=told)

    def _remove_records(self, erasure: Erasure) -> Iterator[None]:
        yield from self._remove_tasks(erasure.owner)

    def _remove_rest(self, erasure: Erasure) -> Iterator[None]:
        owner = erasure.owner
        # The index of an owner's tasks follows the table with a delay; by now it shows all that there ever was.
        yield from self._remove_tasks(owner)
        yield from self._remove_objects(owner)
        for kind, removal in (
            ("ledger_lines", self._items.remove_ledger(owner)),
            ("account_items", self._items.remove_account(owner)),
            ("keys", self._items.remove_keys(erasure.digests)),
        ):
            for number in removal:
                self._erasures.count(owner, kind, number)
                yield
        self._items.remove_name(owner)

    def _remove_objects(self, owner: str) -> Iterator[None]:
        for number in self._objects.delete_of_owner(owner):
            self._erasures.count(owner, "objects", number)
            yield

    def _remove_tasks(self, owner: str, *, ended_before: int | None = None) -> Iterator[None]:
        """Cancel what is open, and remove what has ended (before some moment)."""
        for ids in self._items.task_ids(owner):
            tasks = self._tasks.get_many(ids, gone_too=True).values()
            ended = [self._cancelled(task) for task in tasks]
            going = [task for task in ended if ended_before is None or (task.completed_at or 0) < ended_before]
            if going:
                self._items.remove_tasks(going)
                self._erasures.count(owner, "tasks", len(going))
            yield

    def _cancelled(self, task: Task) -> Task:
        if task.status.terminal:
            return task
        now = self._clock()
        try:
            changed = self._tasks.change(
                task, lambda current: transitions.cancel(current, now=now, charge_made=False), cause="erasure"
            )
        except NoSuchTask:
            return task
        if changed.happened:
            self._erasures.count(task.owner, "tasks_cancelled", 1)
        return changed.after
