"""A task as plain JSON values and back: the form in which it is recorded."""

from collections.abc import Mapping
from typing import Any

from darkroom.tasks.failure import Failure
from darkroom.tasks.record_reader import TaskReader
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Attempt, Entry, Image, PlannedOffer, StoredImage, Task, Terms
from darkroom.tasks.unread import Json, restore


def to_record(task: Task) -> Json:
    """Everything that a task is, as JSON values. Credits are strings, so that they stay exact."""
    record: Json = {
        "task_id": task.task_id,
        "owner": task.owner,
        "request": request_to_record(task.request),
        "fingerprint": task.fingerprint,
        "plan": [_offer_to_record(offer) for offer in task.plan],
        "created_at": task.created_at,
        "deadline_at": task.deadline_at,
        "expires_at": task.expires_at,
        "correlation_id": task.correlation_id,
        "nonce": task.nonce,
        "status": task.status.value,
        "version": task.version,
        "progress": task.progress,
        "position": task.position,
        "retry_at": task.retry_at,
        "started_at": task.started_at,
        "completed_at": task.completed_at,
        "copying_at": task.copying_at,
        "attempts": [_attempt_to_record(attempt) for attempt in task.attempts],
        "images": [_image_to_record(image) for image in task.images],
        "reserved": str(task.usage.reserved),
        "charged": str(task.usage.charged),
        "error": _failure_to_record(task.error),
    }
    if task.usage.withheld or task.usage.settled_at:
        record |= {"withheld": str(task.usage.withheld), "settled_at": task.usage.settled_at}
    if task.entry:
        record["entry"] = {name: getattr(task.entry, name) for name in Entry.__slots__}
    if task.terms != Terms() or ("terms",) in task.unread:
        record["terms"] = {name: getattr(task.terms, name) for name in Terms.__slots__}
    if task.history:
        record["history"] = [[each.at, each.what, each.cause, each.details] for each in task.history]
    if task.unread:
        restore(record, task.unread)
    return record


def from_record(record: Mapping[str, Any]) -> Task:
    """The task that was recorded, by this release or another (what this one can't read is kept in `unread`)."""
    return TaskReader().task(record)


def request_to_record(request: ImageRequest) -> Json:
    """A request as JSON values; what is at its default is left out."""
    values = {name: getattr(request, name) for name in ImageRequest.__slots__}
    plain = ImageRequest(model=request.model, prompt=request.prompt)
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name in {"model", "prompt"} or value != getattr(plain, name)
    }


def _offer_to_record(offer: PlannedOffer) -> Json:
    return {
        "provider": offer.provider,
        "upstream_model": offer.upstream_model,
        "synchronous": offer.synchronous,
        "price": str(offer.price),
        "tries": offer.tries,
        "closed": offer.closed,
    }


def _attempt_to_record(attempt: Attempt) -> Json:
    return {
        "provider": attempt.provider,
        "upstream_model": attempt.upstream_model,
        "credential": attempt.credential,
        "state": attempt.state.value,
        "begun_at": attempt.begun_at,
        "upstream_id": attempt.upstream_id,
        "expects_callback": attempt.expects_callback,
        "claim": attempt.claim,
        "failure": _failure_to_record(attempt.failure),
    }


def _image_to_record(image: Image) -> Json:
    stored = image.stored
    return {
        "index": image.index,
        "state": image.state.value,
        "source": image.source,
        "stored": {name: getattr(stored, name) for name in StoredImage.__slots__} if stored else None,
        "failure": _failure_to_record(image.failure),
    }


def _failure_to_record(failure: Failure | None) -> Json | None:
    if failure is None:
        return None
    return {
        "code": failure.code.value,
        "message": failure.message,
        "disposition": failure.disposition.value,
        "upstream_code": failure.upstream_code,
    }
