"""Streaming a task's pictures as they are stored: server-sent events, or lines of JSON."""

import time
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from darkroom.api.http import to_json
from darkroom.dialects.base import Dialect, Event
from darkroom.dialects.calls import Answer, Submission, TaskView
from darkroom.dialects.refusals import ErrorKind
from darkroom.dialects.task_view import AnswerTooLarge
from darkroom.dialects.transport import Streamed, Transport
from darkroom.observability import count
from darkroom.tasks.task import Task

if TYPE_CHECKING:
    from darkroom.dialects.parts import DialectParts

PAUSE = 0.5
"""Seconds between two looks at the record."""
_DONE = b"data: [DONE]\n\n"
SILENCE = 15.0
"""Seconds without an event after which a comment keeps the connection open."""


def stream(parts: "DialectParts", dialect: Dialect, transport: Transport, intent: Submission, task: Task) -> Streamed:
    """The stream of a task that was just accepted."""
    headers = {"x-darkroom-task-id": task.task_id, "cache-control": "no-cache", "x-accel-buffering": "no"}
    write = _line if intent.lines else _server_sent
    chunks = _counted(_chunks(parts, dialect, transport, task, lines=intent.lines))
    written = (write(event) if event else b": \n\n" for event in chunks)
    return Streamed(_content_type(intent), headers, chain(written, [] if intent.lines else [_DONE]))


def buffered(dialect: Dialect, intent: Submission, view: TaskView) -> Answer:
    """All events of a task that has ended, in one answer: for an address that can't stream."""
    write = _line if intent.lines else _server_sent
    text = b"".join(write(event) for event in dialect.events(view, ())) + (b"" if intent.lines else _DONE)
    return Answer(200, None, {"content-type": _content_type(intent), "cache-control": "no-cache"}, text.decode())


def _content_type(intent: Submission) -> str:
    return "application/x-ndjson" if intent.lines else "text/event-stream"


def _counted(chunks: Iterator[Event | None]) -> Iterator[Event | None]:
    """The same; what breaks off on the way is counted, since its head said 200."""
    try:
        yield from chunks
    except Exception:
        count("RecordFailed")
        raise


def _chunks(
    parts: "DialectParts", dialect: Dialect, transport: Transport, task: Task, *, lines: bool
) -> Iterator[Event | None]:
    """Every event of a task as it happens; None is a sign of life. The limit of an answer holds for each picture."""
    delivered: set[int] = set()
    heard_at = time.monotonic()
    while True:
        try:
            view = parts.presenter().view(task, dialect.name, limit=transport.max_answer, delivered=delivered)
        except AnswerTooLarge as error:
            yield _error(ErrorKind.ANSWER_TOO_LARGE, f"the pictures are stored, but have {error}", task)
            return
        for event in dialect.events(view, delivered):
            yield event
            heard_at = time.monotonic()
        delivered |= {picture.index for picture in view.pictures}
        if task.status.terminal:
            return
        if not transport.patience:
            yield _error(ErrorKind.TIMEOUT, "the time of this stream is up; the task goes on", task)
            return
        if time.monotonic() - heard_at >= SILENCE and not lines:
            yield None
            heard_at = time.monotonic()
        time.sleep(PAUSE)
        task = parts.tasks().get(task.task_id) or task


def _error(kind: ErrorKind, message: str, task: Task) -> Event:
    return "error", {"error": {"code": kind.value, "message": message, "task_id": task.task_id}}


def _server_sent(event: Event) -> bytes:
    name, data = event
    return f"event: {name}\ndata: {to_json(data)}\n\n".encode()


def _line(event: Event) -> bytes:
    return f"{to_json(event[1])}\n".encode()
