"""A provider's callback: checked, kept, read, recorded, and its downloads queued. No picture is fetched here."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from darkroom.callbacks.address import CallbackAddresses, is_meant
from darkroom.callbacks.authenticity import CallbackAuthenticity
from darkroom.callbacks.notes import CallbackNote, CallbackNotes
from darkroom.clock import Clock
from darkroom.images.inline_results import store_inline_result
from darkroom.images.object_store import KeptCallback, ObjectStore
from darkroom.images.retry_schedule import LINK_LIFE
from darkroom.observability import count, follow, logger
from darkroom.providers.base import Unreadable
from darkroom.providers.reading.bodies import read_object
from darkroom.providers.signatures import Authenticity, CallbackTrust
from darkroom.tasks import transitions
from darkroom.tasks.outbox import Outbox
from darkroom.tasks.store import NoSuchTask, TaskStore
from darkroom.tasks.task import Attempt, Task
from darkroom.tasks.update import Status, Update

if TYPE_CHECKING:
    from darkroom.providers.adapter import Adapter

_NOT_KEPT = frozenset({"authorization", "cookie", "x-amz-security-token"})


_TRUSTS = frozenset(CallbackTrust)
DATA = 2000
"""Characters from which a text may be a picture's base64."""
_LINK = re.compile(r"(?i)(https?://|data:image/)")


class Verdict(StrEnum):
    """What became of a callback."""

    FORGED = "forged"
    NO_TASK = "no_task"
    UNREADABLE = "unreadable"
    TO_CONFIRM = "to_confirm"
    UNCHANGED = "unchanged"
    RECORDED = "recorded"


class CallbackReceiver:
    """Takes callbacks. An accepted one is kept as it came before it is read, so that it can be read again."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        objects: ObjectStore,
        adapters: "Callable[[str, str], Adapter]",
        addresses: CallbackAddresses,
        authenticity: CallbackAuthenticity,
        notes: CallbackNotes,
        confirm: bool,
        outbox: Outbox,
        clock: Clock,
        scale: float,
    ) -> None:
        self._tasks = tasks
        self._objects = objects
        self._adapters = adapters
        self._addresses = addresses
        self._authenticity = authenticity
        self._notes = notes
        self._confirm = confirm
        self._outbox = outbox
        self._clock = clock
        self._scale = scale

    def receive(self, provider: str, task_id: str, token: str, headers: Mapping[str, str], body: bytes) -> Verdict:
        """Take one callback. Raises what AWS raises: the provider is then to try again."""
        record = self._addresses.record_of(provider, task_id, token)
        if record is None:
            return Verdict.FORGED
        task = self._tasks.get(task_id)
        if task is None or not is_meant(task, record):
            return Verdict.NO_TASK
        follow(task_id, task.correlation_id)
        authenticity = self._authenticity_of(task, provider, headers, body)
        if authenticity is Authenticity.FORGED:
            return Verdict.FORGED
        if self._notes.room(task_id):  # what changed nothing is noted: a leaked address does not fill the bucket
            kept = {name: value for name, value in headers.items() if name.lower() not in _NOT_KEPT}
            self._objects.keep_callback(task.owner, task_id, KeptCallback(provider, self._clock(), kept, body))
        verdict = self._read(task, provider, body, unchecked=authenticity is Authenticity.UNCHECKED)
        if verdict not in {Verdict.RECORDED, Verdict.NO_TASK}:
            self._notes.add(task_id, CallbackNote(self._clock(), provider, verdict.value), task.expires_at)
        return verdict

    def replay(self, task: Task) -> list[Verdict]:
        """Read a task's kept callbacks again, in the order in which they came, with today's parser.

        Of those that are signed nobody can say any more whether they were checked: they count as hints.
        """
        return [
            self._read(self._tasks.get(task.task_id) or task, kept.provider, kept.body, unchecked=True)
            for kept in self._objects.kept_callbacks(task.owner, task.task_id)
            if kept.received_at >= task.created_at  # not those of an earlier task with this id
        ]

    def _authenticity_of(self, task: Task, provider: str, headers: Mapping[str, str], body: bytes) -> Authenticity:
        """What a callback is by its signature: one without any is forged, where its provider's are to have one."""
        attempt = _latest_at(task, provider)
        if attempt is None:
            return Authenticity.UNSIGNED
        found = self._authenticity.check(attempt, self._adapters(provider, attempt.protocol), headers, body)
        wanted = self._trust(attempt) is CallbackTrust.SIGNATURE
        return Authenticity.FORGED if found is Authenticity.UNSIGNED and wanted else found

    def _trust(self, attempt: Attempt) -> CallbackTrust:
        traits = self._adapters(attempt.provider, attempt.protocol).traits
        return CallbackTrust(attempt.callback_trust) if attempt.callback_trust in _TRUSTS else traits.callback_trust

    def _is_a_hint(self, attempt: Attempt | None, *, unchecked: bool) -> bool:
        """Whether what a callback says counts only once the provider's own look-up says the same."""
        if attempt is None or self._confirm:
            return self._confirm
        signs = self._adapters(attempt.provider, attempt.protocol).traits.signs_callbacks
        return self._trust(attempt) is CallbackTrust.CONFIRM or (unchecked and signs)

    def _read(self, task: Task, provider: str, body: bytes, *, unchecked: bool) -> Verdict:
        ids = [attempt.upstream_id for attempt in task.attempts if attempt.upstream_id]
        attempt = _latest_at(task, provider)
        try:
            update = self._adapters(provider, attempt.protocol if attempt else "").read_callback(body, ids)
        except Unreadable as problem:
            return self._ask_again(task, provider, body, str(problem))
        hint = self._is_a_hint(attempt, unchecked=unchecked)
        if hint and update.status.terminal and task.followed and not task.images:
            return self._ask_whether(task, provider, update)
        now = self._clock()
        if transitions.apply_update(task, provider, update, now=now, scale=self._scale) != task:
            update = store_inline_result(update, task, self._objects)
        if update.doubt:
            return self._ask_again(task, provider, body, update.doubt)
        try:
            changed = self._tasks.change(
                task,
                lambda current: transitions.apply_update(current, provider, update, now=now, scale=self._scale),
                cause="callback",
            )
        except NoSuchTask:
            return Verdict.NO_TASK
        self._outbox.after(changed)
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
        self._outbox.poll_once(task)
        return Verdict.TO_CONFIRM

    def _ask_again(self, task: Task, provider: str, body: bytes, reason: str) -> Verdict:
        """Decide nothing by what was not understood: the provider is asked how the task stands, soon and some times."""
        logger.warning("callback not understood", extra={"provider": provider, "reason": reason})
        count("NotUnderstood")
        self._wait_for_a_reading(task, body)
        if task.followed and not task.images and task.attempt and task.attempt.upstream_id:
            self._outbox.poll_once(task, doubts=1)
        return Verdict.UNREADABLE

    def _wait_for_a_reading(self, task: Task, body: bytes) -> None:
        """Keep the task open, once, while its picture may be behind words that we do not understand yet."""
        if not may_hold_a_picture(body, task.request.image_urls):
            return
        until = task.created_at + int(1000 * LINK_LIFE / self._scale)
        self._tasks.change(task, lambda current: transitions.keep_open_until(current, until), cause="callback")


def _latest_at(task: Task, provider: str) -> Attempt | None:
    return next((attempt for attempt in reversed(task.attempts) if attempt.provider == provider), None)


def may_hold_a_picture(body: bytes, references: Collection[str]) -> bool:
    """Whether a body is a JSON object with a link or with data in it, other than the request's own that it repeats."""
    try:
        content = read_object(body)
    except Unreadable:
        return False
    return any(
        len(text) > DATA or (_LINK.match(text.lstrip()) is not None and "/callbacks/" not in text)
        for text in _texts(content)
        if text not in references
    )


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
