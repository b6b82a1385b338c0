"""What all simulated providers share: submissions with faults, jobs, callbacks, pictures and control routes."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from local.simulators.faults import Faults, UnknownFault
from local.simulators.jobs import Delivery, Job, JobBook
from local.simulators.pictures import draw

LINK_LIFE = 24 * 3600
GARBAGE = {
    "empty": b"",
    "text": b"OK",
    "list": b"[1, 2, 3]",
    "wrong": b'{"hello": {"world": 1}}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "huge": b'{"status": "' + b"x" * 5_000_000 + b'"}',
}


class Rejected(Exception):
    """A request is refused with this answer, in the provider's own form."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class BrokenOff(Response):
    """An answer that begins and never ends: the connection is closed in its middle."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": False})


@dataclass(frozen=True)
class Wish:
    """What a submission asks for, read out of the provider's own form."""

    model: str
    prompt: str
    n: int
    width: int
    height: int
    form: str = "jpeg"
    callback_url: str = ""


class Simulator:
    """One simulated provider. Subclasses state its routes and its words."""

    name = ""
    scheme = "bearer"
    """Of its header `Authorization`."""
    retry_waits: Sequence[float] = (1, 2)
    """Seconds before each further try of a callback that got no 2xx."""

    def __init__(self, key: str = "simulator-key", latency: float = 1.0) -> None:
        self.key = key
        self.latency = latency
        self.book = JobBook()
        self.faults = Faults()
        self.base_url = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None

    # What a provider says of itself.

    def routes(self) -> list[Route]:
        """The provider's documented routes."""
        raise NotImplementedError

    def error(self, status: int, code: str, message: str) -> Response:
        """An error in the provider's own envelope."""
        raise NotImplementedError

    def body(self, job: Job) -> dict[str, Any]:
        """A job as a query shows it, and as a callback carries it."""
        raise NotImplementedError

    def signed(self, job: Job, body: bytes, sent_at: int) -> dict[str, str]:
        """The headers that say that a callback is the provider's: none, unless it signs them."""
        del job, body, sent_at
        return {}

    def shown(self, job: Job) -> dict[str, Any]:
        """The body, with the submission repeated in it where the fault `echo` asks for that."""
        body = self.body(job)
        if "echo" not in job.faults:
            return body
        repeated = {"request": job.request, "callback": job.callback_url, "links": self.links(job)}
        if isinstance(error := body.get("error"), dict):
            error["message"] = f"{error.get('message', '')} (asked for by {job.callback_url}, see {repeated['links']})"
        return {**body, "input": [repeated] * int(job.faults["echo"])}

    def fault_status(self, status: int) -> Response:
        """The answer of the fault `submit_status`."""
        words = {401: "unauthorized", 402: "insufficient_quota", 403: "forbidden", 404: "not_found"}
        words |= {
            413: "too_large",
            429: "rate_limit_exceeded",
            500: "internal_error",
            503: "service_unavailable",
        }
        return self.error(status, words.get(status, "error"), f"simulated {status}")

    def check_key(self, request: Request) -> str:
        """The key of a request. Raises `Rejected`."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != self.scheme or key != self.key:
            raise Rejected(self.error(401, "unauthorized", "Invalid or missing API key"))
        return key

    def check_keys_are_there(self) -> None:
        """Raises `Rejected` where the fault `keys_status` keeps the keys of signatures away."""
        if "keys_status" in self.faults.switches:
            raise Rejected(Response("", int(self.faults.switches["keys_status"].value)))

    # The way of a submission.

    async def read_json(self, request: Request) -> dict[str, Any]:
        """A body as an object. Raises `Rejected`."""
        try:
            content = json.loads(await request.body())
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise Rejected(self.error(400, "invalid_request", "The body is not a JSON object"))
        return content

    async def take(self, request: dict[str, Any], wish: Wish, key: str, job_id: str) -> Job:
        """Make a job of a submission, with its faults. Raises `Rejected`."""
        self.book.count("submissions")
        faults = self.faults.draw(wish.prompt)
        await asyncio.sleep(float(faults.get("submit_delay", 0)))
        if "submit_hang" in faults:
            await asyncio.sleep(60 if faults["submit_hang"] is True else float(faults["submit_hang"]))
            raise Rejected(BrokenOff())
        if "submit_status" in faults:
            self.book.count("rejected")
            raise Rejected(self.fault_status(int(faults["submit_status"])))
        if "submit_proxy_error" in faults:
            page = HTMLResponse("<html><h1>Bad gateway</h1></html>", int(faults["submit_proxy_error"]))
            raise Rejected(page)
        job = Job(
            job_id=job_id, model=wish.model, prompt=wish.prompt, n=wish.n, width=wish.width, height=wish.height,
            form=wish.form, request=request, key=key, callback_url=wish.callback_url,
            latency=float(faults.get("latency", self.latency)), faults=faults,
        )  # fmt: skip
        self.book.add(job)
        if job.callback_url:
            if "callback_first" in faults:
                job.latency = 0
                await self._call_back(job)
            else:
                self._later(self._call_back_when_done(job))
        if "submit_lost" in faults:
            raise Rejected(BrokenOff())
        if "submit_own_error" in faults:
            raise Rejected(self.fault_status(int(faults["submit_own_error"])))
        return job

    async def find(self, job_id: str) -> Job:
        """A job that a query asks about. Raises `Rejected`."""
        self.book.count("queries")
        faults = {name: switch.value for name, switch in self.faults.switches.items()}
        job = self.book.find(job_id)
        faults |= job.faults if job else {}
        if "query_hang" in faults:
            await asyncio.sleep(float(faults["query_hang"]))
        if "query_status" in faults:
            raise Rejected(self.fault_status(int(faults["query_status"])))
        if job is None:
            raise Rejected(self.error(404, "not_found", "Task not found"))
        job.queried = True
        return job

    def links(self, job: Job) -> list[str]:
        """The links to a job's pictures; a query renews them."""
        extension = "png" if job.form == "png" else "jpg"
        fresh = "?fresh=1" if job.queried else ""
        return [f"{self.base_url}/files/{job.job_id}/{place}.{extension}{fresh}" for place in range(job.made)]

    def picture(self, job: Job, place: int) -> bytes:
        """One of a job's pictures."""
        return draw(job.prompt, place, job.width, job.height, job.form)

    # Callbacks.

    async def _call_back_when_done(self, job: Job) -> None:
        if "job_stuck" in job.faults:
            return
        await asyncio.sleep(max(0.0, job.finished - time.time()) + float(job.faults.get("callback_delay", 0)))
        await self._call_back(job)

    async def _call_back(self, job: Job) -> None:
        faults = job.faults
        if "callback_drop" in faults or job.cancelled:
            return
        garbage = faults.get("callback_garbage")
        if garbage:
            await self._post(job, GARBAGE.get(str(garbage), GARBAGE["text"]))
            return
        body = json.dumps(self.shown(job)).encode()
        if "callback_stranger" in faults:
            await self._post(job, body.replace(job.job_id.encode(), job.job_id[::-1].encode()))
        if "callback_double" in faults:
            await asyncio.gather(self._post(job, body), self._post(job, body))
        else:
            await self._post(job, body)
        if "callback_late_failure" in faults:
            job.forced = "failed"
            await self._post(job, json.dumps(self.body(job)).encode())
            job.forced = ""

    async def _post(self, job: Job, body: bytes) -> None:
        """Deliver a callback by this provider's rule: again after each of its waits, until a 2xx."""
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=10, trust_env=False, limits=httpx.Limits(max_connections=20))
        for wait in (0.0, *self.retry_waits):
            await asyncio.sleep(wait)
            status = None
            self.book.count("callbacks")
            try:
                headers = {"content-type": "application/json", **self._signature(job, body)}
                answer = await self._client.post(job.callback_url, content=body, headers=headers)
                status = answer.status_code
            except httpx.HTTPError:
                pass
            job.deliveries.append(Delivery(time.time(), status))
            if status is not None and 200 <= status < 300:
                return

    def _signature(self, job: Job, body: bytes) -> dict[str, str]:
        if "callback_unsigned" in job.faults:
            return {}
        signed_body = body + b" " if "callback_forged" in job.faults else body
        return self.signed(job, signed_body, int(time.time()) - int(job.faults.get("callback_old", 0)))

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Pictures.

    async def _file(self, request: Request) -> Response:
        job = self.book.find(request.path_params["job_id"])
        place = int(request.path_params["name"].partition(".")[0])
        self.book.count("downloads")
        if job is None or place >= job.made or "image_missing" in job.faults:
            return Response("not found", 404)
        job.downloads[place] = job.downloads.get(place, 0) + 1
        stale = "image_stale" in job.faults and "fresh" not in request.query_params
        if stale or time.time() > job.finished + LINK_LIFE:
            return Response("link expired", 403)
        faults = job.faults
        if "image_redirect" in faults:
            return RedirectResponse(str(faults["image_redirect"]), 302)
        hops = int(request.query_params.get("hop", 0))
        if hops < int(faults.get("image_hops", 0)):
            return RedirectResponse(f"{request.url.path}?hop={hops + 1}&fresh=1", 302)
        await asyncio.sleep(float(faults.get("image_slow", 0)))
        if "image_endless" in faults:
            return _Endless()
        if "image_type" in faults:
            return _disguised(str(faults["image_type"]))
        content = await asyncio.to_thread(self.picture, job, place)
        if "image_truncated" in faults:
            return _Truncated(content)
        if "image_oversized" in faults:
            content += b"\0" * (64 * 1024 * 1024)
        return Response(content, media_type="image/png" if job.form == "png" else "image/jpeg")

    # Control.

    async def _set_faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.clear()
        else:
            try:
                self.faults.set(await request.json())
            except UnknownFault as error:
                return JSONResponse({"error": str(error)}, 422)
        return JSONResponse({"faults": sorted(self.faults.switches)})

    async def _show_jobs(self, request: Request) -> Response:
        del request
        return JSONResponse([_shown(job) for job in self.book.all()])

    async def _show_stats(self, request: Request) -> Response:
        del request
        return JSONResponse(self.book.counts)

    async def _reset(self, request: Request) -> Response:
        del request
        self.faults.clear()
        self.book.clear()
        return JSONResponse({})

    def app(self) -> Starlette:
        """The simulator as an ASGI app."""
        shared = [
            Route("/files/{job_id}/{name}", self._file),
            Route("/_control/faults", self._set_faults, methods=["POST", "DELETE"]),
            Route("/_control/jobs", self._show_jobs),
            Route("/_control/stats", self._show_stats),
            Route("/_control/reset", self._reset, methods=["POST"]),
        ]

        async def rejected(request: Request, error: Exception) -> Response:
            del request
            assert isinstance(error, Rejected)
            return error.response

        return Starlette(routes=[*shared, *self.routes()], exception_handlers={Rejected: rejected})


class _Truncated(Response):
    """An image whose connection is closed before its announced end."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content[: len(content) // 2], media_type="image/jpeg")
        self.headers["content-length"] = str(len(content))


class _Endless(Response):
    """An image that never ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"image/png")]})
        for _ in range(100_000):
            await send({"type": "http.response.body", "body": b"\x89PNG" * 65536, "more_body": True})


def _disguised(kind: str) -> Response:
    bodies = {
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "html": b"<!doctype html><script>alert(1)</script>",
    }
    return Response(bodies.get(kind, bodies["html"]), media_type="image/png")


def _shown(job: Job) -> dict[str, Any]:
    return {
        "id": job.job_id,
        "state": job.state,
        "model": job.model,
        "prompt": job.prompt,
        "made": job.made,
        "width": job.width,
        "height": job.height,
        "form": job.form,
        "request": job.request,
        "faults": job.faults,
        "callback_url": job.callback_url,
        "deliveries": [{"at": delivery.at, "status": delivery.status} for delivery in job.deliveries],
        "downloads": job.downloads,
    }
