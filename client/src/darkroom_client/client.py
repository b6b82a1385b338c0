"""The synchronous client, made of `asynchronous.py` by `make client`."""

import builtins
import itertools
import time
from collections.abc import Iterator
from typing import Any, Self

import httpx

from darkroom_client import calls
from darkroom_client.calls import Call
from darkroom_client.errors import NotInTime
from darkroom_client.models import Task, read_task

DEFAULT_TIMEOUT = 40.0
"""Seconds for one answer: longer than the API ever waits."""


class Darkroom:
    """A client of one deployment with one API key. Close it, or use it as a context."""

    def __init__(self, base_url: str, api_key: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._base_url = calls.address(base_url)
        headers = {"authorization": f"Bearer {api_key}"}
        self._http = httpx.Client(base_url=self._base_url, headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def submit(
        self,
        model: str,
        prompt: str,
        *,
        idempotency_key: str | None = None,
        wait: float = 0,
        **options: Any,
    ) -> Task:
        """Post a task. `options` are the fields of the API (`size`, `n`, `image_urls`, `callback_url`, `metadata`, …).

        With `wait` (up to 25 seconds) the answer comes with the task's end, if it is in time. The call is repeated
        where no answer comes; it is one task all the same. Raises `DarkroomError`.
        """
        call = calls.submission(model, prompt, options, idempotency_key=idempotency_key, wait=wait)
        return self._task(call)

    def get(self, task_id: str, *, wait: float = 0) -> Task:
        """A task as it stands, or with `wait` (up to 25 seconds) as soon as it has ended. Raises `DarkroomError`."""
        return self._task(calls.look(task_id, wait))

    def wait(self, task: Task | str, *, timeout: float = 600) -> Task:
        """A task once it has ended. Raises `NotInTime` after `timeout` seconds; the task then goes on."""
        task_id = task if isinstance(task, str) else task.task_id
        ends_at = time.monotonic() + timeout
        while True:
            left = ends_at - time.monotonic()
            current = self.get(task_id, wait=min(calls.LONGEST_WAIT, max(left, 0)))
            if not current.open:
                return current
            if left <= 0:
                raise NotInTime(f"{task_id} is still {current.status} after {timeout:g} s", task_id=task_id)
            if left < 1:
                time.sleep(left)

    def list(self, *, limit: int | None = None, **filters: Any) -> Iterator[Task]:
        """All tasks, newest first, page by page as they are needed; `limit` ends it after so many.

        Filters: `status`, `model`, `provider`, `created_after`, `created_before` (Unix milliseconds).
        """
        cursor, given = None, 0
        while True:
            page = self.request(calls.page({**filters, "limit": min(limit or 100, 100)}, cursor))
            for raw in page["data"]:
                if limit is not None and given >= limit:
                    return
                given += 1
                yield read_task(raw)
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def cancel(self, task_id: str) -> Task:
        """Cancel an open task. Raises `Conflict` where it has ended."""
        return self._task(Call("POST", f"/v1/tasks/{task_id}/cancel"))

    def delete(self, task_id: str) -> None:
        """Remove an ended task and its images. Raises `Conflict` while it is open."""
        self.request(Call("DELETE", f"/v1/tasks/{task_id}"))

    def events(self, task_id: str) -> "builtins.list[dict[str, Any]]":
        """What happened to a task, oldest first."""
        told = self.request(Call("GET", f"/v1/tasks/{task_id}/events"))
        events: builtins.list[dict[str, Any]] = told["data"]
        return events

    def models(self) -> "builtins.list[dict[str, Any]]":
        """The models, who sells them, and how each offer did lately."""
        found: builtins.list[dict[str, Any]] = (self.request(Call("GET", "/v1/models")))["data"]
        return found

    def usage(self, month: str | None = None) -> dict[str, Any]:
        """A month's usage (`2026-11`; without one the current)."""
        params = {"month": month} if month else {}
        found: dict[str, Any] = self.request(Call("GET", "/v1/usage", params=params))
        return found

    def account(self) -> dict[str, Any]:
        """The owner's credits and budget."""
        found: dict[str, Any] = self.request(Call("GET", "/v1/account"))
        return found

    def resend_webhook(self, task_id: str) -> None:
        """Send an ended task's webhook again."""
        self.request(Call("POST", f"/v1/tasks/{task_id}/webhook", repeatable=False))

    def download(self, url: str) -> bytes:
        """The bytes behind an image's link. The key is not sent there."""
        try:
            answer = self._plain_get(url)
        except httpx.HTTPError as error:
            raise calls.not_reachable(error, url.partition("?")[0]) from error
        if answer.status_code >= 400:
            raise calls.error_of(answer)
        return answer.content

    def request(self, call: Call) -> Any:
        """Send any call of the API and read its answer. Raises `DarkroomError`."""
        return calls.read(self._send(call))

    def _task(self, call: Call) -> Task:
        answer = self._send(call)
        return read_task(calls.read(answer), calls.retry_after(answer))

    def _plain_get(self, url: str) -> httpx.Response:
        with httpx.Client(timeout=120) as http:
            return http.get(url)

    def _send(self, call: Call) -> httpx.Response:
        for attempt in itertools.count(1):
            answer: httpx.Response | None = None
            failure: httpx.HTTPError | None = None
            try:
                answer = self._http.request(
                    call.method, call.path, json=call.json, params=dict(call.params), headers=dict(call.headers)
                )
            except httpx.HTTPError as error:
                failure = error
            if not calls.worth_another_try(call, attempt, answer, failure):
                if failure is not None:
                    raise calls.not_reachable(failure, self._base_url) from failure
                assert answer is not None
                return answer
            time.sleep(calls.wait_before(attempt, answer))
        raise AssertionError("tries are counted")
