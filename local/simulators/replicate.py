"""replicate, simulated: predictions, a webhook by Standard Webhooks, and the account's secret for it."""

import asyncio
import base64
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.jobs import Job
from local.simulators.simulator import Rejected, Simulator, Wish
from local.simulators.sizes import from_ratio, from_text

_STATES = {"queued": "starting", "completed": "succeeded", "cancelled": "canceled"}
_SETS = {"bytedance/seedream-4", "bytedance/seedream-4.5", "bytedance/seedream-5-lite"}


class Replicate(Simulator):
    """Predictions of the maker's models."""

    name = "replicate"
    scheme = "bearer"

    def __init__(self, key: str = "simulator-key", latency: float = 1.0) -> None:
        super().__init__(key, latency)
        self._secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"

    def routes(self) -> list[Route]:
        return [
            Route("/models/{owner}/{model}/predictions", self._predict, methods=["POST"]),
            Route("/predictions/{job_id}", self._look),
            Route("/predictions/{job_id}/cancel", self._cancel, methods=["POST"]),
            Route("/webhooks/default/secret", self._show_secret),
        ]

    def error(self, status: int, code: str, message: str) -> Response:
        return JSONResponse({"title": code, "detail": message, "status": status}, status)

    def body(self, job: Job) -> dict[str, Any]:
        link = f"{self.base_url}/predictions/{job.job_id}"
        failed = job.state == "failed"
        problem = "flagged as sensitive. (E005)" if job.moderated else "the model gave up (E004)"
        return {
            "id": job.job_id, "model": job.model, "input": job.request.get("input"), "logs": "",
            "output": self.links(job) if job.state == "completed" else None,
            "error": f"The input or output was {problem}" if failed else None,
            "status": _STATES.get(job.state, job.state), "urls": {"get": link, "cancel": f"{link}/cancel"},
            "created_at": datetime.fromtimestamp(job.created, UTC).isoformat(),
        }  # fmt: skip

    def signed(self, job: Job, body: bytes, sent_at: int) -> dict[str, str]:
        message = f"msg_{job.job_id}"
        signature = Webhook(self._secret).sign(message, datetime.fromtimestamp(sent_at, UTC), body.decode())
        return {"webhook-id": message, "webhook-timestamp": str(sent_at), "webhook-signature": signature}

    async def _predict(self, request: Request) -> Response:
        key = self.check_key(request)
        body = await self.read_json(request)
        model = f"{request.path_params['owner']}/{request.path_params['model']}"
        job = await self.take(body, self._read(model, body), key, secrets.token_hex(13))
        if request.headers.get("prefer", "").startswith("wait"):
            await asyncio.sleep(min(60, max(0.0, job.finished - time.time())))
        return JSONResponse(self.shown(job), 201)

    async def _look(self, request: Request) -> Response:
        self.check_key(request)
        return JSONResponse(self.shown(await self.find(request.path_params["job_id"])))

    async def _cancel(self, request: Request) -> Response:
        self.check_key(request)
        job = await self.find(request.path_params["job_id"])
        job.cancelled = job.cancelled or job.state in {"queued", "processing"}
        return JSONResponse(self.shown(job))

    async def _show_secret(self, request: Request) -> Response:
        self.check_key(request)
        self.check_keys_are_there()
        return JSONResponse({"key": self._secret})

    def _read(self, model: str, body: dict[str, Any]) -> Wish:
        given = body.get("input") if isinstance(body.get("input"), dict) else {}
        assert isinstance(given, dict)
        prompt, n = given.get("prompt"), given.get("max_images", 1)
        if not model.startswith("bytedance/seedream"):
            raise Rejected(self.error(404, "Not found", "The requested resource could not be found."))
        if not isinstance(prompt, str) or not prompt:
            raise Rejected(self.error(422, "Input validation failed", "- input: prompt is required"))
        if n > 1 and model not in _SETS:
            raise Rejected(self.error(422, "Input validation failed", "- input: max_images is not allowed"))
        ratio = given.get("aspect_ratio", "1:1")
        try:
            if given.get("size") == "custom":
                width, height = int(given["width"]), int(given["height"])
            elif ratio == "match_input_image":
                width, height = from_text(given.get("size", "2K"))
            else:
                width, height = from_ratio(ratio, given.get("size", "2K"))
        except (KeyError, ValueError) as error:
            raise Rejected(self.error(422, "Input validation failed", f"- input.size: {error}")) from error
        return Wish(model, prompt, n, width, height, given.get("output_format", "jpeg"), body.get("webhook") or "")
