"""Finding what every other part may have lost: open tasks without a message, ends that nobody was told of, stored
images without a record, messages that were given up on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import shuffle
from typing import TYPE_CHECKING

from darkroom.aws.queues import Queues
from darkroom.batched import batched
from darkroom.clock import Clock
from darkroom.images.object_store import ListedObject, ObjectStore, is_of
from darkroom.observability import count, logger
from darkroom.operations.given_up import GivenUp
from darkroom.operations.sweep_cursor import SweepCursor, SweepCursors
from darkroom.submission.polling_schedule import SUBMISSION_GRACE
from darkroom.tasks.ids import well_formed
from darkroom.tasks.messages import Copy, Poll
from darkroom.tasks.open_index import OpenTasks
from darkroom.tasks.schedule import COPYING_LIMIT
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import ImageState, Task
from darkroom.webhooks.retry_schedule import ANNOUNCEMENT_GRACE

if TYPE_CHECKING:
    from darkroom.webhooks.fan_out import Notifier

OLD = 600
"""Seconds after which an open task is looked at besides: longer than most tasks take in all."""
MOST_TASKS = 4_000
"""Tasks that one run goes through; the next goes on from there."""
MOST_ANNOUNCEMENTS = 1_000
MOST_FAILURES = 5
"""Announcements that may fail in one run: as many as there is time for when AWS itself does not answer."""
MOST_OBJECTS = 5_000
"""Objects that one run goes through; the next goes on from there."""
OVERLAP = 600_000
"""Milliseconds by which a round over the objects goes back behind the last one's beginning: clocks differ."""


@dataclass(slots=True)
class Findings:
    """What one run found: open tasks that it looked after, ends that it told of, tasks that are far behind their time,
    messages and batches that were given up on, images that it had recorded, objects of no task."""

    looked_after: int = 0
    announced: int = 0
    overdue: int = 0
    given_up: int = 0
    recorded: int = 0
    orphans: int = 0


SWEEP = 900
"""How often the reconciler runs (template.yaml)."""


class Reconciler:
    """Goes over tasks, dead letters and objects, a part at a time."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        open_tasks: OpenTasks,
        objects: ObjectStore,
        sweeps: SweepCursors,
        queues: Queues,
        notifier: "Callable[[], Notifier]",
        given_up: GivenUp,
        clock: Clock,
        scale: float,
    ) -> None:
        self._tasks = tasks
        self._open_tasks = open_tasks
        self._objects = objects
        self._sweeps = sweeps
        self._queues = queues
        self._notifier = notifier
        self._given_up = given_up
        self._clock = clock
        self._scale = scale

    def run(self) -> Findings:
        """Do every part of the work. One that fails keeps none of the others from being done; then its error is
        raised."""
        found = Findings()
        problems: list[Exception] = []
        for part in (self._go_through_tasks, self._count_what_was_given_up, self._go_through_objects):
            try:
                part(found)
            except Exception as problem:
                logger.exception("a part of the reconciliation failed")
                problems.append(problem)
        if problems:
            raise problems[0]
        return found

    def _go_through_tasks(self, found: Findings) -> None:
        """One poll for each old open task, beside whatever messages there are; one word of each end unheard of."""
        now = self._clock()
        sweep = self._sweeps.find("open_tasks")
        ids, following = self._open_tasks.between(int(sweep.position or 0), now - self._scaled(OLD), limit=MOST_TASKS)
        unheard: list[Task] = []
        for part in batched(ids, 100):
            # Also what has expired unannounced: it is to leave the index.
            tasks = self._tasks.get_many(part, consistent=False, gone_too=True).values()
            still_open = [task.task_id for task in tasks if not task.status.terminal]
            self._queues.send_all(Poll(task_id, once=True, sent_at=now) for task_id in still_open)
            found.looked_after += len(still_open)
            found.overdue += sum(self._overdue(task, now) for task in tasks)
            unheard += [task for task in tasks if self._unheard(task, now)]
        if following or sweep.position:
            self._sweeps.move("open_tasks", SweepCursor(str(following or "")))
        if found.overdue:
            count("Overdue", found.overdue)
        self._announce(unheard, found)

    def _announce(self, tasks: list[Task], found: Findings) -> None:
        # In any order: ends that can't be told must not stand before the others for ever.
        shuffle(tasks)
        failures = 0
        for task in tasks[:MOST_ANNOUNCEMENTS]:
            try:
                self._announce_one(task)
                found.announced += 1
            except Exception:
                logger.exception("end not announced", extra={"task_id": task.task_id})
                count("RecordFailed")
                failures += 1
                if failures >= MOST_FAILURES:
                    return

    def _announce_one(self, task: Task) -> None:
        if task.expires_at * 1000 <= self._clock():
            self._tasks.mark_announced(task)  # its pictures are gone: there is nothing to be told of any more
            return
        self._notifier().announce(task)

    def _unheard(self, task: Task, now: int) -> bool:
        """Whether an end should have been announced by now."""
        ended_at = task.completed_at or task.created_at
        return task.status.terminal and not task.announced and now - ended_at > self._scaled(ANNOUNCEMENT_GRACE)

    def _overdue(self, task: Task, now: int) -> bool:
        """Whether a task is so far behind its time that queues, stream or provider's polls must be standing still."""
        late = self._scaled(SWEEP)
        if task.status.terminal:
            return self._unheard(task, now - late)
        if task.awaits_submission and now > max(task.retry_at, task.created_at) + self._scaled(SUBMISSION_GRACE) + late:
            return True
        return now > task.deadline_at + (self._scaled(COPYING_LIMIT) if task.images else 0) + late

    def _count_what_was_given_up(self, found: Findings) -> None:
        found.given_up = sum(line["messages"] for line in self._given_up.counted())
        if found.given_up:
            count("MessageGivenUp", found.given_up)

    def _go_through_objects(self, found: Findings) -> None:
        """Every image once or twice in its life: those are looked at that came since the last round began."""
        sweep = self._sweeps.find("objects")
        if not sweep.position:
            sweep = SweepCursor("", self._clock(), since=sweep.begun_at - OVERLAP)
        listed, following = self._objects.images_after(sweep.position, limit=MOST_OBJECTS)
        for part in batched([each for each in listed if each.modified_at >= sweep.since], 100):
            self._compare(part, found)
        self._sweeps.move("objects", SweepCursor(following, sweep.begun_at, sweep.since))

    def _compare(self, listed: Iterable[ListedObject], found: Findings) -> None:
        places = [(each.key, *_place(each.key)) for each in listed]
        tasks = self._tasks.get_many({task_id for _, task_id, _ in places if well_formed(task_id)}, consistent=False)
        for key, task_id, index in places:
            task = tasks.get(task_id)
            if task is None or not is_of(task, key):
                found.orphans += 1
                logger.warning("an object of no task", extra={"key": key})
            elif _unrecorded(task, index):
                self._queues.send(Copy(task_id, index, attempt=2))
                found.recorded += 1

    def _scaled(self, seconds: float) -> int:
        return int(1000 * seconds / self._scale)


def _unrecorded(task: Task, index: int) -> bool:
    """Whether an image lies in the bucket that its open task does not know of."""
    return index < len(task.images) and task.images[index].state is ImageState.PENDING and not task.status.terminal


def _place(key: str) -> tuple[str, int]:
    """Task and index of an image's key; index 99 for what is no result (a reference), and empty texts for what a later
    release may keep there besides."""
    _, _, task_id, name = [*key.split("/", 3), "", ""][:4]
    number = name.partition(".")[0]
    return task_id, int(number) if number.isdecimal() else 99
