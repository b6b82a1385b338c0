"""What an adapter is handed and what it gives back: requests, answers, tickets, and what may go wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from darkroom.providers.signatures import CallbackTrust
from darkroom.tasks.failure import Failure
from darkroom.tasks.request import Action

if TYPE_CHECKING:
    from darkroom.catalog.geometry import Expression


class Refused(Exception):
    """The provider certainly did not accept the submission; `failure.disposition` says what may follow.

    `retry_after` is in seconds, where the provider said so.
    """

    def __init__(self, failure: Failure, retry_after: float | None = None) -> None:
        super().__init__(f"{failure.code}: {failure.message}")
        self.failure = failure
        self.retry_after = retry_after


class OutcomeUnknown(Exception):
    """The request may have reached the provider, and nobody can say what came of it. Never submit it again."""


class QueryFailed(Exception):
    """A poll of a task brought no answer about it (network, limit, outage). The task itself is as it was.

    `gone` is true where the provider says that it knows no such task.
    """

    def __init__(self, message: str, *, gone: bool = False) -> None:
        super().__init__(message)
        self.gone = gone


class Unreadable(Exception):
    """A body that is not in any form this provider documents. It is kept, so that it can be read again later."""


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file in a form: the name of its field, and the link that its bytes are fetched from when it is sent."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One HTTP request to a provider. `path` starts with `/` and is joined to the provider's base address."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    """The fields of a form that is sent instead of JSON, with `files`."""
    files: tuple[FormFile, ...] = ()
    long: bool = False
    """Whether the answer takes as long as a picture does (a synchronous form)."""


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """One HTTP answer. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Upstream(Protocol):
    """A way to reach one provider with one credential."""

    @property
    def credential(self) -> Mapping[str, str]:
        """The secret's fields for this provider, such as `api_key`."""
        ...

    @property
    def address(self) -> str:
        """The provider's base address, without a slash at its end."""
        ...

    def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Send one request.

        Raises `Refused` (ELSEWHERE) where it was certainly not sent, `OutcomeUnknown` for any doubt.
        """
        ...


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One submission, complete: nothing in it is left for the adapter to decide.

    `image_urls` are links or data URIs the provider can read. `callback_url` is empty where none is to be given.
    `synchronous` says that the answer itself shall carry the pictures.
    """

    upstream_model: str
    prompt: str
    shape: "Expression"
    action: Action = Action.GENERATE
    image_urls: tuple[str, ...] = ()
    n: int = 1
    watermark: bool = True
    seed: int = -1
    guidance_scale: float | None = None
    output_format: str | None = None
    optimize_prompt: str = "standard"
    web_search: bool = False
    callback_url: str = ""
    synchronous: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ticket:
    """An accepted task at a provider: its id there, and the model it was submitted with."""

    upstream_id: str
    upstream_model: str
    poll_path: str = ""
    """Where the provider said that it is to be asked about; empty where it said nothing."""


@dataclass(frozen=True, slots=True)
class Traits:
    """Facts about a provider that the services act on."""

    calls_back: bool
    can_cancel: bool = False
    page_size: int = 1
    """How many tasks one query can ask about."""
    accepts_data_uris: bool = False
    synchronous_only: bool = False
    """Whether the answer to a submission is the pictures, and there is nothing to ask about afterwards."""
    answers_with_jobs: bool = False
    """Whether a synchronous form may answer with a job all the same, which is then asked about."""
    callback_trust: CallbackTrust = CallbackTrust.TOKEN
    """What its callbacks have to have, where the provider's row says nothing else."""
    signs_callbacks: bool = False
    hands_out_keys: bool = False
    """Whether the keys of its signatures can be fetched; else they are configured with its credential."""
