"""Accepting a task: the poll is queued first, the record written second, the provider called third."""

import base64
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from darkroom.accounts.admission import NotAdmitted
from darkroom.accounts.keys import ApiKey
from darkroom.accounts.money import reserve
from darkroom.aws.queues import Queues
from darkroom.aws.secrets import SigningKeys
from darkroom.catalog.models import Catalog
from darkroom.catalog.routing import Choice, plan
from darkroom.catalog.scorecard import Scorecard
from darkroom.clock import Clock
from darkroom.deadline import ANSWERING, invocation
from darkroom.images.object_store import STORED, ObjectStore, reference_key
from darkroom.observability import logger
from darkroom.providers.upstreams import USUAL
from darkroom.settings import Settings
from darkroom.submission.dispatching import Dispatcher, claimed
from darkroom.submission.polling_schedule import poll_wait
from darkroom.tasks.history import first_entries
from darkroom.tasks.ids import derived_task_id, new_nonce, new_task_id
from darkroom.tasks.item import MAX_NEW, item_bytes, write_item
from darkroom.tasks.messages import Poll
from darkroom.tasks.outbox import Outbox
from darkroom.tasks.rates import Rates
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.retention import expiry
from darkroom.tasks.store import TaskExists, TaskStore
from darkroom.tasks.task import Entry, PlannedOffer, Task, Terms, Usage

AT_ONCE = USUAL.total + ANSWERING
"""Seconds without which a submission is not begun here but left to `generate`: a provider may take all of its time, and
what it then says has to be recorded."""


class TooMuchToKeep(Exception):
    """The request's words, links and metadata are more than a record has room for. The message says how much."""


class IdempotencyConflict(Exception):
    """The idempotency key was used before, with another body."""

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id)
        self.task_id = task_id


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted task; `replayed` where it was accepted by an earlier call with the same idempotency key."""

    task: Task
    replayed: bool


class Submissions:
    """Accepts tasks."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        queues: Queues,
        objects: Callable[[], ObjectStore],
        catalog: Callable[[], Catalog],
        keys: SigningKeys,
        available: Callable[[], Collection[str]],
        metered: Callable[[str], bool],
        scorecard: Scorecard,
        dispatcher: Dispatcher,
        outbox: Outbox,
        settings: Settings,
        clock: Clock,
        time_left: Callable[[], float] = invocation.left,
    ) -> None:
        """`metered` says whether an owner has an account; `time_left` is in seconds: what the invocation has."""
        self._tasks = tasks
        self._queues = queues
        self._objects = objects
        self._catalog = catalog
        self._keys = keys
        self._available = available
        self._metered = metered
        self._scorecard = scorecard
        self._dispatcher = dispatcher
        self._outbox = outbox
        self._settings = settings
        self._clock = clock
        self._time_left = time_left

    def submit(
        self,
        caller: ApiKey,
        request: ImageRequest,
        *,
        fingerprint: str,
        correlation_id: str,
        idempotency_key: str | None = None,
        inline: bool = True,
        entry: Entry | None = None,
    ) -> Submitted:
        """Accept a request of `caller`, or find the task that this idempotency key made before.

        With `inline`, the provider is asked before this returns, where it answers fast and there is time; else
        `generate` does it.
        `entry` tells of the dialect that the request came in.
        Raises `NoOffer` where nobody can do what is asked, `TooMuchToKeep`, `IdempotencyConflict`, and `NotAdmitted`
        where credits or limits stand against it.
        """
        now = self._clock()
        if idempotency_key is None:
            task_id = new_task_id(now)
        else:
            task_id = derived_task_id(self._keys.identity(), caller.owner, idempotency_key)
            earlier = self._tasks.get(task_id)
            if earlier:
                return _replay(earlier, fingerprint)
        choices, put_off_until = self._choices(request, caller.owner)
        task = self._new_task(task_id, caller, request, choices, fingerprint, correlation_id, now)
        task = replace(task, entry=entry)
        task = replace(task, retry_at=max(task.retry_at, put_off_until))
        at_once = inline and not task.offer.synchronous and not put_off_until and self._time_left() > AT_ONCE
        claim = new_nonce()
        if at_once:
            task = self._dispatcher.open_attempt(task, claim)
        task = replace(task, history=first_entries(task, strategy=request.strategy.value, now=now))
        _check_size(task)
        self._queues.send(Poll(task_id, sent_at=now), wait=self._first_poll(choices[0], task))
        task = self._with_references_stored(task)
        try:
            self._tasks.create(task, open_limit=caller.open_tasks or 0)
        except TaskExists as found:
            # Our own write, repeated by the SDK after a lost answer, is not somebody else's task.
            if found.task.nonce != task.nonce:
                self._remove_references(task)
                return _replay(found.task, fingerprint)
            task = found.task
        except NotAdmitted:
            self._remove_references(task)
            raise
        return Submitted(self._hand_over(task, claim), replayed=False)

    def _choices(self, request: ImageRequest, owner: str) -> tuple[tuple[Choice, ...], int]:
        """Who could do it, best first, those that are out last; and until when to wait where all of them are out."""
        measured = self._scorecard
        choices = plan(
            request,
            self._catalog(),
            available=self._available(),
            seconds=measured.seconds,
        )
        return measured.steered(choices, owner)

    def _hand_over(self, task: Task, claim: str) -> Task:
        # From here on the task is recorded and its poll is queued: what breaks now is mended by that poll, and an
        # error would only make the caller post the same task again.
        try:
            if claimed(task, claim):
                return self._dispatcher.send(task)
            if task.awaits_submission:
                self._outbox.submit(task)
        except Exception:
            logger.exception("submission left to the poll", extra={"task_id": task.task_id})
        return task

    def _new_task(
        self,
        task_id: str,
        caller: ApiKey,
        request: ImageRequest,
        choices: tuple[Choice, ...],
        fingerprint: str,
        correlation_id: str,
        now: int,
    ) -> Task:
        offers = tuple(_planned(choice, request) for choice in choices)
        model = self._catalog().find(request.model).name
        seconds = request.deadline_seconds or self._settings.deadline_seconds
        deadline_at = now + int(1000 * seconds / self._settings.time_scale)
        return Task(
            task_id=task_id,
            owner=caller.owner,
            request=replace(request, model=model),
            fingerprint=fingerprint,
            plan=offers,
            created_at=now,
            deadline_at=deadline_at,
            expires_at=expiry(now, deadline_at, self._settings.retention_days),
            correlation_id=correlation_id,
            nonce=new_nonce(),
            retry_at=now,
            usage=Usage(reserved=reserve(offers, request.n)),
            terms=Terms(
                caller.key_id,
                metered=self._metered(caller.owner),
                counted=caller.open_tasks is not None,
                keep_extra=self._settings.keep_extra_images,
            ),
        )

    def _first_poll(self, choice: Choice, task: Task) -> float:
        awaited = task.attempt.expects_callback if task.attempt else True
        latency = self._scorecard.pace(choice.offer, called_back=awaited)
        return poll_wait(0, latency=latency, called_back=awaited)

    def _with_references_stored(self, task: Task) -> Task:
        """The task with every reference that came as a data URI put into the bucket and named by its key."""
        if not any(url.startswith("data:") for url in task.request.image_urls):
            return task
        urls = [self._stored(task, place, url) for place, url in enumerate(task.request.image_urls)]
        return replace(task, request=replace(task.request, image_urls=tuple(urls)))

    def _stored(self, task: Task, place: int, url: str) -> str:
        if not url.startswith("data:"):
            return url
        header, _, content = url.partition(",")
        key = reference_key(task, place)
        self._objects().put(key, base64.b64decode(content), header.removeprefix("data:").partition(";")[0])
        return STORED + key

    def _remove_references(self, task: Task) -> None:
        """Take back what was stored for a task that was not recorded. What stays ends with the bucket's lifecycle."""
        kept = [url.removeprefix(STORED) for url in task.request.image_urls if url.startswith(STORED)]
        try:
            if kept:
                self._objects().remove(kept)
        except Exception:
            logger.exception("references of no task were left", extra={"task_id": task.task_id})


def _planned(choice: Choice, request: ImageRequest) -> PlannedOffer:
    offer = choice.offer
    asked: dict[str, Any] = {"references": len(request.image_urls), "web_search": request.web_search}
    rates = offer.prices.rates(choice.shape, **asked)
    return PlannedOffer(
        provider=offer.provider,
        upstream_model=offer.upstream_model,
        synchronous=offer.synchronous,
        price=rates.image,
        rates=None if rates == Rates(rates.image) else rates,
        cost=offer.costs.rates(choice.shape, **asked) if offer.costs else None,
    )


def _check_size(task: Task) -> None:
    named = tuple("" if url.startswith("data:") else url for url in task.request.image_urls)
    size = item_bytes(write_item(replace(task, request=replace(task.request, image_urls=named))))
    if size > MAX_NEW:
        raise TooMuchToKeep(
            f"prompt, links, metadata and options have {size // 1000} KB together, and a task has room for "
            f"{MAX_NEW // 1000} KB: shorten them"
        )


def _replay(task: Task, fingerprint: str) -> Submitted:
    if task.fingerprint != fingerprint:
        raise IdempotencyConflict(task.task_id)
    return Submitted(task, replayed=True)
