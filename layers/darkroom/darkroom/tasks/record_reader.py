"""Reading a recorded task, whichever release wrote it.

A field that is not known here is passed over. A word of an enumeration that is not known here is taken for what does
least harm: nothing is submitted twice for it, nothing that was made is lost, and an ended task stays ended.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from darkroom.aws.forward_compatibility import field_names, member
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.history_entry import HistoryEntry
from darkroom.tasks.ids import made_up_nonce
from darkroom.tasks.rates import read_rates
from darkroom.tasks.request import Action, ImageRequest, Strategy
from darkroom.tasks.task import (
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
from darkroom.tasks.unread import Json, Path, Unread
from darkroom.tasks.update import Status

E = TypeVar("E", bound=StrEnum)
_OF_USAGE = field_names(Usage)
_TASK = (field_names(Task) - {"usage", "unread", "announced"}) | _OF_USAGE
_LINE = 4
"""Parts of a line of the history."""


class TaskReader:
    """Reads one record, and keeps what it can't read by where that stands."""

    def __init__(self) -> None:
        self._unread: dict[Path, Unread] = {}

    def task(self, record: Mapping[str, Any]) -> Task:
        """The task of a record.

        A status that is not known here counts as an end where the task has ended (`completed`, if an image is stored),
        else as `processing` or, before any submission, as `queued`.
        """
        attempts = tuple(self._attempt(each, ("attempts", at)) for at, each in enumerate(record["attempts"]))
        images = tuple(self._image(each, ("images", at)) for at, each in enumerate(record["images"]))
        completed_at = record["completed_at"]
        if completed_at is None:
            otherwise = Status.PROCESSING if attempts else Status.QUEUED
        else:
            otherwise = Status.COMPLETED if any(image.stored for image in images) else Status.FAILED
        status = member(Status, record["status"], otherwise)
        self._keep((), record, _TASK, words={"status": status})
        read: Json = {name: value for name, value in record.items() if name in _TASK and name not in _OF_USAGE}
        read |= {
            "request": self._request(record["request"]),
            "plan": tuple(self._offer(each, ("plan", at)) for at, each in enumerate(record["plan"])),
            "nonce": record.get("nonce") or made_up_nonce(record["created_at"]),
            "status": status,
            "attempts": attempts,
            "images": images,
            "usage": self._usage(record),
            "error": self._failure(record["error"], ("error",)),
            "entry": Entry(**self._known(Entry, record["entry"], ("entry",))) if record.get("entry") else None,
            "terms": Terms(**self._known(Terms, record.get("terms", {}), ("terms",))),
            "history": tuple(self._line(each, ("history", at)) for at, each in enumerate(record.get("history", []))),
        }
        return Task(**read, unread=self._unread)

    def _usage(self, record: Mapping[str, Any]) -> Usage:
        """Usage stands in the record itself; credits are strings there."""
        read: Json = {name: record[name] for name in _OF_USAGE if name in record}
        read |= {name: Decimal(value) for name, value in read.items() if isinstance(value, str)}
        return Usage(**read)

    def _request(self, record: Mapping[str, Any]) -> ImageRequest:
        """A strategy that is not known is the usual one: the offers were chosen already. An action that is not known
        is an edit where there is something to edit."""
        edits = Action.EDIT if record.get("image_urls") else Action.GENERATE
        words: dict[str, StrEnum] = {}
        if "action" in record:
            words["action"] = member(Action, record["action"], edits)
        if "strategy" in record:
            words["strategy"] = member(Strategy, record["strategy"], Strategy.CHEAPEST)
        lists = {name: tuple(record[name]) for name in ("image_urls", "providers") if name in record}
        return ImageRequest(**{**self._known(ImageRequest, record, ("request",), words=words), **lists})

    def _offer(self, record: Mapping[str, Any], path: Path) -> PlannedOffer:
        money = {
            "price": Decimal(record["price"]),
            **{name: read_rates(record.get(name)) for name in ("rates", "cost")},
        }
        return PlannedOffer(**{**self._known(PlannedOffer, record, path), **money})

    def _attempt(self, record: Mapping[str, Any], path: Path) -> Attempt:
        """An attempt in a state that is not known may still bear fruit, so that nothing is submitted beside it: its
        provider is asked where its id there is known, else only a callback or the deadline settles it."""
        otherwise = AttemptState.ACCEPTED if record.get("upstream_id") else AttemptState.UNKNOWN
        words = {"state": member(AttemptState, record["state"], otherwise)}
        failure = self._failure(record["failure"], (*path, "failure"))
        return Attempt(**{**self._known(Attempt, record, path, words=words), "failure": failure})

    def _image(self, record: Mapping[str, Any], path: Path) -> Image:
        """An image in a state that is not known is stored, failed or pending by what is recorded of it."""
        found = record["stored"]
        stored = StoredImage(**self._known(StoredImage, found, (*path, "stored"), whole=True)) if found else None
        failure = self._failure(record["failure"], (*path, "failure"))
        otherwise = ImageState.STORED if stored else ImageState.FAILED if failure else ImageState.PENDING
        state = member(ImageState, record["state"], otherwise)
        return Image(
            **{
                **self._known(Image, record, path, words={"state": state}),
                "stored": stored,
                "failure": failure,
            }
        )

    def _failure(self, record: Mapping[str, Any] | None, path: Path) -> Failure | None:
        """A code that is not known is trouble of the provider's, a disposition that is not known allows nothing."""
        if record is None:
            return None
        words = {
            "code": member(ErrorCode, record["code"], ErrorCode.PROVIDER_ERROR),
            "disposition": member(Disposition, record["disposition"], Disposition.FINAL),
        }
        return Failure(**self._known(Failure, record, path, words=words, whole=True))

    def _line(self, line: list[Any], path: Path) -> HistoryEntry:
        if len(line) > _LINE:
            self._unread[path] = Unread(tail=tuple(line[_LINE:]))
        return HistoryEntry(*line[:_LINE])

    def _known(
        self,
        kind: Any,
        record: Mapping[str, Any],
        path: Path,
        *,
        words: Mapping[str, StrEnum] | None = None,
        whole: bool = False,
    ) -> Json:
        """The fields of a record that `kind` has, with `words` for those of an enumeration."""
        names = field_names(kind)
        words = words or {}
        read: Json = {**{name: value for name, value in record.items() if name in names}, **words}
        self._keep(path, record, names, words=words, of=read if whole else None)
        return read

    def _keep(
        self,
        path: Path,
        record: Mapping[str, Any],
        names: frozenset[str],
        *,
        words: Mapping[str, StrEnum],
        of: Mapping[str, Any] | None = None,
    ) -> None:
        """Note what a record has beyond these fields and words."""
        fields = {name: record[name] for name in record.keys() - names}
        strange = {name: (word.value, record[name]) for name, word in words.items() if word.value != record[name]}
        if fields or strange:
            self._unread[path] = Unread(fields, strange, of=of)
