"""Polling open tasks: the poller of providers without callbacks, the watchdog of the others, keeper of deadlines."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from darkroom.aws.queues import Queues
from darkroom.batched import batched
from darkroom.clock import Clock
from darkroom.images.inline_results import store_inline_result
from darkroom.images.object_store import ObjectStore
from darkroom.observability import count, follow, logger
from darkroom.providers.registry import UnknownProvider
from darkroom.providers.upstreams import Upstreams, ticket_of
from darkroom.submission.polling_schedule import (
    COPYING_GRACE,
    MAX_POLLS,
    SENDING_GRACE,
    SUBMISSION_GRACE,
    SYNCHRONOUS_GRACE,
    poll_wait,
)
from darkroom.submission.provider_queries import ProviderQueries
from darkroom.tasks import transitions
from darkroom.tasks.charge import stopped_in_time
from darkroom.tasks.messages import Poll
from darkroom.tasks.outbox import Outbox
from darkroom.tasks.schedule import COPYING_LIMIT, MAX_HOPS, doubt_wait
from darkroom.tasks.store import NoSuchTask, TaskStore
from darkroom.tasks.task import AttemptState, Task
from darkroom.tasks.update import Update

if TYPE_CHECKING:
    from darkroom.providers.adapter import Adapter

RECORDING = 12.0
"""Seconds of an invocation in which no provider is asked any more: what was heard of a whole batch is recorded."""
RECORD_GRACE = 60_000
"""Milliseconds that a poll may outrun its record: longer than `submit` can live."""


class Poller:
    """Polls tasks, many at once: a query asks a provider about as many as it takes, all providers side by side."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        queues: Queues,
        objects: Callable[[], ObjectStore],
        adapters: "Callable[[str, str], Adapter]",
        upstreams: Upstreams,
        latency: Callable[[Task], float],
        outbox: Outbox,
        clock: Clock,
        scale: float,
        time_left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """`time_left` is in seconds: what may be spent on asking providers."""
        self._tasks = tasks
        self._queues = queues
        self._objects = objects
        self._adapters = adapters
        self._upstreams = upstreams
        self._latency = latency
        self._outbox = outbox
        self._clock = clock
        self._scale = scale
        self._queries = ProviderQueries(adapters=adapters, upstreams=upstreams, time_left=time_left)

    def poll(self, poll: Poll) -> None:
        """Bring one task forward by what its provider says of it, and queue the next poll while it is open."""
        (problem,) = self.poll_all([poll])
        if problem:
            raise problem

    def poll_all(self, polls: Sequence[Poll]) -> list[Exception | None]:
        """Bring the tasks of some polls forward, each as soon as its provider has answered; what went wrong with each.

        Those whose time is up are asked about first. What there is no time to ask about is treated as unanswered:
        its deadline is kept all the same.
        """
        problems: list[Exception | None] = [None] * len(polls)
        places: dict[str, list[int]] = defaultdict(list)
        for place, poll in enumerate(polls):
            if poll.cancel:
                problems[place] = self._problem_of(partial(self._cancel_upstream, poll.task_id))
            else:
                places[poll.task_id].append(place)
        tasks = self._read(places)
        for task_id in places.keys() - tasks.keys():
            for place in places[task_id]:
                problems[place] = self._problem_of(partial(self._wait_for_record, polls[place]))
        for answered in self._queries.answers(sorted(tasks.values(), key=self._last_moment)):
            for task in answered.tasks:
                for place in places[task.task_id]:
                    bring = partial(self._bring_forward, task, answered.updates.get(task.task_id), polls[place])
                    problems[place] = self._problem_of(bring)
        return problems

    def _read(self, task_ids: Iterable[str]) -> dict[str, Task]:
        tasks: dict[str, Task] = {}
        for part in batched(list(task_ids), 100):
            tasks.update(self._tasks.get_many(part))
        return tasks

    @staticmethod
    def _problem_of(step: Callable[[], None]) -> Exception | None:
        try:
            step()
        except Exception as problem:
            return problem
        return None

    def _bring_forward(self, task: Task, update: Update | None, poll: Poll) -> None:
        follow(task.task_id, task.correlation_id)
        try:
            task, doubtful = self._apply(task, update)
            task = self._keep_deadline(self._mend(task), poll)
        except NoSuchTask:
            return
        doubts = poll.doubts + 1 if doubtful else 0
        if task.followed and not poll.once:
            following = replace(poll, looks=poll.looks + 1, sent_at=self._clock(), doubts=doubts)
            self._queues.send(following, wait=self._next_wait(task, following))
        elif task.followed and doubts:
            self._outbox.poll_once(task, doubts=doubts)

    def _apply(self, task: Task, update: Update | None) -> tuple[Task, bool]:
        """The task after what its provider said, and whether that was not understood."""
        if update is None or task.attempt is None:
            return task, False
        provider = task.attempt.provider
        now = self._clock()
        if any(image.base64 for image in update.images) and not task.images:
            update = store_inline_result(update, task, self._objects())
        doubtful = bool(update.doubt) and not task.images
        if doubtful:
            logger.warning("poll not understood", extra={"provider": provider, "reason": update.doubt})
            count("NotUnderstood")
        changed = self._tasks.change(
            task,
            lambda current: transitions.apply_update(current, provider, update, now=now, scale=self._scale),
            cause="look",
        )
        self._outbox.after(changed)
        return changed.after, doubtful

    def _mend(self, task: Task) -> Task:
        """Put right what a crash left: a request nobody heard of again, a message that was never sent."""
        now = self._clock()
        attempt = task.attempt
        if not task.followed:
            return task
        if attempt and attempt.state is AttemptState.SENDING and now > attempt.begun_at + self._sending_grace(task):
            task = self._tasks.change(
                task, lambda current: transitions.mark_submission_unknown(current, now=now), cause="look"
            ).after
        elif task.awaits_submission and now > task.retry_at + self._scaled(SUBMISSION_GRACE):
            self._outbox.submit(task)
        elif task.pending_images and now > (task.copying_at or 0) + self._scaled(COPYING_GRACE, least=30):
            changed = self._tasks.change(
                task, lambda current: transitions.requeue_copies(current, now=now), cause="look"
            )
            self._outbox.after(changed)
            task = changed.after
        return task

    def _keep_deadline(self, task: Task, poll: Poll) -> Task:
        """End a task whose time is up, or that was polled more often than any deadline allows."""
        now = self._clock()
        in_time = now < self._last_moment(task)
        if not task.followed or (in_time and poll.looks < MAX_POLLS):
            return task
        if in_time:
            logger.error("ended after too many polls", extra={"polls": poll.looks})
        return self._tasks.change(task, lambda current: transitions.expire(current, now=now), cause="look").after

    def _last_moment(self, task: Task) -> float:
        """When a task is ended whatever it waits for; images that were made get some time beyond its deadline."""
        return task.deadline_at + (self._scaled(COPYING_LIMIT, least=90) if task.images else 0)

    def _next_wait(self, task: Task, poll: Poll) -> float:
        attempt = task.attempt
        called_back = attempt is None or attempt.expects_callback or not attempt.state.live
        wait = poll_wait(poll.looks, latency=self._latency(task), called_back=called_back)
        wait = min(wait, doubt_wait(poll.doubts) or wait) if poll.doubts else wait
        left = (self._last_moment(task) - self._clock()) / 1000 * self._scale
        return min(wait, max(left, 0.0) + 1)

    def _cancel_upstream(self, task_id: str) -> None:
        task = self._tasks.get(task_id)
        attempt = task.attempt if task else None
        if attempt is None or not attempt.upstream_id:
            return
        try:
            adapter = self._adapters(attempt.provider, attempt.protocol)
        except UnknownProvider:
            return
        if not adapter.traits.can_cancel:
            return
        ticket = ticket_of(attempt)
        stopped = adapter.cancel(ticket, self._upstreams.reach(attempt))
        logger.info("provider told of cancellation", extra={"provider": attempt.provider, "stopped": stopped})
        if stopped:
            now = self._clock()
            self._tasks.change(task_id, lambda current: stopped_in_time(current, now=now), cause="cancellation")

    def _wait_for_record(self, poll: Poll) -> None:
        young = self._clock() - poll.sent_at < RECORD_GRACE and poll.hops < MAX_HOPS
        if young and not poll.once:
            self._queues.send(replace(poll, hops=poll.hops + 1), wait=10)

    def _scaled(self, seconds: float, least: float = 5) -> float:
        """A grace in milliseconds: scaled, but never so short that work under way is taken for lost."""
        return max(least, seconds / self._scale) * 1000

    @staticmethod
    def _sending_grace(task: Task) -> float:
        return 1000 * (SYNCHRONOUS_GRACE if task.offer.synchronous else SENDING_GRACE)
