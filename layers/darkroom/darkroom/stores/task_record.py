"""A task as plain JSON values and back: the form in which it is recorded."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from darkroom.domain.failure import Disposition, ErrorCode, Failure
from darkroom.domain.history_entry import HistoryEntry
from darkroom.domain.request import Action, ImageRequest, Strategy
from darkroom.domain.task import (
    Attempt,
    AttemptState,
    Entry,
    Image,
    ImageState,
    PlannedOffer,
    StoredImage,
    Task,
    Terms,
    Usage,
)
from darkroom.domain.update import Status

Json = dict[str, Any]


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
    if task.entry:
        record["entry"] = {name: getattr(task.entry, name) for name in Entry.__slots__}
    if task.terms != Terms():
        record["terms"] = {name: getattr(task.terms, name) for name in Terms.__slots__}
    if task.history:
        record["history"] = [[each.at, each.what, each.cause, each.details] for each in task.history]
    return record


def from_record(record: Mapping[str, Any]) -> Task:
    """The task that was recorded."""
    return Task(
        task_id=record["task_id"],
        owner=record["owner"],
        request=request_from_record(record["request"]),
        fingerprint=record["fingerprint"],
        plan=tuple(_offer_from_record(offer) for offer in record["plan"]),
        created_at=record["created_at"],
        deadline_at=record["deadline_at"],
        expires_at=record["expires_at"],
        correlation_id=record["correlation_id"],
        status=Status(record["status"]),
        version=record["version"],
        progress=record["progress"],
        position=record["position"],
        retry_at=record["retry_at"],
        started_at=record["started_at"],
        completed_at=record["completed_at"],
        copying_at=record["copying_at"],
        attempts=tuple(_attempt_from_record(attempt) for attempt in record["attempts"]),
        images=tuple(_image_from_record(image) for image in record["images"]),
        usage=Usage(Decimal(record["reserved"]), Decimal(record["charged"])),
        error=_failure_from_record(record["error"]),
        entry=Entry(**record["entry"]) if "entry" in record else None,
        terms=Terms(**record.get("terms", {})),
        history=tuple(HistoryEntry(*each) for each in record.get("history", [])),
    )


def request_to_record(request: ImageRequest) -> Json:
    """A request as JSON values; what is at its default is left out."""
    values = {name: getattr(request, name) for name in ImageRequest.__slots__}
    plain = ImageRequest(model=request.model, prompt=request.prompt)
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name in {"model", "prompt"} or value != getattr(plain, name)
    }


def request_from_record(record: Mapping[str, Any]) -> ImageRequest:
    """The request that was recorded."""
    request = ImageRequest(**record)
    return replace(
        request,
        action=Action(request.action),
        strategy=Strategy(request.strategy),
        image_urls=tuple(request.image_urls),
        providers=tuple(request.providers),
    )


def _offer_to_record(offer: PlannedOffer) -> Json:
    return {
        "provider": offer.provider,
        "upstream_model": offer.upstream_model,
        "synchronous": offer.synchronous,
        "price": str(offer.price),
        "tries": offer.tries,
        "closed": offer.closed,
    }


def _offer_from_record(record: Mapping[str, Any]) -> PlannedOffer:
    return PlannedOffer(**{**record, "price": Decimal(record["price"])})


def _attempt_to_record(attempt: Attempt) -> Json:
    return {
        "provider": attempt.provider,
        "upstream_model": attempt.upstream_model,
        "credential": attempt.credential,
        "state": attempt.state.value,
        "begun_at": attempt.begun_at,
        "upstream_id": attempt.upstream_id,
        "expects_callback": attempt.expects_callback,
        "failure": _failure_to_record(attempt.failure),
    }


def _attempt_from_record(record: Mapping[str, Any]) -> Attempt:
    return Attempt(
        **{
            **record,
            "state": AttemptState(record["state"]),
            "failure": _failure_from_record(record["failure"]),
        }
    )


def _image_to_record(image: Image) -> Json:
    stored = image.stored
    return {
        "index": image.index,
        "state": image.state.value,
        "source": image.source,
        "stored": {name: getattr(stored, name) for name in StoredImage.__slots__} if stored else None,
        "failure": _failure_to_record(image.failure),
    }


def _image_from_record(record: Mapping[str, Any]) -> Image:
    return Image(
        index=record["index"],
        state=ImageState(record["state"]),
        source=record["source"],
        stored=StoredImage(**record["stored"]) if record["stored"] else None,
        failure=_failure_from_record(record["failure"]),
    )


def _failure_to_record(failure: Failure | None) -> Json | None:
    if failure is None:
        return None
    return {
        "code": failure.code.value,
        "message": failure.message,
        "disposition": failure.disposition.value,
        "upstream_code": failure.upstream_code,
    }


def _failure_from_record(record: Mapping[str, Any] | None) -> Failure | None:
    if record is None:
        return None
    return Failure(
        ErrorCode(record["code"]),
        record["message"],
        Disposition(record["disposition"]),
        record["upstream_code"],
    )
