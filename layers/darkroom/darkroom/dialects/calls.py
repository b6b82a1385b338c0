"""What a dialect is given and what it makes of it: a call, read as an intent, and the task that answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from darkroom.tasks.failure import Failure
from darkroom.tasks.task import Task

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request. `path` is what follows the dialect's base path; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def route(self) -> tuple[str, ...]:
        """The method and the parts of the path."""
        return (self.method, *self.path.strip("/").split("/"))


class Form(StrEnum):
    """How a submission is answered: at once, with the pictures, or picture by picture."""

    AT_ONCE = "at_once"
    WAITING = "waiting"
    STREAMING = "streaming"


@dataclass(frozen=True, slots=True)
class Submission:
    """A task to be made. `task` is the body that our own API would take.

    `model` is the model in the client's words, `echo` what the answers repeat. `base64` asks for pictures instead of
    links, and with `links_if_large` for links where the pictures do not fit. `ignored` names the fields that mean
    nothing here. `open_ended` waits, but shows a task that is not ready. `fits_size` says that the size is one of
    OpenAI's, which stands for the nearest that the model makes.
    """

    task: Mapping[str, Any]
    model: str
    form: Form = Form.AT_ONCE
    echo: Mapping[str, Any] = field(default_factory=dict)
    base64: bool = False
    links_if_large: bool = False
    ignored: tuple[str, ...] = ()
    open_ended: bool = False
    fits_size: bool = False
    lines: bool = False
    """Streams lines of JSON instead of server-sent events."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """One task is asked for."""

    task_id: str


@dataclass(frozen=True, slots=True)
class LookUpMany:
    """Several tasks are asked for; those that are unknown are left out. Without ids: a page of the newest."""

    task_ids: tuple[str, ...] | None
    page: int = 1
    page_size: int = 50
    completed_only: bool = False


@dataclass(frozen=True, slots=True)
class Cancel:
    """A task is to be cancelled."""

    task_id: str


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A short-lived token is asked for, in exchange for an API key."""

    api_key: str


@dataclass(frozen=True, slots=True)
class ListModels:
    """The models are asked for, or one of them."""

    name: str | None = None


Intent = Submission | LookUp | LookUpMany | Cancel | TokenRequest | ListModels


@dataclass(frozen=True, slots=True)
class Picture:
    """One result as its owner sees it. `expires_at` is in Unix seconds; `base64` where pictures were asked for."""

    index: int
    url: str = ""
    expires_at: int = 0
    width: int = 0
    height: int = 0
    base64: str | None = None
    failure: Failure | None = None

    @property
    def size(self) -> str:
        """Its size as every dialect writes it."""
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as an answer tells of it: `now` in Unix milliseconds, `estimate` the usual seconds to the pictures.

    `pictures` are those that are stored or lost, in order; `here` is the dialect's own address.
    """

    task: Task
    now: int
    pictures: tuple[Picture, ...] = ()
    estimate: int = 30
    base_url: str = ""

    @property
    def model(self) -> str:
        """The model in the client's words."""
        return self.task.entry.model if self.task.entry else self.task.request.model

    @property
    def echo(self) -> Mapping[str, Any]:
        """What the client said that the answers repeat."""
        return self.task.entry.echo if self.task.entry else {}

    @property
    def stored(self) -> tuple[Picture, ...]:
        """The pictures that there are."""
        return tuple(picture for picture in self.pictures if picture.failure is None)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of HTTP with a JSON body, or with a `text` of the type that its headers name."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
