"""qingbo, simulated."""

import base64
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.jobs import Job
from local.simulators.simulator import LINK_LIFE, Rejected, Simulator, Wish
from local.simulators.sizes import from_ratio

_MODELS = {"seedream-5.0": {"2K", "3K"}, "seedream-4.5": {"2K", "4K"}, "seedream-4.0": {"1K", "2K", "4K"}}
_RATIOS = {"1:1", "1:2", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9", "21:9"}
_FIELDS = {
    "model", "action", "prompt", "image_urls", "size", "resolution", "n", "watermark", "callback_url", "extra",
}  # fmt: skip


class Qingbo(Simulator):
    """Tasks with a callback, a query and a cancellation."""

    name = "qingbo"

    def routes(self) -> list[Route]:
        return [
            Route("/v1/tasks", self._submit, methods=["POST"]),
            Route("/v1/tasks/{task_id}", self._query),
            Route("/v1/tasks/{task_id}/cancel", self._cancel, methods=["POST"]),
        ]

    def error(self, status: int, code: str, message: str) -> Response:
        return JSONResponse({"error": {"message": message, "code": code}}, status)

    def body(self, job: Job) -> dict[str, Any]:
        shown: dict[str, Any] = {
            **self._head(job),
            "urls": {
                "get": f"{self.base_url}/v1/tasks/{job.job_id}",
                "cancel": f"{self.base_url}/v1/tasks/{job.job_id}/cancel",
            },
        }
        if job.state in {"completed", "failed", "cancelled"}:
            shown["completed_at"] = int(1000 * job.finished)
        if job.state == "completed":
            shown["result"] = {"images": self._images(job)}
        if job.state == "failed":
            message = "content policy violation" if job.moderated else "generation failed"
            shown["error"] = {"message": message, "code": "task_failed"}
        return shown

    def _head(self, job: Job) -> dict[str, Any]:
        return {
            "task_id": job.job_id,
            "model": job.model,
            "action": job.request.get("action", "generate"),
            "status": job.state,
            "created_at": int(1000 * job.created),
            "progress": job.progress,
        }

    def _images(self, job: Job) -> list[dict[str, Any]]:
        if job.request.get("extra", {}).get("response_format") == "b64_json":
            return [{"b64_json": base64.b64encode(self.picture(job, place)).decode()} for place in range(job.made)]
        expires_at = int(time.time()) + LINK_LIFE
        return [{"url": [link], "expires_at": expires_at} for link in self.links(job)]

    async def _submit(self, request: Request) -> Response:
        key = self.check_key(request)
        body = await self.read_json(request)
        wish = self._read(body)
        number = self.book.next_number()
        job = await self.take(body, wish, key, f"task-wave{int(1000 * time.time())}b{number:09d}")
        return JSONResponse(self._head(job))

    async def _query(self, request: Request) -> Response:
        self.check_key(request)
        return JSONResponse(self.shown(await self.find(request.path_params["task_id"])))

    async def _cancel(self, request: Request) -> Response:
        self.check_key(request)
        job = await self.find(request.path_params["task_id"])
        if job.state != "queued":
            return self.error(400, "task_not_cancellable", "Only queued tasks can be cancelled")
        job.cancelled = True
        refund = {"task_id": job.job_id, "status": "cancelled", "refunded": True, "refunded_quota": 50000}
        return JSONResponse(refund)

    def _read(self, body: dict[str, Any]) -> Wish:
        unknown = body.keys() - _FIELDS
        if unknown:
            raise Rejected(self.error(400, "invalid_request", f"unknown field {sorted(unknown)[0]}"))
        model, prompt = body.get("model"), body.get("prompt")
        if model not in _MODELS:
            raise Rejected(self.error(400, "model_not_found", f"unknown model {model}"))
        if not isinstance(prompt, str) or not prompt:
            raise Rejected(self.error(400, "invalid_request", "prompt is required"))
        n, references = body.get("n", 1), body.get("image_urls", [])
        if not isinstance(n, int) or not 1 <= n <= 15 or len(references) + n > 15:
            raise Rejected(self.error(400, "invalid_request", "n and image_urls together must be 1 to 15"))
        size, resolution = body.get("size", "1:1"), body.get("resolution", "2K")
        allowed = _RATIOS | ({"4:5", "5:4"} if model == "seedream-5.0" else set())
        if size not in allowed or resolution not in _MODELS[model]:
            raise Rejected(self.error(400, "invalid_request", f"size {size} at {resolution} is not offered"))
        width, height = from_ratio(size, resolution)
        form = body.get("extra", {}).get("output_format", "jpeg")
        return Wish(model, prompt, n, width, height, form, body.get("callback_url") or "")
