"""Submitting a task to the offer in line: the request goes out once, and what came of it is recorded."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from darkroom.aws.queues import Queues
from darkroom.callbacks.address import CallbackAddresses
from darkroom.clock import Clock
from darkroom.images.inline_results import store_inline_result
from darkroom.images.object_store import ObjectStore
from darkroom.observability import count, follow, logger
from darkroom.providers.base import OutcomeUnknown, Refused, Upstream, UpstreamAnswer, UpstreamRequest
from darkroom.providers.registry import UnknownProvider
from darkroom.providers.upstreams import Destination, Upstreams
from darkroom.submission.generation_request import RequestBuilder
from darkroom.tasks import transitions
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.ids import new_nonce
from darkroom.tasks.messages import Submission
from darkroom.tasks.outbox import Outbox
from darkroom.tasks.schedule import MAX_HOPS
from darkroom.tasks.store import Changed, TaskStore
from darkroom.tasks.task import AttemptState, Task
from darkroom.tasks.update import Update

if TYPE_CHECKING:
    from darkroom.providers.adapter import Adapter


class SubmissionOutcome(StrEnum):
    """What became of one submission, as it is counted. The task's history says why."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


class BreakerSwitch(Protocol):
    """Where the breakers are moved."""

    def failed(self, provider: str, owner: str) -> None:
        """The provider is out, as this owner has met it."""
        ...

    def succeeded(self, provider: str) -> None:
        """The provider took a task."""
        ...


class Dispatcher:
    """Submits tasks. The same code serves the submit function (at once) and `generate` (deferred, synchronous)."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        queues: Queues,
        objects: Callable[[], ObjectStore],
        requests: RequestBuilder,
        upstreams: Upstreams,
        addresses: CallbackAddresses,
        adapters: "Callable[[str, str], Adapter]",
        breakers: Callable[[], BreakerSwitch],
        outbox: Outbox,
        clock: Clock,
        scale: float,
    ) -> None:
        self._tasks = tasks
        self._queues = queues
        self._objects = objects
        self._requests = requests
        self._upstreams = upstreams
        self._addresses = addresses
        self._adapters = adapters
        self._breakers = breakers
        self._outbox = outbox
        self._clock = clock
        self._scale = scale

    def open_attempt(self, task: Task, claim: str) -> Task:
        """The task with an attempt at the offer in line begun, still to be recorded before it is `send`t.

        `claim` is a nonce of this invocation: who finds it in the record may send, and nobody else.
        """
        offer = task.offer
        # A provider that is gone, or of another release, refuses the request, and the next offer is asked.
        way = self._upstreams.destination(offer.provider) or Destination("", "", "", "")
        return transitions.begin_attempt(
            task,
            credential=way.credential,
            expects_callback=not offer.synchronous and self._calls_back(offer.provider, way),
            now=self._clock(),
            claim=claim,
            protocol=way.protocol,
            address=way.address,
            callback_trust=way.callback_trust,
        )

    def _calls_back(self, provider: str, way: Destination) -> bool:
        try:
            return self._addresses.given_to(self._adapters(provider, way.protocol), way.address)
        except UnknownProvider:
            return False

    def submit_due(self, message: Submission) -> None:
        """Submit a task whose submission was deferred or is synchronous. Does nothing where that is done already.

        A message that comes before its time is deferred, but not for ever: after `MAX_HOPS` it is acted upon early.
        """
        task = self._tasks.get(message.task_id)
        if task is None or not task.awaits_submission:
            return
        follow(task.task_id, task.correlation_id)
        now = self._clock()
        if task.retry_at > now and message.hops < MAX_HOPS:
            self._queues.send_at(replace(message, hops=message.hops + 1), task.retry_at, now=now)
            return
        claim = new_nonce()
        opened = self._tasks.change(task, lambda current: self.open_attempt(current, claim), cause="submit").after
        if claimed(opened, claim):
            self.send(opened)

    def send(self, task: Task) -> Task:
        """Send the attempt that was recorded as begun, record its outcome, and queue what follows from it."""
        update, refusal = self._ask(task)
        count("Submission", provider=task.provider, outcome=_outcome(update, refusal).value)
        changed = self._record(task, update, refusal)
        self._outbox.after(changed)
        self._tell_breaker(task, refusal, accepted=update is not None)
        return changed.after

    def _tell_breaker(self, task: Task, refusal: "Refused | None", *, accepted: bool) -> None:
        """What this submission says of the provider's health; a word that can't be passed on is no harm."""
        try:
            if accepted:
                self._breakers().succeeded(task.provider)
            elif refusal is None or refusal.failure.code is ErrorCode.PROVIDER_UNAVAILABLE:
                logger.warning("provider trouble", extra={"trouble": "an outage", "provider": task.provider})
                count("ProviderTrouble")
                self._breakers().failed(task.provider, task.owner)
        except Exception:
            logger.exception("breaker not told", extra={"provider": task.provider})

    def _ask(self, task: Task) -> "tuple[Update | None, Refused | None]":
        """The provider's answer, or its refusal, or neither where nobody knows what came of it."""
        attempt = task.attempt
        assert attempt is not None  # open_attempt made it
        try:
            upstream = _Watched(self._upstreams.reach(attempt))
            try:
                generation = self._requests.build(task)
                update = self._adapters(attempt.provider, attempt.protocol).submit(generation, upstream)
            except (Refused, OutcomeUnknown):
                raise
            except Exception as error:
                if upstream.used:
                    raise OutcomeUnknown(repr(error)) from error
                raise
        except Refused as refusal:
            return None, refusal
        except OutcomeUnknown:
            logger.warning("submission outcome unknown", extra={"provider": attempt.provider}, exc_info=True)
            return None, None
        except Exception:
            logger.exception("submission could not be prepared", extra={"provider": attempt.provider})
            return None, Refused(_NOT_PREPARED)
        return update, None

    def _record(self, task: Task, update: Update | None, refusal: Refused | None) -> Changed:
        now = self._clock()
        if refusal:
            logger.info("submission refused", extra={"provider": task.provider, "code": refusal.failure.code.value})
            return self._tasks.change(
                task,
                lambda current: transitions.refuse(
                    current, refusal.failure, now=now, retry_after=refusal.retry_after or 0, scale=self._scale
                ),
                cause="submit",
            )
        if update is None:
            return self._tasks.change(
                task, lambda current: transitions.mark_submission_unknown(current, now=now), cause="submit"
            )
        update = (
            store_inline_result(update, task, self._objects(), last=not update.upstream_id) if update.images else update
        )
        changed = self._tasks.change(task, lambda current: self._take(current, update, now), cause="submit")
        if changed.after.status.terminal and changed.after.attempt and changed.after.attempt.upstream_id:
            # Cancelled while the request was out: only now is there an id to cancel by.
            self._outbox.cancel_upstream(changed.after)
        return changed

    def _take(self, task: Task, update: Update, now: int) -> Task:
        attempt = task.attempt
        assert attempt is not None  # open_attempt made it
        accepted = transitions.accept(task, update.upstream_id, now=now, poll_path=update.poll_path)
        return transitions.apply_update(accepted, attempt.provider, update, now=now, scale=self._scale)


_NOT_PREPARED = Failure(
    ErrorCode.PROVIDER_UNAVAILABLE, "The submission could not be prepared here.", Disposition.ELSEWHERE
)


def claimed(task: Task, claim: str) -> bool:
    """Whether the record says that the attempt of this claim is still to be sent."""
    attempt = task.attempt
    return attempt is not None and attempt.claim == claim and attempt.state is AttemptState.SENDING


class _Watched:
    """An upstream that remembers whether anything was sent through it."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.used = False

    @property
    def credential(self) -> Mapping[str, str]:
        return self._upstream.credential

    @property
    def address(self) -> str:
        return self._upstream.address

    def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        self.used = True
        return self._upstream.send(request)


def _outcome(update: Update | None, refusal: "Refused | None") -> SubmissionOutcome:
    if refusal is None:
        return SubmissionOutcome.ACCEPTED if update else SubmissionOutcome.UNKNOWN
    out = refusal.failure.code is ErrorCode.PROVIDER_UNAVAILABLE
    return SubmissionOutcome.UNAVAILABLE if out else SubmissionOutcome.REFUSED
