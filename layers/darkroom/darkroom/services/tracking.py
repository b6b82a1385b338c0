"""Looking at open tasks: the poller of providers without callbacks, the watchdog of the others, keeper of deadlines."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from darkroom.adapters.base import Adapter, QueryFailed, Ticket
from darkroom.adapters.registry import UnknownProvider
from darkroom.domain import schedule, transitions
from darkroom.domain.parts import parts
from darkroom.domain.task import AttemptState, Task
from darkroom.domain.update import Update
from darkroom.observation import follow, logger
from darkroom.services.clock import Clock
from darkroom.services.follow_up import FollowUp
from darkroom.services.results import put_aside
from darkroom.services.upstreams import Upstreams
from darkroom.stores.objects import ObjectStore
from darkroom.stores.queues import Look, Queues
from darkroom.stores.tasks import NoSuchTask, TaskStore

RECORD_GRACE = 60_000
"""Milliseconds that a look may outrun its record: longer than `submit` can live."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of some tasks at one moment: their records, and what their providers say of them."""

    tasks: Mapping[str, Task]
    updates: Mapping[str, Update]


class Tracker:
    """Looks at tasks, many at once: one query asks a provider about as many of them as it takes."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        queues: Queues,
        objects: Callable[[], ObjectStore],
        adapters: Callable[[str], Adapter],
        upstreams: Upstreams,
        latency: Callable[[Task], float],
        follow_up: FollowUp,
        clock: Clock,
        scale: float,
    ) -> None:
        self._tasks = tasks
        self._queues = queues
        self._objects = objects
        self._adapters = adapters
        self._upstreams = upstreams
        self._latency = latency
        self._follow_up = follow_up
        self._clock = clock
        self._scale = scale

    def survey(self, looks: Iterable[Look]) -> Survey:
        """Read the tasks of all these looks, and ask their providers about those that run there."""
        wanted = [look.task_id for look in looks if not look.cancel]
        tasks: dict[str, Task] = {}
        for part in parts(wanted, 100):
            tasks.update(self._tasks.get_many(part))
        return Survey(tasks, self._ask_all(tasks.values()))

    def look(self, look: Look, survey: Survey) -> None:
        """Bring one task forward by what the survey found, and queue the next look while it is open."""
        if look.cancel:
            self._cancel_upstream(look.task_id)
            return
        task = survey.tasks.get(look.task_id)
        if task is None:
            self._wait_for_record(look)
            return
        follow(task.task_id, task.correlation_id)
        try:
            task = self._apply(task, survey.updates.get(look.task_id))
            task = self._keep_deadline(self._mend(task), look)
        except NoSuchTask:
            return
        if not task.status.terminal and not look.once:
            self._queues.send(
                replace(look, looks=look.looks + 1, sent_at=self._clock()), wait=self._next_wait(task, look)
            )

    def _ask_all(self, tasks: Iterable[Task]) -> dict[str, Update]:
        running: dict[tuple[str, str], list[Task]] = defaultdict(list)
        for task in tasks:
            attempt = task.attempt
            if attempt and attempt.upstream_id and attempt.state is AttemptState.ACCEPTED and not task.status.terminal:
                running[attempt.provider, attempt.credential].append(task)
        updates: dict[str, Update] = {}
        for (provider, credential), group in running.items():
            for part in parts(group, self._page_size(provider)):
                updates.update(self._ask(provider, credential, part))
        return updates

    def _page_size(self, provider: str) -> int:
        try:
            return self._adapters(provider).traits.page_size
        except UnknownProvider:  # of another release; `_ask` tells of it
            return 100

    def _ask(self, provider: str, credential: str, tasks: Sequence[Task]) -> dict[str, Update]:
        """One query about some tasks of one provider; a look without an answer changes nothing."""
        attempts = {task.task_id: attempt for task in tasks if (attempt := task.attempt)}
        tickets = [Ticket(attempt.upstream_id, attempt.upstream_model) for attempt in attempts.values()]
        try:
            found = self._adapters(provider).query(tickets, self._upstreams.reach(provider, credential))
        except QueryFailed as problem:
            logger.warning("look brought no answer", extra={"provider": provider, "reason": str(problem)})
            return {}
        except Exception:  # one provider's trouble must not keep the deadlines of the others' tasks
            logger.exception("look failed", extra={"provider": provider})
            return {}
        return {
            task_id: found[attempt.upstream_id] for task_id, attempt in attempts.items() if attempt.upstream_id in found
        }

    def _apply(self, task: Task, update: Update | None) -> Task:
        if update is None or task.attempt is None:
            return task
        provider = task.attempt.provider
        now = self._clock()
        if any(image.base64 for image in update.images) and not task.images:
            update = put_aside(update, task, self._objects())
        changed = self._tasks.change(
            task,
            lambda current: transitions.apply_update(current, provider, update, now=now, scale=self._scale),
            cause="look",
        )
        self._follow_up.after(changed)
        return changed.after

    def _mend(self, task: Task) -> Task:
        """Put right what a crash left: a request nobody heard of again, a message that was never sent."""
        now = self._clock()
        attempt = task.attempt
        if task.status.terminal:
            return task
        if attempt and attempt.state is AttemptState.SENDING and now > attempt.begun_at + self._sending_grace(task):
            task = self._tasks.change(
                task, lambda current: transitions.lose_track(current, now=now), cause="look"
            ).after
        elif task.awaits_submission and now > task.retry_at + self._scaled(schedule.SUBMISSION_GRACE):
            self._follow_up.submit(task)
        elif task.pending_images and now > (task.copying_at or 0) + self._scaled(schedule.COPYING_GRACE, least=30):
            changed = self._tasks.change(
                task, lambda current: transitions.hand_out_again(current, now=now), cause="look"
            )
            self._follow_up.after(changed)
            task = changed.after
        return task

    def _keep_deadline(self, task: Task, look: Look) -> Task:
        """End a task whose time is up, or that was looked at more often than any deadline allows."""
        now = self._clock()
        in_time = now < self._last_moment(task)
        if task.status.terminal or (in_time and look.looks < schedule.MAX_LOOKS):
            return task
        if in_time:
            logger.error("ended after too many looks", extra={"looks": look.looks})
        return self._tasks.change(task, lambda current: transitions.expire(current, now=now), cause="look").after

    def _last_moment(self, task: Task) -> float:
        """When a task is ended whatever it waits for; images that were made get some time beyond its deadline."""
        return task.deadline_at + (self._scaled(schedule.COPYING_LIMIT, least=90) if task.images else 0)

    def _next_wait(self, task: Task, look: Look) -> float:
        attempt = task.attempt
        called_back = attempt is None or attempt.expects_callback or not attempt.state.live
        wait = schedule.look_wait(look.looks + 1, latency=self._latency(task), called_back=called_back)
        left = (self._last_moment(task) - self._clock()) / 1000 * self._scale
        return min(wait, max(left, 0.0) + 1)

    def _cancel_upstream(self, task_id: str) -> None:
        task = self._tasks.get(task_id)
        attempt = task.attempt if task else None
        if attempt is None or not attempt.upstream_id:
            return
        try:
            adapter = self._adapters(attempt.provider)
        except UnknownProvider:
            return
        if not adapter.traits.can_cancel:
            return
        ticket = Ticket(attempt.upstream_id, attempt.upstream_model)
        stopped = adapter.cancel(ticket, self._upstreams.reach(attempt.provider, attempt.credential))
        logger.info("provider told of cancellation", extra={"provider": attempt.provider, "stopped": stopped})

    def _wait_for_record(self, look: Look) -> None:
        young = self._clock() - look.sent_at < RECORD_GRACE and look.hops < schedule.MAX_HOPS
        if young and not look.once:
            self._queues.send(replace(look, hops=look.hops + 1), wait=10)

    def _scaled(self, seconds: float, least: float = 5) -> float:
        """A grace in milliseconds: scaled, but never so short that work under way is taken for lost."""
        return max(least, seconds / self._scale) * 1000

    @staticmethod
    def _sending_grace(task: Task) -> float:
        return 1000 * (schedule.SYNCHRONOUS_GRACE if task.offer.synchronous else schedule.SENDING_GRACE)
