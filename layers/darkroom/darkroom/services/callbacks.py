"""A provider's callback: checked, kept, read, recorded, and its downloads queued. Nothing is fetched here."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from darkroom.adapters.answers import read_object
from darkroom.adapters.base import Adapter, Unreadable
from darkroom.domain import transitions
from darkroom.domain.schedule import LINK_LIFE
from darkroom.domain.task import Task
from darkroom.domain.update import Status, Update
from darkroom.observation import follow, logger
from darkroom.services.callback_address import CallbackAddresses
from darkroom.services.clock import Clock
from darkroom.services.follow_up import FollowUp
from darkroom.services.results import put_aside
from darkroom.stores.callback_notes import CallbackNote, CallbackNotes
from darkroom.stores.objects import KeptCallback, ObjectStore
from darkroom.stores.tasks import NoSuchTask, TaskStore

_NOT_KEPT = frozenset({"authorization", "cookie", "x-amz-security-token"})


class Verdict(StrEnum):
    """What became of a callback."""

    FORGED = "forged"
    NO_TASK = "no_task"
    UNREADABLE = "unreadable"
    TO_CONFIRM = "to_confirm"
    UNCHANGED = "unchanged"
    RECORDED = "recorded"


class CallbackReceiver:
    """Takes callbacks. Every accepted one is kept as it came before it is read, so that it can be read again."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        objects: ObjectStore,
        adapters: Callable[[str], Adapter],
        addresses: CallbackAddresses,
        notes: CallbackNotes,
        confirm: bool,
        follow_up: FollowUp,
        clock: Clock,
        scale: float,
    ) -> None:
        self._tasks = tasks
        self._objects = objects
        self._adapters = adapters
        self._addresses = addresses
        self._notes = notes
        self._confirm = confirm
        self._follow_up = follow_up
        self._clock = clock
        self._scale = scale

    def receive(self, provider: str, task_id: str, token: str, headers: Mapping[str, str], body: bytes) -> Verdict:
        """Take one callback. Raises what AWS raises: the provider is then to try again."""
        if not self._addresses.accepts(provider, task_id, token):
            return Verdict.FORGED
        task = self._tasks.get(task_id)
        if task is None:
            return Verdict.NO_TASK
        follow(task_id, task.correlation_id)
        kept = {name: value for name, value in headers.items() if name.lower() not in _NOT_KEPT}
        self._objects.keep_callback(task.owner, task_id, KeptCallback(provider, self._clock(), kept, body))
        verdict = self._read(task, provider, body)
        if verdict not in {Verdict.RECORDED, Verdict.NO_TASK}:
            self._notes.add(task_id, CallbackNote(self._clock(), provider, verdict.value), task.expires_at)
        return verdict

    def replay(self, task: Task) -> list[Verdict]:
        """Read a task's kept callbacks again, in the order in which they came, with today's parser."""
        return [
            self._read(self._tasks.get(task.task_id) or task, kept.provider, kept.body)
            for kept in self._objects.kept_callbacks(task.owner, task.task_id)
            if kept.received_at >= task.created_at  # not those of an earlier task with this id
        ]

    def _read(self, task: Task, provider: str, body: bytes) -> Verdict:
        try:
            update = self._adapters(provider).read_callback(body)
        except Unreadable as problem:
            logger.warning("callback unreadable", extra={"provider": provider, "reason": str(problem)})
            self._wait_for_a_reading(task, body)
            return Verdict.UNREADABLE
        if self._confirm and update.status.terminal and not task.status.terminal and not task.images:
            return self._ask_whether(task, provider, update)
        now = self._clock()
        if transitions.apply_update(task, provider, update, now=now, scale=self._scale) != task:
            update = put_aside(update, task, self._objects)
        try:
            changed = self._tasks.change(
                task,
                lambda current: transitions.apply_update(current, provider, update, now=now, scale=self._scale),
                cause="callback",
            )
        except NoSuchTask:
            return Verdict.NO_TASK
        self._follow_up.after(changed)
        return Verdict.RECORDED if changed.happened else Verdict.UNCHANGED

    def _ask_whether(self, task: Task, provider: str, update: Update) -> Verdict:
        """Take the callback as a hint only: the provider's own look-up is to say the same before it counts."""
        attempt = task.attempt
        if attempt and attempt.state.undecided and update.upstream_id:
            hint = Update(Status.PROCESSING, update.upstream_id)
            now = self._clock()
            self._tasks.change(
                task, lambda current: transitions.apply_update(current, provider, hint, now=now), cause="callback"
            )
        self._follow_up.look_once(task)
        return Verdict.TO_CONFIRM

    def _wait_for_a_reading(self, task: Task, body: bytes) -> None:
        """Keep the task open while its picture may be behind words that we do not understand yet."""
        if not _says_something(body):
            return
        until = task.created_at + int(1000 * LINK_LIFE / self._scale)
        self._tasks.change(task, lambda current: transitions.keep_open_until(current, until), cause="callback")


def _says_something(body: bytes) -> bool:
    """Whether a body is a JSON object with content: a form that changed, rather than noise."""
    try:
        return bool(read_object(body))
    except Unreadable:
        return False
