"""The demo as a provider: it takes submissions in evolink's words, tells how they stand, and calls back."""

import json
import time
from collections.abc import Callable
from typing import Any

from darkroom.clock import now
from darkroom.container import Container
from darkroom.demo.jobs import LONGEST_DELAY, MODEL, BadJob, Job, NoSuchJob, bounded, new_job, read_job, wishes_of
from darkroom.demo.pictures import draw
from darkroom.observability import logger
from darkroom.providers.base import Unreadable
from darkroom.providers.reading.bodies import read_object

Json = dict[str, Any]
Told = tuple[int, Json]
"""An HTTP status and a body."""

RETRY_WAITS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each try to call back: at most three retries, as evolink's callback page has it."""


class DemoProvider:
    """Both of the demo's providers. Nothing is remembered: a job's id says all of it."""

    def __init__(self, container: Container, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._container = container
        self._settings = container.settings
        self._sleep = sleep

    def submit(self, provider: str, body: bytes, function: str) -> Told:
        """Take one submission, and have its callback sent by another invocation of this `function`."""
        try:
            read = read_object(body)
            job = new_job(read, now(), self._settings.time_scale)
        except (Unreadable, BadJob) as problem:
            return _refused(400, "invalid_parameters", str(problem))
        callback_url = str(read.get("callback_url", ""))
        if not self._gave_out(provider, callback_url):
            return _refused(401, "unauthorized", "only this deployment's own submissions are taken")
        wishes = wishes_of(read["prompt"])
        if wishes.get("refuse") == provider:
            return _refused(503, "service_unavailable", "refused, as the prompt asks for")
        self._sleep(bounded(wishes.get("submit_delay"), 0.0, LONGEST_DELAY) / self._settings.time_scale)
        job_id = job.id(self._container.keys().demo())
        if not job.dropped:
            self._come_back(function, {"provider": provider, "job_id": job_id, "callback_url": callback_url})
        return 200, self._shown(job, job_id, job.made_at)

    def query(self, job_id: str) -> Told:
        """How a job stands. Its id, which nobody can guess, is all it takes to ask."""
        try:
            job = read_job(self._container.keys().demo(), job_id)
        except NoSuchJob as problem:
            return _refused(404, "task_not_found", str(problem))
        return 200, self._shown(job, job_id, now())

    def picture(self, job_id: str, name: str) -> bytes | None:
        """A PNG file of a job that is done; None where there is no such picture (yet)."""
        number = name.removesuffix(".png")
        try:
            job = read_job(self._container.keys().demo(), job_id)
        except NoSuchJob:
            return None
        if number not in map(str, range(job.n)) or job.fails or now() < job.done_at:
            return None
        return draw(job.seed + number.encode(), job.width, job.height)

    def call_back(self, provider: str, job_id: str, callback_url: str) -> bool:
        """Wait until a job is done and tell its callback address; whether anybody took it.

        No other address is ever called than one that this deployment gave out for this provider.
        """
        try:
            job = read_job(self._container.keys().demo(), job_id)
        except NoSuchJob:
            return False
        if not job.is_for(callback_url) or not self._gave_out(provider, callback_url):
            return False
        self._sleep(max(0, job.done_at - now()) / 1000)
        body = json.dumps(self._shown(job, job_id, now())).encode()
        return all(self._told(callback_url, body) for _ in range(1 + job.doubled))

    def _told(self, url: str, body: bytes) -> bool:
        from darkroom.http.errors import OutboundError
        from darkroom.http.timeout import Timeout

        headers = {"content-type": "application/json"}
        for wait in RETRY_WAITS:
            self._sleep(wait / self._settings.time_scale)
            try:
                # All tries together, after the longest job, fit into one invocation.
                timeout = Timeout(connect=1, read=3, total=3)
                answer = self._container.http().request("POST", url, headers=headers, content=body, timeout=timeout)
            except OutboundError as error:
                logger.info("callback not delivered", extra={"error_type": type(error).__name__})
                continue
            if 200 <= answer.status < 300:
                return True
            logger.info("callback refused", extra={"status": answer.status})
        return False

    def _gave_out(self, provider: str, url: str) -> bool:
        """Whether an address is a callback address that this deployment gave to this provider."""
        own = f"{self._settings.public_url}/callbacks/{provider}/"
        task_id, _, token = url.removeprefix(own).partition("/")
        return url.startswith(own) and self._container.addresses().record_of(provider, task_id, token) is not None

    def _come_back(self, function: str, message: Json) -> None:
        """Invoke this function once more, without waiting for it (AWS: Lambda, asynchronous invocation)."""
        from darkroom.aws import clients

        payload = json.dumps({"demo_callback": message}).encode()
        clients.functions().invoke(FunctionName=function, InvocationType="Event", Payload=payload)

    def _shown(self, job: Job, job_id: str, at: int) -> Json:
        """A job as evolink shows its own: submission's answer, query and callback are one body."""
        ended = at >= job.done_at
        status = ("failed" if job.fails else "completed") if ended else "pending" if at == job.made_at else "processing"
        shown: Json = {
            "created": job.made_at // 1000,
            "id": job_id,
            "model": MODEL,
            "object": "image.generation.task",
            "progress": job.progress(at),
            "status": status,
            "type": "image",
        }
        if status == "failed":
            shown["error"] = {"code": "generation_failed", "message": "failed, as the prompt asks for"}
        if status == "completed":
            base = f"{self._settings.demo_base_url}/demo/pictures/{job_id}"
            shown["results"] = [f"{base}/{number}.png" for number in range(job.n)]
        return shown


def _refused(status: int, code: str, message: str) -> Told:
    return status, {"error": {"code": code, "message": message, "type": "demo_error"}}
