"""An OpenAI-compatible reseller, simulated: pictures at once, or (model `…-queued`) a job that is looked up."""

import asyncio
import base64
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from darkroom.dialects.forms import read_form
from darkroom.dialects.refusals import Refusal
from darkroom.providers.reading.picture_data import picture_bytes
from local.simulators.jobs import Job
from local.simulators.simulator import Rejected, Simulator, Wish
from local.simulators.sizes import from_text

_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded", 402: "insufficient_quota", 404: "model_not_found"}


class OpenAiImages(Simulator):
    """Generations, edits as forms, and jobs."""

    name = "openai-images"

    def routes(self) -> list[Route]:
        return [
            Route("/images/generations", self._generate, methods=["POST"]),
            Route("/images/edits", self._edit, methods=["POST"]),
            Route("/jobs/{job_id}", self._look),
        ]

    def error(self, status: int, code: str, message: str) -> Response:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        error = {"message": message, "type": kind, "param": None, "code": _CODES.get(status, code)}
        return JSONResponse({"error": error}, 429 if status == 402 else status)

    def body(self, job: Job) -> dict[str, Any]:
        if job.request.get("response_format") == "b64_json":
            pictures = [self.picture(job, place) for place in range(job.made)]
            return {"created": int(job.created), "data": [{"b64_json": base64.b64encode(p).decode()} for p in pictures]}
        return {"created": int(job.created), "data": [{"url": link} for link in self.links(job)]}

    async def _generate(self, request: Request) -> Response:
        key = self.check_key(request)
        return await self._answer(await self.read_json(request), key)

    async def _edit(self, request: Request) -> Response:
        key = self.check_key(request)
        try:
            body = read_form(request.headers.get("content-type", ""), await request.body())
        except Refusal as refusal:
            raise Rejected(self.error(400, "invalid_form", str(refusal))) from refusal
        images = body.pop("image", [])
        sizes = [len(picture_bytes(image)) for image in (images if isinstance(images, list) else [images])]
        if not sizes:
            raise Rejected(self.error(400, "missing_required_parameter", "image is required"))
        return await self._answer({**body, "n": int(body.get("n", 1)), "files": sizes}, key)

    async def _answer(self, body: dict[str, Any], key: str) -> Response:
        job = await self.take(body, self._read(body), key, f"job_{uuid.uuid4().hex}")
        if job.model.endswith("-queued"):
            return JSONResponse(self._job(job), 202)
        await asyncio.sleep(max(0.0, job.finished - time.time()))
        if job.state == "failed":
            code = "content_policy_violation" if job.moderated else "server_error"
            return self.error(400 if job.moderated else 500, code, "rejected" if job.moderated else "it broke")
        return JSONResponse(await asyncio.to_thread(self.body, job))

    async def _look(self, request: Request) -> Response:
        self.check_key(request)
        return JSONResponse(self._job(await self.find(request.path_params["job_id"])))

    def _job(self, job: Job) -> dict[str, Any]:
        link = f"{self.base_url}/jobs/{job.job_id}"
        shown: dict[str, Any] = {"id": job.job_id, "object": "image.job", "status": job.state, "status_url": link}
        if job.state == "completed":
            shown["result"] = self.body(job)
        if job.state == "failed":
            code = "content_policy_violation" if job.moderated else "generation_failed"
            shown["error"] = {"code": code, "message": f"simulated {code}"}
        return shown

    def _read(self, body: dict[str, Any]) -> Wish:
        model, prompt, n = body.get("model"), body.get("prompt"), body.get("n", 1)
        if not isinstance(prompt, str) or not prompt:
            raise Rejected(self.error(400, "missing_required_parameter", "prompt is required"))
        if not isinstance(n, int) or not 1 <= n <= 10:
            raise Rejected(self.error(400, "invalid_value", "n must be from 1 to 10"))
        size = body.get("size", "1024x1024")
        try:
            width, height = from_text("1024x1024" if size == "auto" else size)
        except ValueError as error:
            raise Rejected(self.error(400, "invalid_value", str(error))) from error
        return Wish(str(model), prompt, n, width, height, body.get("output_format", "png"))
