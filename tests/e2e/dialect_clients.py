"""What a client of each provider does, in the provider's own calls: submit, poll, fetch. Only the host is ours."""

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.unit.dialects.tasks import MODELS


class DialectClient:
    """A client of one dialect with one key."""

    def __init__(self, base_url: str, dialect: str, key: str, timeout: float = 60) -> None:
        headers = {"access_token": key} if dialect == "chanjing" else {"authorization": f"Bearer {key}"}
        self.dialect = dialect
        self.http = httpx.Client(base_url=f"{base_url}/{dialect}/", headers=headers, timeout=timeout, trust_env=False)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(path.lstrip("/"), json=body, headers=named)

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.http.get(path.lstrip("/"), params=query or None)

    def submit(self, body: dict[str, Any]) -> httpx.Response:
        """Post a submission: the body's fields beside the model and a prompt."""
        return self.post(*submission(self.dialect, body))

    def look(self, task_id: str) -> dict[str, Any]:
        """The dialect's look-up of a task."""
        return _body(LOOKS[self.dialect](self, task_id))

    def finish(self, body: dict[str, Any], patience: float = 45) -> list[str]:
        """Make pictures as the provider's documents say, and return their links (or data)."""
        answer = self.submit(body)
        first = _body(answer)
        if self.dialect in READY and not _accepted_only(self.dialect, first):
            return READY[self.dialect](first)
        task_id = ID[self.dialect](first)
        ends_at = time.monotonic() + patience
        while time.monotonic() < ends_at:
            found = DONE[self.dialect](self.look(task_id))
            if found is not None:
                return found
            time.sleep(0.2)
        raise AssertionError(f"not done after {patience} s: {self.look(task_id)}")


def submission(dialect: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Path and body of a submission."""
    if dialect == "chanjing":
        base = {"ref_prompt": "a fox", "creation_type": 3, "number_of_images": 1, "model_code": MODELS[dialect]}
        return "/open/v1/ai_creation/task/submit", {**base, **body}
    paths = {
        "qingbo": "/v1/tasks",
        "acedata": "/seedream/images",
        "ark": "/api/v3/images/generations",
    }
    return paths.get(dialect, "/v1/images/generations"), {"model": MODELS[dialect], "prompt": "a fox", **body}


LOOKS: dict[str, Callable[[DialectClient, str], httpx.Response]] = {
    "qingbo": lambda client, task_id: client.get(f"/v1/tasks/{task_id}"),
    "evolink": lambda client, task_id: client.get(f"/v1/tasks/{task_id}"),
    "chanjing": lambda client, task_id: client.get("/open/v1/ai_creation/task", unique_id=task_id),
    "deepspace": lambda client, task_id: client.get(f"/v1/images/Seedream/{task_id}"),
    "acedata": lambda client, task_id: client.post("/seedream/tasks", {"id": task_id, "action": "retrieve"}),
}
ID: dict[str, Callable[[Any], str]] = {
    "qingbo": lambda body: str(body["task_id"]),
    "evolink": lambda body: str(body["id"]),
    "chanjing": lambda body: str(body["data"]),
    "deepspace": lambda body: str(body["id"]),
    "acedata": lambda body: str(body["task_id"]),
}
READY: dict[str, Callable[[Any], list[str]]] = {
    "deepspace": lambda body: [each["url"] for each in body["data"]],
    "acedata": lambda body: [each.get("image_url") or each["b64_json"] for each in body["data"]],
    "openai": lambda body: [each.get("url") or each["b64_json"] for each in body["data"]],
    "ark": lambda body: [each.get("url") or each["b64_json"] for each in body["data"]],
}


def _accepted_only(dialect: str, body: Any) -> bool:
    return dialect in {"deepspace", "acedata"} and "data" not in body


def _qingbo_done(body: Any) -> list[str] | None:
    assert body["status"] in {"queued", "processing", "completed"}, body
    if body["status"] != "completed":
        return None
    return [each["url"][0] if "url" in each else each["b64_json"] for each in body["result"]["images"]]


def _evolink_done(body: Any) -> list[str] | None:
    assert body["status"] in {"pending", "processing", "completed"}, body
    return list(body["results"]) if body["status"] == "completed" else None


def _chanjing_done(body: Any) -> list[str] | None:
    assert body["data"]["progress_desc"] in {"Queued", "Generating", "Success"}, body
    return list(body["data"]["output_url"]) if body["data"]["progress_desc"] == "Success" else None


def _deepspace_done(body: Any) -> list[str] | None:
    assert body["status"] in {"queued", "processing", "completed"}, body
    return [each["url"] for each in body["output"]["data"]] if body["status"] == "completed" else None


def _acedata_done(body: Any) -> list[str] | None:
    if "finished_at" not in body:
        return None
    assert body["response"]["success"], body
    return READY["acedata"](body["response"])


DONE: dict[str, Callable[[Any], list[str] | None]] = {
    "qingbo": _qingbo_done,
    "evolink": _evolink_done,
    "chanjing": _chanjing_done,
    "deepspace": _deepspace_done,
    "acedata": _acedata_done,
}


def content(picture: str) -> bytes:
    """The bytes of a picture that came as a link or as base64."""
    if not picture.startswith("http"):
        return base64.b64decode(picture)
    answer = httpx.get(picture, trust_env=False)
    assert answer.status_code == 200, picture
    return answer.content


def _body(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@contextmanager
def server_sent(client: DialectClient, body: dict[str, Any]) -> Iterator[Iterator[str]]:
    """The lines of a stream."""
    path, whole = submission(client.dialect, {**body, "stream": True})
    with client.http.stream("POST", path.lstrip("/"), json=whole) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"] == "text/event-stream"
        yield answer.iter_lines()
