"""The life of a task: every change that can happen to it, as pure functions.

Each takes a task and returns it changed, or the very same object where the event changes nothing (it came late, twice
or out of order). `now` is in Unix milliseconds. Nothing here leaves a terminal status; what a cancelled task
withholds is settled after it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from darkroom.tasks.charge import cost, pictures_made, settle, stopped_in_time, usage_at_the_end
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.request import MAX_IMAGES_TOGETHER
from darkroom.tasks.schedule import MAX_TRIES, submission_backoff
from darkroom.tasks.task import Attempt, AttemptState, Image, ImageState, StoredImage, Task
from darkroom.tasks.update import MadeImage, Status, Update

COPYING_PROGRESS = 99
MAX_LINK = 8192
"""Bytes of the longest link that is recorded: fifteen of them fit an item (DynamoDB: 400 KB)."""


def begin_attempt(task: Task, *, expects_callback: bool, now: int, claim: str = "", **way: Any) -> Task:
    """Open a submission to the offer in line; the record of it goes out before the request does.

    `claim` is the nonce of the invocation that will send it; `way` is the attempt's credential, protocol and address.
    """
    if not task.awaits_submission:
        return task
    offer = task.offer
    attempt = Attempt(
        provider=offer.provider,
        upstream_model=offer.upstream_model,
        state=AttemptState.SENDING,
        begun_at=now,
        expects_callback=expects_callback,
        claim=claim,
        **way,
    )
    plan = (*task.plan[: task.position], replace(offer, tries=offer.tries + 1), *task.plan[task.position + 1 :])
    return replace(task, attempts=(*task.attempts, attempt), plan=plan, retry_at=0)


def accept(task: Task, upstream_id: str, *, now: int, poll_path: str = "") -> Task:
    """The provider took the submission and gave it an id. A callback may have told us the rest already."""
    attempt = task.attempt
    if attempt is None or attempt.upstream_id or attempt.state is AttemptState.REFUSED:
        return task
    if task.status.terminal and task.status is not Status.CANCELLED:
        return task
    attempt = replace(attempt, upstream_id=upstream_id, poll_path=poll_path)
    if task.status.terminal or not attempt.state.undecided:
        # Cancelled while the request was out, or the callback was faster: only the id is kept, to ask or cancel by.
        return _with_attempt(task, attempt)
    task = _with_attempt(task, replace(attempt, state=AttemptState.ACCEPTED))
    return replace(task, status=Status.PROCESSING, started_at=task.started_at or now)


def refuse(task: Task, failure: Failure, *, now: int, retry_after: float = 0, scale: float = 1) -> Task:
    """The provider certainly did not take the submission: try again later, try the next offer, or give up."""
    attempt = task.attempt
    if task.withheld and attempt is not None and attempt.state.undecided:
        return settle(_with_attempt(task, replace(attempt, state=AttemptState.REFUSED)), 0, now=now)
    if task.status.terminal or attempt is None or not attempt.state.undecided:
        return task
    task = _with_attempt(task, replace(attempt, state=AttemptState.REFUSED, failure=failure))
    return _next_submission(task, failure, now=now, retry_after=retry_after, scale=scale)


def mark_submission_unknown(task: Task, *, now: int) -> Task:
    """Nobody can say whether the provider took the submission: it is not sent again.

    A callback may still come; where none was asked for, nothing can ever tell, and the task ends.
    """
    attempt = task.attempt
    if not task.followed or attempt is None or attempt.state is not AttemptState.SENDING:
        return task
    task = _with_attempt(task, replace(attempt, state=AttemptState.UNKNOWN))
    return task if attempt.expects_callback else expire(task, now=now)


def apply_update(task: Task, provider: str, update: Update, *, now: int, scale: float = 1) -> Task:
    """What a provider said of its task, by callback, by look-up or in a synchronous answer."""
    attempt = task.attempt
    if attempt is None or attempt.provider != provider or not _same_upstream_task(attempt, update):
        return task
    if task.withheld:
        return _told_after_cancellation(task, update, now=now)
    if task.status.terminal or task.images or not attempt.state.live:
        return task
    if update.upstream_id:
        task = accept(task, update.upstream_id, now=now)
    match update.status:
        case Status.COMPLETED:
            return _take_images(task, update.images, now=now)
        case Status.FAILED:
            return _provider_failed(task, update, now=now, scale=scale)
        case Status.CANCELLED:
            return _end(task, Status.CANCELLED, now=now, failure=update.failure or _CANCELLED_UPSTREAM)
        case _:
            return _show_progress(task, update.progress, now=now)


def store_image(task: Task, index: int, stored: StoredImage, *, now: int) -> Task:
    """One picture is in the bucket; the last one settles the task."""
    return _conclude_image(task, index, lambda image: replace(image, state=ImageState.STORED, stored=stored), now=now)


def fail_image(task: Task, index: int, failure: Failure, *, now: int) -> Task:
    """One picture can't be had; the others are not harmed by it."""
    return _conclude_image(task, index, lambda image: replace(image, state=ImageState.FAILED, failure=failure), now=now)


def refresh_source(task: Task, index: int, source: str) -> Task:
    """The provider gave a fresh link for a picture that could not be fetched."""
    image = _image(task, index)
    if task.status.terminal or image is None or image.state is not ImageState.PENDING or image.source == source:
        return task
    if len(source.encode()) > MAX_LINK:
        return task
    return _with_image(task, replace(image, source=source))


def requeue_copies(task: Task, *, now: int) -> Task:
    """The pending images are queued once more, because nothing was heard of them for long."""
    return replace(task, copying_at=now) if task.pending_images and not task.status.terminal else task


def cancel(task: Task, *, now: int, charge_made: bool = True) -> Task:
    """The owner wants no more of it.

    With `charge_made`, pictures that are made all the same are paid for: those that are there at once, and what a
    provider may still be making stays held back until it is known.
    """
    if task.status.terminal:
        return task
    ended = _end(
        task, Status.CANCELLED, now=now, failure=Failure(ErrorCode.CANCELLED, "The task was cancelled by its owner.")
    )
    if not charge_made:
        return ended
    if task.images:
        return replace(ended, usage=replace(ended.usage, charged=cost(task, pictures_made(task))))
    if task.attempt and task.attempt.state.live:
        return replace(ended, usage=replace(ended.usage, withheld=cost(task, task.request.n)))
    return ended


def expire(task: Task, *, now: int) -> Task:
    """The deadline has passed: end the task with what it has."""
    if task.status.terminal:
        return stopped_in_time(task, now=now)
    if task.images:
        late = Failure(ErrorCode.IMAGE_UNAVAILABLE, "The image could not be fetched before the task's deadline.")
        for image in task.pending_images:
            task = fail_image(task, image.index, late, now=now)
        return task
    return _end(task, Status.FAILED, now=now, failure=_overdue(task))


def keep_open_until(task: Task, until: int) -> Task:
    """Put the deadline off to `until`: a callback came that could not be read, and it may yet be."""
    if task.status.terminal or task.images or task.deadline_at >= until:
        return task
    return replace(task, deadline_at=until)


def abandon(task: Task, failure: Failure, *, now: int) -> Task:
    """Nothing more can be tried (a poisoned message, an offer that vanished): end it and say why."""
    if task.status.terminal:
        return stopped_in_time(task, now=now)
    return _end(task, Status.FAILED, now=now, failure=failure)


_LINK_TOO_LONG = Failure(ErrorCode.IMAGE_UNAVAILABLE, f"The provider's link has more than {MAX_LINK} bytes.")
_CANCELLED_UPSTREAM = Failure(ErrorCode.CANCELLED, "The task was cancelled at the provider.")


def _told_after_cancellation(task: Task, update: Update, *, now: int) -> Task:
    if update.upstream_id:
        task = accept(task, update.upstream_id, now=now)
    if not update.status.terminal:
        return task
    made = sum(image.failure is None for image in update.images) if update.status is Status.COMPLETED else 0
    return settle(task, made, now=now)


def _next_submission(task: Task, failure: Failure, *, now: int, retry_after: float, scale: float) -> Task:
    """Choose what follows a submission that bore no fruit. Without any choice left the task fails."""
    if failure.disposition is Disposition.FINAL:
        return _end(task, Status.FAILED, now=now, failure=failure)
    offer = task.offer
    if failure.disposition is Disposition.LATER and offer.tries < MAX_TRIES:
        return replace(task, retry_at=_due(now, offer.tries, retry_after, scale))
    open_offers = [
        (planned.tries, place)
        for place, planned in enumerate(task.plan)
        if not planned.closed and planned.tries < MAX_TRIES
    ]
    if not open_offers:
        return _end(task, Status.FAILED, now=now, failure=failure)
    tries, place = min(open_offers)
    wait = 0.0 if place != task.position else retry_after
    return replace(task, position=place, retry_at=_due(now, tries, wait, scale))


def _due(now: int, tries: int, retry_after: float, scale: float) -> int:
    # A provider's own `Retry-After` is real time, whatever our own waits are divided by.
    return now + int(1000 * max(retry_after, submission_backoff(tries) / scale))


def _provider_failed(task: Task, update: Update, *, now: int, scale: float) -> Task:
    attempt = task.attempt
    assert attempt is not None  # apply_update has looked
    failure = update.failure or Failure(ErrorCode.PROVIDER_ERROR, f"{attempt.provider} gave no reason.")
    task = _with_attempt(task, replace(attempt, state=AttemptState.FAILED, failure=failure))
    if failure.disposition is Disposition.FINAL or now >= task.deadline_at:
        return _end(task, Status.FAILED, now=now, failure=failure)
    task = close_offer(task)
    return _next_submission(
        task, replace(failure, disposition=Disposition.ELSEWHERE), now=now, retry_after=0, scale=scale
    )


def close_offer(task: Task) -> Task:
    """The offer in use will not be asked again for this task."""
    plan = list(task.plan)
    plan[task.position] = replace(task.offer, closed=True)
    return replace(task, plan=tuple(plan))


def _take_images(task: Task, made: tuple[MadeImage, ...], *, now: int) -> Task:
    attempt = task.attempt
    assert attempt is not None  # apply_update has looked
    task = _with_attempt(task, replace(attempt, state=AttemptState.COMPLETED))
    task = replace(
        task,
        status=Status.PROCESSING,
        started_at=task.started_at or now,
        copying_at=now,
        progress=COPYING_PROGRESS,
        images=tuple(_received(index, image) for index, image in enumerate(_kept(task, made))),
    )
    if not task.images:
        nothing = Failure(ErrorCode.PROVIDER_ERROR, f"{attempt.provider} completed the task without any image.")
        return _end(task, Status.FAILED, now=now, failure=nothing)
    return _settle(task, now=now)


def _kept(task: Task, made: tuple[MadeImage, ...]) -> list[MadeImage]:
    """What is taken of the pictures that were made: those asked for, and those beyond where the task's terms say so."""
    if not task.terms.keep_extra and len(made) > task.request.n:
        whole = [image for image in made if image.failure is None]
        made = (*whole, *(image for image in made if image.failure))[: task.request.n]
    return list(made[:MAX_IMAGES_TOGETHER])


def _received(index: int, made: MadeImage) -> Image:
    if made.failure:
        return Image(index, ImageState.FAILED, failure=made.failure)
    if len(made.url.encode()) > MAX_LINK:
        return Image(index, ImageState.FAILED, failure=_LINK_TOO_LONG)
    return Image(index, ImageState.PENDING, source=made.url)


def _conclude_image(task: Task, index: int, change: Callable[[Image], Image], *, now: int) -> Task:
    image = _image(task, index)
    if task.status.terminal or image is None or image.state is not ImageState.PENDING:
        return task
    return _settle(_with_image(task, change(image)), now=now)


def _settle(task: Task, *, now: int) -> Task:
    """End the task once no image is on its way any more: completed with what came, failed with nothing."""
    if task.pending_images:
        return task
    if any(image.state is ImageState.STORED for image in task.images):
        return _end(task, Status.COMPLETED, now=now, failure=None)
    return _end(task, Status.FAILED, now=now, failure=task.images[0].failure)


def _end(task: Task, status: Status, *, now: int, failure: Failure | None) -> Task:
    attempt = task.attempt
    if attempt and attempt.state is AttemptState.ACCEPTED:
        # An attempt in doubt stays in doubt: the end of our task says nothing about the provider's.
        state = AttemptState.CANCELLED if status is Status.CANCELLED else AttemptState.FAILED
        task = _with_attempt(task, replace(attempt, state=state, failure=attempt.failure or failure))
    return replace(
        task,
        status=status,
        completed_at=now,
        progress=100 if status is Status.COMPLETED else task.progress,
        error=failure,
        retry_at=0,
        usage=usage_at_the_end(task),
    )


def _show_progress(task: Task, progress: int | None, *, now: int) -> Task:
    attempt = task.attempt
    if attempt is None or attempt.state is not AttemptState.ACCEPTED:
        return task
    shown = max(task.progress, min(progress or 0, COPYING_PROGRESS))
    if task.status is Status.PROCESSING and shown == task.progress:
        return task
    return replace(task, status=Status.PROCESSING, started_at=task.started_at or now, progress=shown)


def _overdue(task: Task) -> Failure:
    attempt = task.attempt
    if attempt and attempt.state.undecided:
        return Failure(
            ErrorCode.SUBMISSION_UNKNOWN,
            f"{attempt.provider} never said whether it took the task. It was not sent again, so that nothing is paid "
            "for twice; post a new task if you still want the images.",
        )
    if attempt and attempt.state is AttemptState.ACCEPTED:
        return Failure(ErrorCode.DEADLINE_EXCEEDED, f"{attempt.provider} did not finish before the task's deadline.")
    if attempt and attempt.failure:
        return attempt.failure
    return Failure(ErrorCode.DEADLINE_EXCEEDED, "No provider could be reached before the task's deadline.")


def _same_upstream_task(attempt: Attempt, update: Update) -> bool:
    return not attempt.upstream_id or not update.upstream_id or attempt.upstream_id == update.upstream_id


def _image(task: Task, index: int) -> Image | None:
    return task.images[index] if 0 <= index < len(task.images) else None


def _with_attempt(task: Task, attempt: Attempt) -> Task:
    return replace(task, attempts=(*task.attempts[:-1], attempt))


def _with_image(task: Task, image: Image) -> Task:
    return replace(task, images=(*task.images[: image.index], image, *task.images[image.index + 1 :]))
