"""A deployment that is made up: it does what ours promises, or one thing wrong that it is told to."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from darkroom_client.verification.image_bytes import noise

URL = "https://api.example"
KEY, ADMIN_KEY = "dk_owner", "dk_admin"
PICTURE = noise(64, 48, b"picture")
LINK = "https://bucket.example/0.png?X-Amz-Expires=3600&X-Amz-Signature=good"


@dataclass
class Deployment:
    """Answers requests. `wrong` names what it does wrong."""

    wrong: str = ""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_key: dict[str, tuple[str, Any]] = field(default_factory=dict)
    disabled: list[str] = field(default_factory=list)

    def client(self) -> httpx.Client:
        """A client that reaches it and nothing else."""
        return httpx.Client(transport=httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        """One answer."""
        if request.url.host == "bucket.example":
            return self._bucket(request)
        path, method = request.url.path, request.method
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if path == "/health":
            return httpx.Response(503 if self.wrong == "health" else 200, headers=self._date())
        if path.startswith("/callbacks/"):
            return self._callback(path)
        if key not in {KEY, ADMIN_KEY, "dk_stranger"} and not (self.wrong == "open account" and path == "/v1/account"):
            return error(401, "this API key is not known here")
        if path.startswith("/v1/admin/keys"):
            if method == "PATCH":
                self.disabled.append(path.rpartition("/")[2])
            return httpx.Response(200, json={"api_key": "dk_stranger", "key_id": "k1"})
        if path == "/v1/account":
            return httpx.Response(200, json={"owner": "me"})
        if path == "/v1/models":
            offers = [{"provider": "evolink"}]
            return httpx.Response(200, json={"data": [{"id": "seedream-4.5", "aliases": [], "offers": offers}]})
        if path == "/v1/tasks":
            return self._tasks(request, key)
        return self._task(method, *path.removeprefix("/v1/tasks/").partition("/")[::2], key)

    def _tasks(self, request: httpx.Request, key: str) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"data": list(self.tasks.values()) if self.wrong == "open list" else []})
        body = json.loads(request.content)
        if len(request.content) > 6_291_456:
            return httpx.Response(502 if self.wrong == "sizes" else 413, json={"message": "Request Entity Too Large"})
        if self.wrong == "accept":
            return error(429, "too many open tasks")
        name = request.headers["idempotency-key"]
        if name in self.by_key and self.wrong != "idempotency":
            task_id, before = self.by_key[name]
            if before == body or self.wrong == "conflict":
                return httpx.Response(202, json=self.tasks[task_id])
            return error(409, "the Idempotency-Key was used with another body")
        task = self._new_task()
        self.by_key[name] = (task["task_id"], body)
        return httpx.Response(202, json=task)

    def _new_task(self) -> dict[str, Any]:
        sha256 = hashlib.sha256(PICTURE).hexdigest()
        image = {
            "index": 0, "status": "stored", "url": LINK, "content_type": "image/png", "bytes": len(PICTURE),
            "width": 64 + (self.wrong == "size"), "height": 48, "sha256": sha256,
        }  # fmt: skip
        failed = self.wrong == "picture"
        task: dict[str, Any] = {
            "task_id": f"task_{len(self.tasks)}", "status": "failed" if failed else "completed", "provider": "evolink",
            "images": [] if failed else [image], "error": {"message": "the provider is out"} if failed else None,
            "completed_at": 3000, "attempts": [],
        }  # fmt: skip
        self.tasks[task["task_id"]] = task
        return task

    def _task(self, method: str, task_id: str, rest: str, key: str) -> httpx.Response:
        task = self.tasks.get(task_id)
        if task is None or (key == "dk_stranger" and not (self.wrong == "another owner" and method == "GET")):
            return error(404, "There is no such task.")
        if rest == "events":
            cause = "look" if self.wrong == "callback" else "callback"
            steps = (("submitting", "submit", 0), ("images_made", cause, 2000), ("image_stored", "copy", 3000))
            told = [{"what": w, "cause": c, "at": at, "details": {"callback": True}} for w, c, at in steps]
            return httpx.Response(200, json={"data": told})
        if rest == "webhook":
            error_told = "answered 500" if self.wrong == "webhook" else None
            attempt = {"attempt": 1, "at": 3500, "status": 200, "latency_ms": 100, "error": error_told}
            return httpx.Response(200, json={"attempts": [attempt]})
        if method == "DELETE":
            if self.wrong != "deletion":
                del self.tasks[task_id]
            return httpx.Response(204)
        return httpx.Response(200, json=task)

    def _callback(self, path: str) -> httpx.Response:
        if self.wrong == "forged callback":
            return httpx.Response(200, json={"status": "ok"})
        if self.wrong == "forged and believed":
            self.tasks[path.split("/")[3]]["images"][0]["sha256"] = "attacker's"
        return error(403, "This callback address is not one that was given out.")

    def _bucket(self, request: httpx.Request) -> httpx.Response:
        if not self.tasks and self.wrong != "kept picture":
            return httpx.Response(404)
        if str(request.url) != LINK and self.wrong != "public bucket":
            return httpx.Response(403)
        content = {"damaged": PICTURE[:-1] + b"\0", "not found": b""}.get(self.wrong, PICTURE)
        status = 404 if self.wrong == "not found" else 200
        return httpx.Response(status, content=content, headers={"content-type": "image/png"})

    def _date(self) -> dict[str, str]:
        moment = time.time() - (3600 if self.wrong == "clock" else 0)
        return {"date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(moment))}


def error(status: int, message: str) -> httpx.Response:
    """An error in our envelope."""
    return httpx.Response(status, json={"error": {"code": "x", "message": message, "param": None, "request_id": "r"}})
