"""What happened to one task, in one answer: its changes, callbacks, ledger lines and deliveries, in order of time."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import islice
from typing import TYPE_CHECKING, Any

from darkroom.api.accounts import show_line
from darkroom.api.rendering import render_outcome
from darkroom.providers.redaction import redacted
from darkroom.tasks.history_entry import HistoryEntry
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Task

if TYPE_CHECKING:
    from darkroom.api.parts import HistoryParts

Json = dict[str, Any]
_PUBLIC = {"providers": "provider"}
MAX_SHOWN_BODY = 32 * 1024
"""Bytes of a callback that are shown as they are."""
MOST_SHOWN_BODIES = 50
"""Callbacks in one answer, which has to be carried: the first ones."""
MAX_SHOWN_TEXT = 2000
SHORT_PROMPT = 12
_SECRET_WORDS = ("token", "key", "secret", "authorization", "signature", "cookie", "password")


def task_events(parts: "HistoryParts", task: Task) -> Json:
    """The history of a task, oldest first."""
    events = [*_changes(task), *_callbacks(parts, task), *_ledger(parts, task), *_deliveries(parts, task)]
    return {
        "object": "list",
        "task_id": task.task_id,
        "request": posted_request(task.request),
        "data": sorted(events, key=lambda event: event["at"]),
    }


def posted_request(request: ImageRequest) -> Json:
    """The body that would post this request again: what differs from the defaults, without references sent as data."""
    usual = ImageRequest(model="", prompt="")
    body: Json = {}
    for field in fields(ImageRequest):
        value, default = getattr(request, field.name), getattr(usual, field.name)
        if value != default:
            body[_PUBLIC.get(field.name, field.name)] = value
    if "image_urls" in body:
        body["image_urls"] = [url if url.startswith("http") else "data:image/…" for url in body["image_urls"]]
    for name in ("metadata", "extra"):
        if name in body:
            body[name] = dict(body[name])
    return body


def dispute_bundle(parts: "HistoryParts", task: Task) -> Json:
    """What a provider may be shown about a task: no prompt, no owner, no address or secret of anybody."""
    request = task.request
    kept_here = (
        kept
        for kept in parts.objects().kept_callbacks(task.owner, task.task_id)
        if kept.received_at >= task.created_at  # not those of an earlier task with this id
    )
    callbacks = [
        {"provider": kept.provider, "received_at": kept.received_at, "body": _redacted_body(kept.body, request.prompt)}
        for kept in islice(kept_here, MOST_SHOWN_BODIES)
    ]
    return {
        "object": "dispute",
        "task_id": task.task_id,
        "created_at": task.created_at,
        "completed_at": task.completed_at,
        "status": task.status.value,
        "request": {
            "model": request.model,
            "prompt_sha256": hashlib.sha256(request.prompt.encode()).hexdigest(),
            "prompt_characters": len(request.prompt),
            "references": len(request.image_urls),
            "size": request.size,
            "resolution": request.resolution,
            "n": request.n,
        },
        "attempts": [
            {
                "provider": attempt.provider,
                "upstream_model": attempt.upstream_model,
                "upstream_id": attempt.upstream_id,
                "status": attempt.state.value,
                "begun_at": attempt.begun_at,
                "upstream_code": attempt.failure.upstream_code if attempt.failure else None,
                "message": attempt.failure.message if attempt.failure else None,
            }
            for attempt in task.attempts
        ],
        "images": [
            {
                "index": image.index,
                "status": image.state.value,
                "sha256": image.stored.sha256 if image.stored else None,
                "bytes": image.stored.bytes if image.stored else None,
                "message": image.failure.message if image.failure else None,
            }
            for image in task.images
        ],
        "events": list(_changes(task)),
        "callbacks": callbacks,
    }


def _changes(task: Task) -> Iterator[Json]:
    for entry in task.history:
        yield _change(entry)


def _change(entry: HistoryEntry) -> Json:
    return {"at": entry.at, "what": entry.what, "cause": entry.cause, "details": dict(entry.details)}


def _callbacks(parts: "HistoryParts", task: Task) -> Iterator[Json]:
    for note in parts.callback_notes().of_task(task.task_id):
        details = {"provider": note.provider, "verdict": note.verdict}
        yield {"at": note.at, "what": "callback", "cause": "callback", "details": details}


def _ledger(parts: "HistoryParts", task: Task) -> Iterator[Json]:
    if not task.terms.metered:
        return
    book = parts.account_ledger()
    for line in book.lines_of(task):
        shown = show_line(line)
        details = {name: shown[name] for name in ("kind", "amount", "credits_charged")}
        yield {"at": line.at, "what": "ledger", "cause": "account", "details": details}


def _deliveries(parts: "HistoryParts", task: Task) -> Iterator[Json]:
    if task.request.callback_url:
        for attempt in parts.delivery_log(task).attempts:
            details = {"attempt": attempt.number, **render_outcome(attempt)}
            yield {"at": attempt.at, "what": "webhook_attempt", "cause": "deliver", "details": details}


def _redacted_body(body: bytes, prompt: str) -> Any:
    """A callback's body as JSON without what is nobody's business; its digest where it can't be shown as such."""
    digest = hashlib.sha256(body).hexdigest()
    told = {"sha256": digest, "bytes": len(body)}
    if len(body) > MAX_SHOWN_BODY:
        return told
    try:
        content = _redacted(json.loads(body), prompt)
        json.dumps(content, allow_nan=False, ensure_ascii=False).encode()  # no surrogate, no infinity
    except (ValueError, RecursionError):
        return told
    return {"sha256": digest, "content": content}


def _redacted(value: Any, prompt: str) -> Any:
    if isinstance(value, Mapping):
        return {
            _redacted_text(name, prompt): "[removed]" if _is_secret(name) else _redacted(inner, prompt)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_redacted(inner, prompt) for inner in value]
    return _redacted_text(value, prompt) if isinstance(value, str) else value


def _redacted_text(text: str, prompt: str) -> str:
    if text.startswith("data:") or len(text) > MAX_SHOWN_TEXT:
        return f"[{len(text)} characters]"
    if text == prompt:
        return "[prompt]"
    if text.lstrip()[:1] in {"{", "["} and text.strip():
        try:  # JSON in JSON, with escapes of its own
            return json.dumps(_redacted(json.loads(text), prompt), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    # A short prompt may well stand in other words by chance.
    return redacted(text.replace(prompt, "[prompt]") if len(prompt) >= SHORT_PROMPT else text)


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)
