"""What a change did to a task, told as lines of its history: found by comparing the record before and after."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from darkroom.tasks.history_entry import HistoryEntry
from darkroom.tasks.task import Attempt, AttemptState, Image, ImageState, Task

MOST_ENTRIES = 120
"""Lines that are kept: more than any orderly life has, and few enough for one item (DynamoDB: 400 KB)."""
MOST_BYTES = 48_000
"""Bytes of them as JSON: a life full of long error messages ends with its last lines missing, and not in the middle."""

Told = tuple[str, dict[str, Any]]


def with_history(before: Task, after: Task, *, cause: str, now: int) -> Task:
    """`after` with a line for everything that differs from `before`. `now` is in Unix milliseconds."""
    entries = [HistoryEntry(now, what, cause, details) for what, details in _differences(before, after)]
    if not entries:
        return after
    history = list(after.history)
    room = MOST_BYTES - sum(map(_bytes, history))
    for entry in entries:
        room -= _bytes(entry)
        if room >= 0 and len(history) < MOST_ENTRIES:
            history.append(entry)
    return replace(after, history=tuple(history))


def _bytes(entry: HistoryEntry) -> int:
    return len(
        json.dumps([entry.at, entry.what, entry.cause, entry.details], ensure_ascii=False).encode("utf-8", "replace")
    )


def first_entries(task: Task, *, strategy: str, now: int) -> tuple[HistoryEntry, ...]:
    """How a new task came to be: who could do it, in which order and by which rule, and what is under way."""
    offers = [
        {"provider": offer.provider, "upstream_model": offer.upstream_model, "credits_per_image": str(offer.price)}
        for offer in task.plan
    ]
    order = "as the request or its key names them" if task.request.providers else strategy
    planned = HistoryEntry(now, "accepted", "submit", {"order": order, "offers": offers})
    begun = [HistoryEntry(now, what, "submit", told) for what, told in _attempts((), task.attempts)]
    return (planned, *begun)


def _differences(before: Task, after: Task) -> Iterator[Told]:
    yield from _attempts(before.attempts, after.attempts)
    if after.images and not before.images:
        yield "images_made", {"images": len(after.images)}
    for place, image in enumerate(after.images):
        earlier = before.images[place] if place < len(before.images) else None
        yield from _image(earlier, image)
    if before.images and after.copying_at != before.copying_at:
        yield "copies_queued_again", {"images": [image.index for image in after.pending_images]}
    if after.retry_at != before.retry_at and after.awaits_submission:
        yield "submission_put_off", {"until": after.retry_at, "provider": after.offer.provider}
    if after.deadline_at != before.deadline_at:
        yield "deadline_put_off", {"until": after.deadline_at}
    if before.withheld and not after.withheld:
        yield "cancellation_settled", {"credits_charged": str(after.usage.charged)}
    if after.status is not before.status:
        yield after.status.value, _end(after) if after.status.terminal else {}


def _attempts(before: tuple[Attempt, ...], after: tuple[Attempt, ...]) -> Iterator[Told]:
    for place, attempt in enumerate(after):
        earlier = before[place] if place < len(before) else None
        named = {"attempt": place + 1, "provider": attempt.provider}
        if earlier is None:
            callback = {"callback": attempt.expects_callback}
            yield "submitting", {**named, "upstream_model": attempt.upstream_model, **callback}
        known = earlier.state if earlier else AttemptState.SENDING
        if attempt.state is not known:
            failure = attempt.failure
            why = {"code": failure.code.value, "message": failure.message} if failure else {}
            yield f"attempt_{attempt.state.value}", {**named, "upstream_id": attempt.upstream_id, **why}
        elif earlier and attempt.upstream_id != earlier.upstream_id:
            yield "upstream_id_learned", {**named, "upstream_id": attempt.upstream_id}


def _image(earlier: Image | None, image: Image) -> Iterator[Told]:
    if earlier is not None and image.source != earlier.source:
        yield "image_link_renewed", {"index": image.index}
    if image.state is (earlier.state if earlier else ImageState.PENDING):
        return
    if image.stored:
        yield "image_stored", {"index": image.index, "bytes": image.stored.bytes, "sha256": image.stored.sha256}
    elif image.failure:
        yield "image_failed", {"index": image.index, "message": image.failure.message}


def _end(task: Task) -> dict[str, Any]:
    told: dict[str, Any] = {"credits_charged": str(task.usage.charged)}
    if task.withheld:
        told["credits_withheld"] = str(task.usage.withheld)
    return told | ({"code": task.error.code.value, "message": task.error.message} if task.error else {})
