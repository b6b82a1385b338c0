"""Looking for what every other part may have lost: open tasks without a message, stored images without a record."""

from dataclasses import dataclass

from darkroom.domain.identifiers import well_formed
from darkroom.domain.parts import parts
from darkroom.domain.task import ImageState, Task
from darkroom.observation import logger
from darkroom.services.clock import Clock
from darkroom.stores.objects import ObjectStore
from darkroom.stores.open_tasks import OpenTasks
from darkroom.stores.queues import Copy, Look, Queues
from darkroom.stores.sweeps import Sweeps
from darkroom.stores.tasks import TaskStore

OLD = 600
"""Seconds after which an open task is looked at besides: longer than most tasks take in all."""
MOST_TASKS = 4_000
MOST_OBJECTS = 5_000
"""Objects that one run goes through; the next goes on from there."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What one run found: open tasks that it looked after, images that it had recorded, objects of no task."""

    looked_after: int = 0
    recorded: int = 0
    orphans: int = 0


class Reconciler:
    """Goes over tasks and objects, a part at a time."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        open_tasks: OpenTasks,
        objects: ObjectStore,
        sweeps: Sweeps,
        queues: Queues,
        clock: Clock,
        scale: float,
    ) -> None:
        self._tasks = tasks
        self._open_tasks = open_tasks
        self._objects = objects
        self._sweeps = sweeps
        self._queues = queues
        self._clock = clock
        self._scale = scale

    def run(self) -> Findings:
        """Look after old open tasks, then go through the next part of the bucket."""
        looked_after = self._look_after_open_tasks()
        recorded, orphans = self._go_through_objects()
        return Findings(looked_after, recorded, orphans)

    def _look_after_open_tasks(self) -> int:
        """One look each, beside whatever messages there are: a task without any is found and brought to its end."""
        now = self._clock()
        before = now - int(1000 * OLD / self._scale)
        ids = list(self._open_tasks.older_than(before, limit=MOST_TASKS))
        self._queues.send_all(Look(task_id, once=True, sent_at=now) for task_id in ids)
        return len(ids)

    def _go_through_objects(self) -> tuple[int, int]:
        keys, following = self._objects.images_after(self._sweeps.position("objects"), limit=MOST_OBJECTS)
        recorded = orphans = 0
        for part in parts(keys, 100):
            tasks = self._tasks.get_many({task_id for _, task_id, _ in map(_place, part) if well_formed(task_id)})
            for key in part:
                _, task_id, index = _place(key)
                task = tasks.get(task_id)
                if task is None:
                    orphans += 1
                    logger.warning("an object of no task", extra={"key": key})
                elif _unrecorded(task, index):
                    self._queues.send(Copy(task_id, index, attempt=2))
                    recorded += 1
        self._sweeps.move("objects", following)
        return recorded, orphans


def _unrecorded(task: Task, index: int) -> bool:
    """Whether an image lies in the bucket that its open task does not know of."""
    return index < len(task.images) and task.images[index].state is ImageState.PENDING and not task.status.terminal


def _place(key: str) -> tuple[str, str, int]:
    """Owner, task and index of an image's key; index 99 for what is no result (a reference), and empty texts for what
    a later release may keep there besides."""
    _, owner, task_id, name = [*key.split("/", 3), "", ""][:4]
    number = name.partition(".")[0]
    return owner, task_id, int(number) if number.isdecimal() else 99
