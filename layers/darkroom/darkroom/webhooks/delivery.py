"""Delivering one webhook: one signed attempt at a time, each claimed before it is made, on the retry schedule."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import random
from typing import Protocol

from darkroom.aws.delays import jittered
from darkroom.aws.queues import Queues
from darkroom.clock import Clock
from darkroom.observability import count, follow, logger
from darkroom.tasks.ids import new_nonce
from darkroom.tasks.schedule import MAX_HOPS
from darkroom.tasks.store import TaskStore
from darkroom.tasks.task import Task
from darkroom.webhooks.delivery_log import (
    DeliveryAttempt,
    DeliveryConflict,
    DeliveryLog,
    DeliveryState,
    DeliveryStore,
)
from darkroom.webhooks.messages import Delivery
from darkroom.webhooks.payload import WebhookPayloads
from darkroom.webhooks.retry_schedule import RetryRule
from darkroom.webhooks.sender import DeliveryOutcome

LEASE = 25_000
"""Milliseconds for which an attempt that was begun counts as under way: longer than a delivery may take."""


class Post(Protocol):
    """Sends one signed webhook."""

    def __call__(
        self, url: str, event_id: str, timestamp: datetime, body: bytes, *, secrets: Sequence[str], timeout: float
    ) -> DeliveryOutcome:
        """Deliver once, signed with each of the secrets. `timeout` is in seconds."""
        ...


class Deliverer:
    """Makes delivery attempts."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        deliveries: DeliveryStore,
        queues: Queues,
        post: Post,
        secrets: Callable[[str], Sequence[str]],
        payloads: WebhookPayloads,
        clock: Clock,
        scale: float,
    ) -> None:
        self._tasks = tasks
        self._deliveries = deliveries
        self._queues = queues
        self._post = post
        self._secrets = secrets
        self._payloads = payloads
        self._clock = clock
        self._scale = scale

    def deliver(self, message: Delivery) -> None:
        """Make the attempt that a message asks for, unless it was made; queue the next one where it failed.

        One that comes before its time is deferred, but not for ever: after `MAX_HOPS` it is made early.
        """
        now = self._clock()
        if message.due_at > now and message.hops < MAX_HOPS:
            self._queues.send_at(replace(message, hops=message.hops + 1), message.due_at, now=now)
            return
        task = self._tasks.get(message.task_id)
        if task is None or not task.request.callback_url or not task.status.terminal:
            return
        follow(task.task_id, task.correlation_id)
        log = self._deliveries.get(task.task_id) or DeliveryLog(
            task.task_id, task.owner, task.request.callback_url, task.expires_at
        )
        made = log.attempt(message.round, message.attempt)
        if made and made.done:
            self._queue_next(message, log, made)
            return
        if made and now - made.at < LEASE:
            return  # a doubled message: the one that began it is still at work, or will come again
        rule = self._payloads.rule(task)
        if made:
            self._conclude(log, message, _BROKEN_OFF, rule)
            return
        try:
            log = self._claim(log, message, now)
        except DeliveryConflict:
            return
        outcome = self._send(task, rule)
        self._conclude(log, message, outcome, rule)

    def _claim(self, log: DeliveryLog, message: Delivery, now: int) -> DeliveryLog:
        attempt = DeliveryAttempt(len(log.attempts) + 1, message.round, message.attempt, now, claim=new_nonce())
        return self._deliveries.save(replace(log.with_attempt(attempt), state=DeliveryState.PENDING))

    def _send(self, task: Task, rule: RetryRule) -> DeliveryOutcome:
        assert task.request.callback_url is not None  # deliver has looked
        content = self._payloads.body(task)
        sent_at = datetime.fromtimestamp(self._clock() // 1000, UTC)
        secrets = self._secrets(task.owner)
        return self._post(
            task.request.callback_url, event_id(task), sent_at, content, secrets=secrets, timeout=rule.timeout
        )

    def _conclude(self, log: DeliveryLog, message: Delivery, outcome: DeliveryOutcome, rule: RetryRule) -> None:
        now = self._clock()
        wait = None if outcome.delivered or outcome.gone else rule.wait(message.attempt)
        next_at = None if wait is None else now + int(1000 * jittered(wait, random()) / self._scale)
        attempt = log.attempt(message.round, message.attempt)
        assert attempt is not None  # _claim wrote it
        attempt = replace(
            attempt,
            done=True,
            status=outcome.status,
            latency_ms=outcome.latency_ms,
            error=outcome.error,
            next_at=next_at,
        )
        log = self._deliveries.save(replace(log.with_attempt(attempt), state=_state(outcome, next_at)))
        count("WebhookAttempt", state=log.state.value)
        logger.info("webhook attempt", extra={"attempt": attempt.number, "state": log.state.value})
        self._queue_next(message, log, attempt)

    def _queue_next(self, message: Delivery, log: DeliveryLog, made: DeliveryAttempt) -> None:
        """Queue the attempt after one that was made: also when its own message comes a second time."""
        if made.next_at is None or log.attempt(message.round, message.attempt + 1):
            return
        following = replace(message, attempt=message.attempt + 1, due_at=made.next_at, hops=0)
        self._queues.send_at(following, made.next_at, now=self._clock())


_BROKEN_OFF = DeliveryOutcome(
    status=None, latency_ms=0, error="the attempt broke off before its end", gone=False, delivered=False
)
"""An attempt whose invocation died is an attempt: a receiver that kills it each time is not asked for ever."""


def event_id(task: Task) -> str:
    """The webhook's id: the same for every attempt to tell of the same end of the same task."""
    return f"msg_{task.task_id.removeprefix('task_')}"


def _state(outcome: DeliveryOutcome, next_at: int | None) -> DeliveryState:
    if outcome.delivered:
        return DeliveryState.DELIVERED
    if outcome.gone:
        return DeliveryState.GONE
    return DeliveryState.FAILED if next_at is None else DeliveryState.PENDING
