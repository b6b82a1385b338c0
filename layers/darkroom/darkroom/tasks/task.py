"""A task and its parts: what is recorded of one request, and nothing of how it is stored or sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from darkroom.tasks.failure import Failure
from darkroom.tasks.history_entry import HistoryEntry
from darkroom.tasks.rates import ZERO, Rates
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.update import Status


class StillOpen(Exception):
    """The task has not ended."""


class AttemptState(StrEnum):
    """How far one submission to one provider came."""

    SENDING = "sending"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def live(self) -> bool:
        """Whether the provider may (still) be making pictures for it: while so, nothing is submitted again."""
        return self in _LIVE

    @property
    def undecided(self) -> bool:
        """Whether nobody knows yet if the provider accepted it."""
        return self in _UNDECIDED


_UNDECIDED = frozenset({AttemptState.SENDING, AttemptState.UNKNOWN})
_LIVE = _UNDECIDED | {AttemptState.ACCEPTED}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One submission: to whom, with which credential, and what came of it. Times are Unix milliseconds.

    `protocol` and `address` are how and where its provider was reached: whatever becomes of the provider's row, this
    submission is asked about there. (Empty in records of releases before them.) `poll_path` is where at that address,
    where the provider said so; `callback_trust` is what its row said of callbacks.
    `claim` marks the invocation that began it: that one alone sends it.
    """

    provider: str
    upstream_model: str
    credential: str
    state: AttemptState
    begun_at: int
    upstream_id: str = ""
    expects_callback: bool = False
    failure: Failure | None = None
    claim: str = ""
    protocol: str = ""
    address: str = ""
    poll_path: str = ""
    callback_trust: str = ""


@dataclass(frozen=True, slots=True)
class PlannedOffer:
    """One (model, provider) pair that can do the request, in the order of preference.

    `closed` is set once the provider refused in a way that no repetition mends (our key, our balance, an outage
    reported after it had accepted). `price` is the most that an image costs; `rates` say more where it depends, and
    `cost` is what the provider takes from us, where that is known.
    """

    provider: str
    upstream_model: str
    synchronous: bool
    price: Decimal
    tries: int = 0
    closed: bool = False
    rates: Rates | None = None
    cost: Rates | None = None


class ImageState(StrEnum):
    """Where one picture is on its way into the bucket."""

    PENDING = "pending"
    STORED = "stored"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StoredImage:
    """The stored object: its key in the bucket and what was found to be in it. `sha256` is hexadecimal."""

    key: str
    content_type: str
    bytes: int
    width: int
    height: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Image:
    """One result. `source` is where it came from: the provider's link, or `stored:<key>` of its kept bytes."""

    index: int
    state: ImageState
    source: str = ""
    stored: StoredImage | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Credits, exactly: held back at submission for the worst case, and charged for what came.

    `withheld` stays held back of a cancelled task until its provider has said whether it made the pictures all the
    same; then it is charged or given back, at `settled_at` (Unix milliseconds).
    `upstream_cost` is what the provider took from us for what it made, where that is known.
    """

    reserved: Decimal = ZERO
    charged: Decimal = ZERO
    withheld: Decimal = ZERO
    settled_at: int | None = None
    upstream_cost: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Terms:
    """What a task was posted under: the id of its API key, and what its end has to give back.

    `metered` says that the owner's account was charged with its reserve, `counted` that its key's open tasks were
    counted. `keep_extra` says that pictures beyond those asked for are kept.
    """

    key: str = ""
    metered: bool = False
    counted: bool = False
    keep_extra: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """The dialect that a task was posted in: the model in its client's words, and what else its answers repeat.

    `base64` asks for the pictures themselves in the answers, instead of links.
    """

    dialect: str
    model: str
    echo: Mapping[str, Any] = field(default_factory=dict)
    base64: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One request to generate or edit images, from its acceptance to its end.

    Times are Unix milliseconds, but `expires_at` (seconds, when the record is dropped). `version` counts the writes;
    `fingerprint` is the digest of the body it was posted with. `nonce` is this record's alone, where an id may be used
    again: whatever lies in the bucket belongs to a record by it. `retry_at` is when the next submission is due while
    none is live. `copying_at` is when the images were last handed out to be copied. `history`
    tells how it came to be as it is. `unread` is what a later release recorded and this one can't read: no part of the
    task, but written back with it. `announced` says that its end has been told to bus and webhook; it stands beside
    the record, not in it.
    """

    task_id: str
    owner: str
    request: ImageRequest
    fingerprint: str
    plan: tuple[PlannedOffer, ...]
    created_at: int
    deadline_at: int
    expires_at: int
    correlation_id: str
    nonce: str = ""
    status: Status = Status.QUEUED
    version: int = 1
    progress: int = 0
    position: int = 0
    retry_at: int = 0
    started_at: int | None = None
    completed_at: int | None = None
    copying_at: int | None = None
    attempts: tuple[Attempt, ...] = ()
    images: tuple[Image, ...] = ()
    usage: Usage = field(default_factory=Usage)
    error: Failure | None = None
    entry: Entry | None = None
    terms: Terms = field(default_factory=Terms)
    history: tuple[HistoryEntry, ...] = ()
    unread: Mapping[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    announced: bool = False

    @property
    def attempt(self) -> Attempt | None:
        """The latest submission, if there was one."""
        return self.attempts[-1] if self.attempts else None

    @property
    def offer(self) -> PlannedOffer:
        """The offer in use or next in line."""
        return self.plan[self.position]

    @property
    def provider(self) -> str:
        """Who makes the pictures, or is next to be asked."""
        return self.attempt.provider if self.attempt and self.attempt.state.live else self.offer.provider

    @property
    def awaits_submission(self) -> bool:
        """Whether it is open with no submission that could still bear fruit."""
        return not self.status.terminal and not self.images and not (self.attempt and self.attempt.state.live)

    @property
    def withheld(self) -> bool:
        """Whether it was cancelled, and its provider may still make what was asked for."""
        return self.usage.withheld > 0

    @property
    def followed(self) -> bool:
        """Whether its provider is still to be heard of."""
        return not self.status.terminal or self.withheld

    @property
    def pending_images(self) -> tuple[Image, ...]:
        """The images that are not in the bucket yet and may still get there."""
        return tuple(image for image in self.images if image.state is ImageState.PENDING)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The owner's own words, which come back everywhere."""
        return self.request.metadata
