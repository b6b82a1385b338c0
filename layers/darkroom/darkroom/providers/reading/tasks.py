"""How a provider's task stands, read from any answer about it: one tolerant reader under all adapters.

An adapter adds what is its provider's own: how it is asked, and what its codes of failure mean.
"""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from darkroom.providers.reading.envelopes import Named, layers, names_of, says_no
from darkroom.providers.reading.reported_errors import ReportedError, read_reported_error
from darkroom.providers.reading.results import read_pictures
from darkroom.providers.reading.states import State, read_state
from darkroom.providers.reading.values import Object, as_progress
from darkroom.tasks.failure import ErrorCode, Failure
from darkroom.tasks.update import MadeImage, Status, Update

Blame = Callable[[ReportedError], Failure]
"""What a provider's reported about a task, or about one of its pictures, means."""
_RUNNING = {State.WAITING: Status.QUEUED, State.RUNNING: Status.PROCESSING}
_OF_CANCELLING = re.compile(r"(?i)cancel|stopped|terminated|revoked|取消|终止|취소|abgebrochen")
MOST_NAMES = 20
_NOBODYS = Failure(ErrorCode.PROVIDER_ERROR, "")


def read_task(content: Object, blame: Blame, *, cancelled: Blame, ids: Collection[str] = ()) -> Update:
    """What an answer, a callback or one entry of a list says of a task.

    `blame` words a failure and `cancelled` a cancellation; `ids` are those that were asked about: one of them is meant
    wherever it stands. Where the answer leaves doubt, the task goes on and `doubt` says what was not understood.
    """
    levels = layers(content)
    stands, word, place = read_state(levels)
    names = names_of(levels, place)
    upstream_id = next((name for name in names if name in ids), next(iter(names), ""))
    progress = next((p for layer in reversed(levels) if (p := as_progress(layer.get("progress"))) is not None), None)
    if stands in _RUNNING:
        return Update(_RUNNING[stands], upstream_id, progress)
    reported = read_reported_error(levels)
    if stands is State.CANCELLED and (not reported.explicit or _OF_CANCELLING.search(_words(reported))):
        return Update(Status.CANCELLED, upstream_id, progress, failure=cancelled(reported))
    if stands in {State.FAILED, State.CANCELLED}:
        return Update(Status.FAILED, upstream_id, progress, failure=blame(_with_word(reported, word)))
    pictures = read_pictures(levels, blame)
    if pictures:
        return _with_pictures(pictures, upstream_id)
    if stands is not State.UNKNOWN and (reported.explicit or (reported and says_no(levels))):
        return Update(Status.FAILED, upstream_id, progress, failure=blame(reported))
    if stands is State.NOTHING and not _finished(levels):
        return Update(Status.PROCESSING, upstream_id, progress)
    return Update(Status.PROCESSING, upstream_id, progress, doubt=_doubt(stands, word, levels))


def _with_pictures(pictures: tuple[MadeImage, ...], upstream_id: str) -> Update:
    """Completed with what there is; where the provider says of every picture that it failed, so has the task."""
    failures = [image.failure for image in pictures if image.failure]
    if len(failures) == len(pictures):
        return Update(Status.FAILED, upstream_id, failure=failures[0])
    return Update(Status.COMPLETED, upstream_id, 100, images=pictures)


def says_anything(content: Object) -> bool:
    """Whether a body says anything of a task: an id, a state, pictures or a reported."""
    levels = layers(content)
    return bool(
        names_of(levels, len(levels) - 1)
        or read_state(levels)[0] is not State.NOTHING
        or read_reported_error(levels).explicit
        or read_pictures(levels, lambda _: _NOBODYS)
    )


def outline(content: Object) -> str:
    """The names and types of the fields of a body, and nothing of what they hold: for a log."""
    return _outline(content, 0)


def _outline(value: Any, level: int) -> str:
    match value:
        case dict() if level < 3:
            fields = [
                f"{_name(name)}: {_outline(inner, level + 1)}" for name, inner in list(value.items())[:MOST_NAMES]
            ]
            return "{" + ", ".join(fields) + (", …}" if len(value) > MOST_NAMES else "}")
        case list():
            return f"[{_outline(value[0], level + 1)}] * {len(value)}" if value else "[]"
        case _:
            return type(value).__name__


def _name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "?", name[:40])


def _doubt(stands: State, word: str, levels: Sequence[Named]) -> str:
    known = word if re.fullmatch(r"[a-z]{1,30}", word) else "a word"
    says = f"it says {known}, which is not known" if stands is State.UNKNOWN else "it says that it is done"
    return f"{says}; no picture in {outline(levels[0])}"[:1000]


def _finished(levels: Sequence[Named]) -> bool:
    """Whether an answer without a state says all the same that the task is over: by a time, or by `success`."""
    return any(layer.get(name) for layer in levels for name in ("finishedat", "completedat", "finishtime", "endtime"))


def _with_word(reported: ReportedError, word: str) -> ReportedError:
    """A failure without any reason has at least the word in which it was said."""
    return reported if reported else ReportedError(code=word[:40])


def _words(reported: ReportedError) -> str:
    return f"{reported.code} {reported.message[:500]}"
