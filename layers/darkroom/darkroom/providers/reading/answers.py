"""Answers of providers to submissions, polls and callbacks, each read by the one reader (`tasks.py`)."""

from collections.abc import Callable, Mapping, Sequence

from darkroom.providers.base import OutcomeUnknown, QueryFailed, Refused, Unreadable, UpstreamAnswer
from darkroom.providers.reading.bodies import read_object
from darkroom.providers.reading.envelopes import is_task, layers, names_of
from darkroom.providers.reading.refusals import query_failure, refusal, refused_inside, reported_error_in, retry_after
from darkroom.providers.reading.reported_errors import ReportedError
from darkroom.providers.reading.states import State, read_state
from darkroom.providers.reading.tasks import outline
from darkroom.providers.reading.values import Object, as_list, as_object
from darkroom.tasks.failure import Failure
from darkroom.tasks.update import Status, Update

Blame = Callable[[int, ReportedError], Failure]
"""What a refusal means at this provider: its HTTP status, and what it says of itself."""
Read = Callable[[Object], Update]
_LISTS = ("items", "list", "tasks", "records", "data", "results")


def read_submitted(provider: str, answer: UpstreamAnswer, read: Read, blame: Blame) -> Update:
    """What a provider says to a submission: the task that it took, or (synchronous forms) the end of it.

    Raises `Refused`, also for a 2xx that says inside that nothing was taken, and `OutcomeUnknown`.
    """
    content = taken(provider, answer, blame)
    update = read(content)
    unstated = read_state(layers(content))[0] is State.NOTHING
    if not update.images and (not update.upstream_id or (update.status is Status.FAILED and unstated)):
        inside = refused_inside(provider, content)
        if inside:
            raise Refused(blame(*inside), retry_after(answer))
    if not update.upstream_id and not update.images:
        raise OutcomeUnknown(f"{provider} accepted without an id: {outline(content)}")
    return update


def taken(provider: str, answer: UpstreamAnswer, blame: Blame) -> Object:
    """The object in a submission's 2xx answer. Raises `Refused`, and `OutcomeUnknown`: it was taken, but as what?"""
    if not 200 <= answer.status < 300:
        reported = reported_error_in(answer)
        raise refusal(provider, answer, blame(answer.status, reported) if reported else None)
    try:
        return read_object(answer.body)
    except Unreadable as error:
        raise OutcomeUnknown(f"{provider} accepted, but its answer is {error}") from error


def read_query(provider: str, answer: UpstreamAnswer) -> Object:
    """The object in the answer to a poll. Raises `QueryFailed`."""
    if not 200 <= answer.status < 300:
        raise query_failure(provider, answer)
    try:
        return read_object(answer.body)
    except Unreadable as error:
        raise QueryFailed(f"{provider}: {error}") from error


def read_polled(provider: str, content: Object, read: Read) -> Update:
    """What the answer to a poll of one task says of it. Raises `QueryFailed` where it speaks of the poll alone."""
    update = read(content)
    levels = layers(content)
    nameless = not names_of(levels, len(levels) - 1)
    if update.status is Status.FAILED and nameless and read_state(levels)[0] is State.NOTHING and not update.images:
        raise QueryFailed(f"{provider} refused the poll")
    return update


def read_called_back(content: Object, read: Read) -> Update:
    """What a callback says. Raises `Unreadable` where it leaves doubt, or says nothing of how the task stands."""
    update = read(content)
    if update.doubt:
        raise Unreadable(update.doubt)
    if not update.status.terminal and read_state(layers(content))[0] is State.NOTHING:
        raise Unreadable(f"it has no state, no picture and no error: {outline(content)}")
    return update


def entries_of(content: Object) -> Sequence[Mapping[str, object]]:
    """The tasks in an answer about many: those of its list, or the answer itself."""
    for layer in reversed(layers(content)):
        for name in _LISTS:
            found = [entry for entry in map(as_object, as_list(layer.get(name))) if is_task(entry)]
            if found:
                return found
    return [content]
