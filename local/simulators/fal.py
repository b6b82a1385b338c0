"""fal, simulated: a queue, a webhook signed with Ed25519, and the key set that it is checked by."""

import base64
import hashlib
import json
import uuid
from typing import Any

from nacl.signing import SigningKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.jobs import Job
from local.simulators.simulator import Rejected, Simulator, Wish

_STATES = {"queued": "IN_QUEUE", "processing": "IN_PROGRESS"}
MOST = 6


class Fal(Simulator):
    """The queue. Its key set is beside it, as a proxy in front of it has it."""

    name = "fal"

    def __init__(self, key: str = "simulator-key", latency: float = 1.0) -> None:
        super().__init__(key, latency)
        self._signing_keys = [SigningKey.generate()]

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/jwks.json", self._key_set),
            Route("/_control/rotate", self._rotate, methods=["POST"]),
            Route("/{owner}/{app}/requests/{job_id}/status", self._status),
            Route("/{owner}/{app}/requests/{job_id}/cancel", self._cancel, methods=["PUT"]),
            Route("/{owner}/{app}/requests/{job_id}", self._result),
            Route("/{model:path}", self._submit, methods=["POST"]),
        ]

    scheme = "key"

    def error(self, status: int, code: str, message: str) -> Response:
        if status == 402:
            return JSONResponse({"detail": "User is locked. Reason: Exhausted balance."}, 403)
        if status in {422, 500}:
            return JSONResponse({"detail": [{"loc": ["body"], "msg": message, "type": code}]}, status)
        return JSONResponse({"detail": message}, status)

    def body(self, job: Job) -> dict[str, Any]:
        """The webhook's body."""
        head: dict[str, Any] = {"request_id": job.job_id, "gateway_request_id": job.job_id}
        if job.state == "failed":
            return {**head, "status": "ERROR", "error": "Invalid status code: 422", "payload": self._problem(job)}
        return {**head, "status": "OK", "payload": self._made(job)}

    def signed(self, job: Job, body: bytes, sent_at: int) -> dict[str, str]:
        names = ("Request-Id", "User-Id", "Timestamp")
        values = (job.job_id, "user-1", str(sent_at))
        message = "\n".join([*values, hashlib.sha256(body).hexdigest()]).encode()
        signature = self._signing_keys[-1].sign(message).signature.hex()
        headers = dict(zip(names, values, strict=True)) | {"Signature": signature}
        return {f"X-Fal-Webhook-{name}": value for name, value in headers.items()}

    def _made(self, job: Job) -> dict[str, Any]:
        images = [
            {"url": link, "content_type": f"image/{job.form}", "width": job.width, "height": job.height}
            for link in self.links(job)
        ]
        return {"images": images, "seed": 42}

    def _problem(self, job: Job) -> dict[str, Any]:
        kind = "content_policy_violation" if job.moderated else "image_load_error"
        return {"detail": [{"loc": ["body", "prompt"], "msg": f"simulated {kind}", "type": kind}]}

    async def _submit(self, request: Request) -> Response:
        key = self.check_key(request)
        body = await self.read_json(request)
        wish = self._read(request.path_params["model"], body, request.query_params.get("fal_webhook", ""))
        job = await self.take(body, wish, key, str(uuid.uuid4()))
        return JSONResponse({"queue_position": 0, **self._stands(job)})

    def _stands(self, job: Job) -> dict[str, Any]:
        owner_and_app = "/".join(job.model.split("/")[:2])
        link = f"{self.base_url}/{owner_and_app}/requests/{job.job_id}"
        return {
            "status": _STATES.get(job.state, "COMPLETED"), "request_id": job.job_id, "gateway_request_id": job.job_id,
            "response_url": link, "status_url": f"{link}/status", "cancel_url": f"{link}/cancel",
        }  # fmt: skip

    async def _status(self, request: Request) -> Response:
        self.check_key(request)
        job = await self.find(request.path_params["job_id"])
        return JSONResponse(self._stands(job), 202 if job.state in _STATES else 200)

    async def _result(self, request: Request) -> Response:
        self.check_key(request)
        job = await self.find(request.path_params["job_id"])
        if job.state in _STATES:
            return JSONResponse({"detail": "Request is still in progress"}, 400)
        if job.state == "completed":
            return JSONResponse(self._made(job))
        return JSONResponse(self._problem(job), 422)

    async def _cancel(self, request: Request) -> Response:
        self.check_key(request)
        job = await self.find(request.path_params["job_id"])
        if job.state != "queued":
            return JSONResponse({"status": "ALREADY_COMPLETED"}, 400)
        job.cancelled = True
        return JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)

    async def _key_set(self, request: Request) -> Response:
        del request
        self.book.count("key sets")
        self.check_keys_are_there()
        published = [bytes(key.verify_key) for key in self._signing_keys]
        keys = [
            {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(key).decode().rstrip("=")}
            for key in published
        ]
        return JSONResponse({"keys": keys})

    async def _rotate(self, request: Request) -> Response:
        """Sign with a new key from now on."""
        del request
        self._signing_keys = [*self._signing_keys[-1:], SigningKey.generate()]
        return JSONResponse({})

    def _read(self, model: str, body: dict[str, Any], webhook: str) -> Wish:
        prompt, size, n = body.get("prompt"), body.get("image_size", "auto_2K"), body.get("num_images", 1)
        if model.count("/") < 2 or "seedream" not in model:
            raise Rejected(self.error(404, "not_found", f"Application {json.dumps(model)} not found"))
        if not isinstance(prompt, str) or not prompt:
            raise Rejected(self.error(422, "missing", "field required"))
        if not isinstance(n, int) or not 1 <= n <= MOST:
            raise Rejected(self.error(422, "less_than_equal", f"num_images must be from 1 to {MOST}"))
        if model.endswith("/edit") != bool(body.get("image_urls")):
            raise Rejected(self.error(422, "missing", "image_urls belong to edits"))
        side = {"auto_1K": 1024, "auto_2K": 2048, "auto_3K": 3072, "auto_4K": 4096}.get(str(size))
        width, height = (side, side) if side else (int(size["width"]), int(size["height"]))
        return Wish(model, prompt, n, width, height, body.get("output_format", "png"), webhook)
