"""evolink, simulated."""

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.jobs import Job
from local.simulators.simulator import Rejected, Simulator, Wish
from local.simulators.sizes import from_ratio, from_text

# Smallest and largest area of a size, by model.
_AREAS = {
    "doubao-seedream-5.0-lite": (2560 * 1440, 3072 * 3072 + 100_000),
    "doubao-seedream-4.5": (2560 * 1440, 4096 * 4096),
    "doubao-seedream-4.0": (1280 * 720, 4096 * 4096),
    "doubao-seedream-3.0-t2i": (512 * 512, 2048 * 2048),
    "doubao-seededit-3.0-i2i": (0, 2048 * 2048),
}
_STATES = {"queued": "pending"}


class Evolink(Simulator):
    """Generations with a callback and a query."""

    name = "evolink"
    retry_waits = (1, 2, 4)  # its callback page: at most three retries

    def routes(self) -> list[Route]:
        return [
            Route("/v1/images/generations", self._submit, methods=["POST"]),
            Route("/v1/tasks/{task_id}", self._query),
        ]

    def error(self, status: int, code: str, message: str) -> Response:
        return JSONResponse({"error": {"code": code, "message": message, "type": "evo_api_error"}}, status)

    def body(self, job: Job) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "created": int(job.created),
            "id": job.job_id,
            "model": job.model,
            "object": "image.generation.task",
            "progress": job.progress,
            "status": _STATES.get(job.state, job.state),
            "task_info": {"can_cancel": job.state == "queued", "estimated_time": 45},
            "type": "image",
            "usage": {"billing_rule": "per_call", "credits_reserved": 1.8 * job.n, "user_group": "default"},
        }
        if job.state == "completed":
            shown["results"] = self.links(job)
        if job.state == "failed":
            code = "content_policy_violation" if job.moderated else str(job.faults.get("job_fail", "service_error"))
            code = "service_error" if code == "True" else code
            shown["error"] = {"code": code, "message": f"simulated {code}"}
        return shown

    async def _submit(self, request: Request) -> Response:
        key = self.check_key(request)
        body = await self.read_json(request)
        wish = self._read(body)
        number = self.book.next_number()
        job = await self.take(body, wish, key, f"task-unified-{int(time.time())}-{number:08x}")
        return JSONResponse(self.shown(job))

    async def _query(self, request: Request) -> Response:
        self.check_key(request)
        return JSONResponse(self.shown(await self.find(request.path_params["task_id"])))

    def _read(self, body: dict[str, Any]) -> Wish:
        model, prompt = body.get("model"), body.get("prompt")
        if model not in _AREAS:
            raise Rejected(self.error(404, "model_not_found", f"unknown model {model}"))
        if not isinstance(prompt, str) or not 1 <= len(prompt) <= 2100:
            raise Rejected(self.error(400, "invalid_parameters", "prompt must have 1 to 2000 characters"))
        n, references = body.get("n", 1), body.get("image_urls", [])
        if not isinstance(n, int) or not 1 <= n <= 15 or len(references) + n > 15:
            raise Rejected(self.error(400, "invalid_parameters", "n and image_urls together must be 1 to 15"))
        try:
            size = body.get("size", "2048x2048" if "seedream-3" not in model else "1024x1024")
            width, height = from_ratio(size, body.get("quality", "2K")) if ":" in size else from_text(size)
        except ValueError as error:
            raise Rejected(self.error(400, "invalid_parameters", str(error))) from error
        low, high = _AREAS[model]
        if not low <= width * height <= high or not 1 / 16 <= width / height <= 16:
            raise Rejected(self.error(400, "image_dimension_mismatch", f"size {width}x{height} is out of range"))
        callback_url = body.get("callback_url") or ""
        if len(callback_url) > 2048:
            raise Rejected(self.error(400, "invalid_parameters", "callback_url has more than 2048 characters"))
        return Wish(model, prompt, n, width, height, callback_url=callback_url)
