"""kie, simulated: jobs whose callback is signed over id and time alone, where a key for that is switched on."""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.jobs import Job
from local.simulators.simulator import Rejected, Simulator, Wish
from local.simulators.sizes import from_ratio

_STATES = {"queued": "queuing", "processing": "generating", "completed": "success", "failed": "fail"}
_CLASSES = {
    "seedream/5-pro": {"basic": "1K", "high": "2K"},
    "seedream/5-lite": {"basic": "2K", "high": "3K", "ultra": "4K"},
    "seedream/4.5": {"basic": "2K", "high": "4K"},
}
HMAC_KEY = "kie-hmac-key"


class Kie(Simulator):
    """Tasks and records."""

    name = "kie"

    def routes(self) -> list[Route]:
        return [
            Route("/jobs/createTask", self._create, methods=["POST"]),
            Route("/jobs/recordInfo", self._record),
        ]

    def error(self, status: int, code: str, message: str) -> Response:
        """Its errors come as 200, with the status inside."""
        del code
        return JSONResponse({"code": status, "msg": message, "data": None})

    def body(self, job: Job) -> dict[str, Any]:
        links = json.dumps({"resultUrls": self.links(job)}) if job.state == "completed" else ""
        failed = job.state == "failed"
        message = "flagged as violating content policies" if job.moderated else "Generation failed"
        data = {
            "taskId": job.job_id, "model": job.model, "param": json.dumps(job.request), "state": _STATES[job.state],
            "resultJson": links, "failCode": "501" if failed else None, "failMsg": message if failed else None,
            "createTime": int(job.created * 1000),
        }  # fmt: skip
        return {"code": 200, "msg": "success", "data": data}

    def signed(self, job: Job, body: bytes, sent_at: int) -> dict[str, str]:
        del body
        digest = hmac.new(HMAC_KEY.encode(), f"{job.job_id}.{sent_at}".encode(), hashlib.sha256).digest()
        return {"X-Webhook-Timestamp": str(sent_at), "X-Webhook-Signature": base64.b64encode(digest).decode()}

    async def _create(self, request: Request) -> Response:
        key = self.check_key(request)
        body = await self.read_json(request)
        job = await self.take(body, self._read(body), key, secrets.token_hex(16))
        return JSONResponse({"code": 200, "msg": "success", "data": {"taskId": job.job_id}})

    async def _record(self, request: Request) -> Response:
        self.check_key(request)
        return JSONResponse(self.shown(await self.find(request.query_params.get("taskId", ""))))

    def _read(self, body: dict[str, Any]) -> Wish:
        given = body.get("input") if isinstance(body.get("input"), dict) else {}
        assert isinstance(given, dict)
        model, prompt = str(body.get("model", "")), given.get("prompt")
        classes = next((known for begins, known in _CLASSES.items() if model.startswith(begins)), None)
        if classes is None:
            raise Rejected(self.error(422, "", "The model name you specified is not supported."))
        if not isinstance(prompt, str) or not prompt:
            raise Rejected(self.error(422, "", "prompt is required"))
        if given.get("quality") not in classes:
            raise Rejected(self.error(422, "", "quality is not within the range of allowed options"))
        try:
            width, height = from_ratio(given.get("aspect_ratio", ""), classes[given["quality"]])
        except ValueError as error:
            raise Rejected(self.error(422, "", "aspect_ratio is not within the range of allowed options")) from error
        return Wish(model, prompt, 1, width, height, given.get("output_format", "png"), body.get("callBackUrl") or "")
