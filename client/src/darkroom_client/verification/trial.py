"""One run of the suite: the deployment that is tried, and what the checks learned of it so far."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from darkroom_client.verification.findings import Failed, NotTried

Json = dict[str, Any]
T = TypeVar("T")
STEP = 10
"""Seconds that one look waits for a task's end."""
DEMO = "demo"


@dataclass(frozen=True)
class Options:
    """What to try, and with what. Empty texts are things that were not given.

    `model` is a real one, whose pictures are paid for; without it the deployment's own demo is used. `only` names the
    checks to make, with those that they need; without a name all are made. `patience` is how many seconds a picture or
    a webhook may take.
    """

    url: str
    key: str
    admin_key: str = ""
    model: str = ""
    prompt: str = "a lighthouse in a snow storm"
    streaming_url: str = ""
    webhook: str = ""
    webhook_secret: str = ""
    stack: str = ""
    region: str = ""
    keep: bool = False
    only: tuple[str, ...] = ()
    patience: float = 120.0


@dataclass
class Trial:
    """What the checks share."""

    options: Options
    http: httpx.Client
    sleep: Callable[[float], None] = time.sleep
    demo: bool = False
    task: Json | None = None
    posted: Json = field(default_factory=dict)
    picture: bytes = b""
    inbox: str = ""
    stranger: str = ""
    """A second owner's key, made for this run."""
    stranger_id: str = ""
    secrets: list[str] = field(default_factory=list)
    """What must stand in no log line."""
    made: list[str] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    owner: str = field(default_factory=lambda: f"verify-{secrets.token_hex(6)}")
    """This run's own name: a second owner's, and its idempotency key."""
    word: str = field(default_factory=lambda: f"lantern{secrets.token_hex(8)}")
    """State in every prompt of this run, and nowhere else in the world."""
    begun_at: float = field(default_factory=time.time)

    def call(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One request of the API, by the key that was given or another one (none: an empty text). Never repeated."""
        by = self.options.key if key is None else key
        sent = {**({"authorization": f"Bearer {by}"} if by else {}), **(headers or {})}
        try:
            return self.http.request(method, f"{self.options.url.rstrip('/')}{path}", json=json, headers=sent)
        except httpx.HTTPError as error:
            raise Failed(f"{method} {path} got no answer ({type(error).__name__})") from error

    def post(self, prompt: str = "", *, key: str | None = None, idempotency_key: str = "", **fields: Any) -> Json:
        """Post a task, to be removed at the end. Raises `Failed` where it is not accepted."""
        body = {"model": self.model, "prompt": self.prompt(prompt), **fields}
        headers = {"idempotency-key": idempotency_key or secrets.token_hex(16)}
        answer = self.call("POST", "/v1/tasks", key=key, json=body, headers=headers)
        if answer.status_code != 202:
            raise Failed(f"a task was answered {told(answer)}")
        task: Json = answer.json()
        if key is None and task["task_id"] not in self.made:
            self.made.append(task["task_id"])
        return task

    def prompt(self, more: str = "") -> str:
        """A prompt with this run's word in it."""
        return " ".join(part for part in (more or self.options.prompt, self.word) if part)

    @property
    def model(self) -> str:
        """The model that is tried."""
        return self.options.model or DEMO

    def need_demo(self) -> None:
        """Raises `NotTried` where the demo is not used: a real provider can't be told to fail, and is paid."""
        if not self.demo:
            raise NotTried("needs the demo: deploy with DemoProvider=true, and give no --model")

    def look(self, task_id: str, *, wait: float = 0, key: str | None = None) -> Json:
        """A task as it stands, or as soon as it has ended. Raises `Failed`."""
        headers = {"prefer": f"wait={int(wait)}"} if wait >= 1 else {}
        answer = self.call("GET", f"/v1/tasks/{task_id}", key=key, headers=headers)
        if answer.status_code != 200:
            raise Failed(f"a look at the task was answered {told(answer)}")
        task: Json = answer.json()
        return task

    def ended(self, task_id: str, *, key: str | None = None) -> Json:
        """A task once it has ended. Raises `Failed` where it does not in time."""
        ends_at = time.monotonic() + self.options.patience
        while True:
            left = ends_at - time.monotonic()
            try:
                task = self.look(task_id, wait=max(1.0, min(STEP, left)), key=key)
            except Failed:
                if left <= 0:
                    raise
                self.sleep(1)
                continue
            if task["status"] not in {"queued", "processing"}:
                return task
            if left <= 0:
                raise Failed(f"the task is still {task['status']} after {self.options.patience:g} s")

    def events(self, task_id: str) -> list[Json]:
        """What happened to a task, oldest first."""
        answer = self.call("GET", f"/v1/tasks/{task_id}/events")
        if answer.status_code != 200:
            raise Failed(f"its events were answered {told(answer)}")
        found: list[Json] = answer.json()["data"]
        return found

    def until(self, look: Callable[[], T | None], *, patience: float | None = None) -> T | None:
        """What `look` finds, asked for again until it finds something or the patience is over."""
        ends_at = time.monotonic() + (self.options.patience if patience is None else patience)
        while True:
            found = look()
            if found is not None or time.monotonic() >= ends_at:
                return found
            self.sleep(0.5)


def told(answer: httpx.Response) -> str:
    """An answer that was not wanted, in a few words."""
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = answer.text[:120]
    return f"{answer.status_code}: {message}" if message else str(answer.status_code)
