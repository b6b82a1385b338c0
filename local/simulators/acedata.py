"""acedata, simulated: a callback, a task to retrieve, or the pictures themselves."""

import asyncio
import base64
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.jobs import Job
from local.simulators.simulator import Rejected, Simulator, Wish
from local.simulators.sizes import from_text

_SETS = {"doubao-seedream-4-0-250828", "doubao-seedream-4-5-251128", "doubao-seedream-5-0-260128"}
_WORDS_ONLY = "doubao-seedream-3-0-t2i-250415"
_EDITS = "doubao-seededit-3-0-i2i-250628"
_CODES = {401: "invalid_token", 402: "used_up", 403: "used_up", 429: "too_many_requests", 500: "api_error"}


class Acedata(Simulator):
    """Images with a callback, `async`, or at once."""

    name = "acedata"

    def routes(self) -> list[Route]:
        return [
            Route("/seedream/images", self._submit, methods=["POST"]),
            Route("/seedream/tasks", self._retrieve, methods=["POST"]),
        ]

    def error(self, status: int, code: str, message: str) -> Response:
        error = {
            "code": _CODES.get(status, "api_error" if status >= 500 else "bad_request"),
            "message": message,
        }
        if code in {"moderation", "used_up"}:
            error["code"] = code
        status = 403 if status == 402 else status
        return JSONResponse({"success": False, "error": error, "trace_id": str(uuid.uuid4())}, status)

    def body(self, job: Job) -> dict[str, Any]:
        head: dict[str, Any] = {"task_id": job.job_id, "trace_id": job.job_id}
        if job.state == "failed":
            message = "sensitive content detected" if job.moderated else "generation failed"
            code = "moderation" if job.moderated else "api_error"
            return {"success": False, **head, "error": {"code": code, "message": message}}
        return {"success": True, **head, "data": self._data(job)}

    def _data(self, job: Job) -> list[dict[str, Any]]:
        size = f"{job.width}x{job.height}"
        if job.request.get("response_format") == "b64_json":
            return [
                {
                    "prompt": job.prompt,
                    "size": size,
                    "b64_json": base64.b64encode(self.picture(job, place)).decode(),
                }
                for place in range(job.made)
            ]
        return [{"prompt": job.prompt, "size": size, "image_url": link} for link in self.links(job)]

    async def _submit(self, request: Request) -> Response:
        key = self.check_key(request)
        body = await self.read_json(request)
        wish = self._read(body)
        job = await self.take(body, wish, key, str(uuid.uuid4()))
        if job.callback_url or body.get("async"):
            return JSONResponse({"success": True, "task_id": job.job_id, "trace_id": job.job_id})
        await asyncio.sleep(max(0.0, job.finished - time.time()))
        if job.state == "failed":
            if job.moderated:
                return self.error(403, "moderation", "sensitive content detected")
            return self.error(500, "api_error", "generation failed")
        return JSONResponse(await asyncio.to_thread(self.body, job))

    async def _retrieve(self, request: Request) -> Response:
        self.check_key(request)
        body = await self.read_json(request)
        if body.get("action") == "retrieve_batch":
            self.book.count("pages")
            jobs = [job for job_id in body.get("ids", []) if (job := self.book.find(job_id))]
            items = [self._task(job) for job in jobs]
            return JSONResponse({"items": items, "count": len(items)})
        return JSONResponse(self._task(await self.find(str(body.get("id", "")))))

    def _task(self, job: Job) -> dict[str, Any]:
        job.queried = True
        shown: dict[str, Any] = {
            "id": job.job_id,
            "created_at": job.created,
            "request": job.request,
            "trace_id": job.job_id,
            "type": "images",
        }
        if job.state in {"completed", "failed"}:
            shown |= {"finished_at": job.finished, "response": self.body(job)}
        return shown

    def _read(self, body: dict[str, Any]) -> Wish:
        model, prompt = body.get("model"), body.get("prompt")
        images = body.get("image", [])
        images = [images] if isinstance(images, str) else images
        sequence = body.get("sequential_image_generation", "disabled")
        options = body.get("sequential_image_generation_options", {})
        n = options.get("max_images", 15) if sequence == "auto" else 1
        problem = None
        if model not in _SETS | {_WORDS_ONLY, _EDITS}:
            problem = f"unknown model {model}"
        elif not isinstance(prompt, str) or not prompt:
            problem = "prompt is required"
        elif model == _WORDS_ONLY and images:
            problem = "this model takes no image"
        elif model == _EDITS and len(images) != 1:
            problem = "this model takes one image"
        elif model not in _SETS and sequence != "disabled":
            problem = "this model makes no sets"
        elif not isinstance(n, int) or not 1 <= n <= 15 or len(images) + n > 15:
            problem = "max_images and image together must be 1 to 15"
        elif model in _SETS and body.keys() & {"seed", "guidance_scale"}:
            problem = "seed and guidance_scale are for 3.0"
        if problem:
            raise Rejected(self.error(400, "bad_request", problem))
        try:
            width, height = from_text(body.get("size", "2K" if model in _SETS else "1024x1024"))
        except ValueError as error:
            raise Rejected(self.error(400, "bad_request", str(error))) from error
        form = body.get("output_format", "jpeg")
        return Wish(str(model), str(prompt), n, width, height, form, body.get("callback_url") or "")
