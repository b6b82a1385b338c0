"""deepspace, simulated: one address, two routes, chosen by the model's name."""

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.jobs import Job
from local.simulators.simulator import Rejected, Simulator, Wish
from local.simulators.sizes import from_ratio, from_text

_SYNCHRONOUS = {"Seedream-5.0-Lite-Preferential", "Seedream-4.5-Preferential"}
_ASYNCHRONOUS = {"Seedream-5.0-Lite", "Seedream-4.5", "Seedream-4.0"}


class Deepspace(Simulator):
    """Answers with the pictures, or with an id to look at."""

    name = "deepspace"

    def routes(self) -> list[Route]:
        return [
            Route("/v1/images/generations", self._submit, methods=["POST"]),
            Route("/v1/images/Seedream/{task_id}", self._query),
        ]

    def error(self, status: int, code: str, message: str) -> Response:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return JSONResponse({"error": {"message": message, "type": kind, "code": code}}, status)

    def body(self, job: Job) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": job.job_id,
            "object": "image.generation",
            "model": job.model,
            "status": job.state,
            "created_at": int(job.created),
        }
        if job.state == "processing":
            shown |= {"progress": job.progress, "started_at": int(job.created)}
        if job.state == "completed":
            output = {"data": [{"url": link} for link in self.links(job)]}
            shown |= {"output": output, "completed_at": int(job.finished)}
        if job.state == "failed":
            message = "The prompt violates the content policy" if job.moderated else "Internal error"
            shown["error"] = {"message": message, "type": "policy" if job.moderated else "server_error"}
        return shown

    async def _submit(self, request: Request) -> Response:
        key = self.check_key(request)
        body = await self.read_json(request)
        wish = self._read(body)
        job = await self.take(body, wish, key, f"task-{time.time_ns():x}{self.book.next_number():04x}")
        if job.model in _ASYNCHRONOUS:
            head = {"id": job.job_id, "object": "image.generation", "model": job.model}
            return JSONResponse({**head, "created_at": int(job.created)})
        await asyncio.sleep(max(0.0, job.finished - time.time()))
        if job.state == "failed":
            if job.moderated:
                return self.error(400, "content_policy_violation", "The prompt violates the content policy")
            return self.error(500, "server_error", "generation failed")
        data = [{"url": link} for link in self.links(job)]
        return JSONResponse({"data": data, "created": int(job.created), "model": job.model})

    async def _query(self, request: Request) -> Response:
        self.check_key(request)
        return JSONResponse(self.shown(await self.find(request.path_params["task_id"])))

    def _read(self, body: dict[str, Any]) -> Wish:
        model, prompt = body.get("model"), body.get("prompt")
        if model not in _SYNCHRONOUS | _ASYNCHRONOUS:
            raise Rejected(self.error(404, "model_not_found", f"unknown model {model}"))
        if not isinstance(prompt, str) or not prompt:
            raise Rejected(self.error(400, "invalid_request", "prompt is required"))
        try:
            if model in _SYNCHRONOUS:
                if body.keys() & {"n", "quality"}:
                    raise ValueError("this model takes no n and no quality")
                size = body.get("size", "2K")
                if size not in {"2K", "4K"}:
                    raise ValueError("size must be 2K or 4K")
                width, height = from_text(size)
                return Wish(model, prompt, 1, width, height, body.get("output_format", "jpeg"))
            n = body.get("n", 1)
            if not isinstance(n, int) or not 1 <= n <= 15 or len(body.get("image_urls", [])) + n > 15:
                raise ValueError("n and image_urls together must be 1 to 15")
            if "watermark" in body or body.get("quality", "2K") not in {"1K", "2K", "4K"}:
                raise ValueError("quality must be 1K, 2K or 4K, and there is no watermark")
            width, height = from_ratio(body.get("size", "1:1"), body.get("quality", "2K"))
        except ValueError as error:
            raise Rejected(self.error(400, "invalid_request", str(error))) from error
        return Wish(model, prompt, n, width, height)
