"""wavespeed, simulated: predictions under their models' paths, and a webhook signed in a way of its own."""

import hashlib
import hmac
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.jobs import Job
from local.simulators.simulator import Rejected, Simulator, Wish

_STATES = {"queued": "created"}
_LEAST = {"bytedance/seedream-v4.5": 3_686_400, "bytedance/seedream-v4": 921_600}


class Wavespeed(Simulator):
    """Predictions of the maker's models."""

    name = "wavespeed"

    def __init__(self, key: str = "simulator-key", latency: float = 1.0) -> None:
        super().__init__(key, latency)
        self._secret = f"whsec_{secrets.token_hex(16)}"

    def routes(self) -> list[Route]:
        return [
            Route("/webhook/secret", self._show_secret),
            Route("/predictions/{job_id}/result", self._look),
            Route("/{model:path}", self._submit, methods=["POST"]),
        ]

    def error(self, status: int, code: str, message: str) -> Response:
        del code
        return JSONResponse({"code": status, "message": message}, status)

    def body(self, job: Job) -> dict[str, Any]:
        problem = "Content flagged as potentially sensitive." if job.moderated else "the model gave up"
        return {
            "id": job.job_id, "model": job.model, "input": job.request, "has_nsfw_contents": [],
            "outputs": self.links(job) if job.state == "completed" else [],
            "status": _STATES.get(job.state, job.state), "error": problem if job.state == "failed" else "",
            "urls": {"get": f"{self.base_url}/predictions/{job.job_id}/result"},
        }  # fmt: skip

    def signed(self, job: Job, body: bytes, sent_at: int) -> dict[str, str]:
        message = f"{job.job_id}.{sent_at}.".encode() + body
        digest = hmac.new(self._secret.removeprefix("whsec_").encode(), message, hashlib.sha256).hexdigest()
        return {"webhook-id": job.job_id, "webhook-timestamp": str(sent_at), "webhook-signature": f"v3,{digest}"}

    async def _submit(self, request: Request) -> Response:
        key = self.check_key(request)
        body = await self.read_json(request)
        wish = self._read(request.path_params["model"], body, request.query_params.get("webhook", ""))
        job = await self.take(body, wish, key, secrets.token_hex(16))
        return JSONResponse({"code": 200, "message": "success", "data": self.body(job)})

    async def _look(self, request: Request) -> Response:
        self.check_key(request)
        job = await self.find(request.path_params["job_id"])
        return JSONResponse({"code": 200, "message": "success", "data": self.shown(job)})

    async def _show_secret(self, request: Request) -> Response:
        self.check_key(request)
        self.check_keys_are_there()
        return JSONResponse({"code": 200, "message": "success", "data": {"secret": self._secret}})

    def _read(self, model: str, body: dict[str, Any], webhook: str) -> Wish:
        prompt = body.get("prompt")
        name, _, form = model.removeprefix("bytedance/").partition("/")
        least = _LEAST.get(f"bytedance/{name}")
        if least is None or form not in {"", "edit", "sequential", "edit-sequential"}:
            raise Rejected(self.error(404, "", "product not found"))
        if not isinstance(prompt, str) or not prompt:
            raise Rejected(self.error(400, "", "prompt is required"))
        if form.startswith("edit") != bool(body.get("images")):
            raise Rejected(self.error(400, "", "images belong to edits"))
        width, _, height = str(body.get("size", "2048*2048")).partition("*")
        if not least <= int(width) * int(height) <= 16_777_216:
            raise Rejected(self.error(400, "", f"size {width}*{height} is out of range"))
        return Wish(model, prompt, int(body.get("max_images", 1)), int(width), int(height), callback_url=webhook)
