"""chanjing, simulated: everything is HTTP 200, and the code inside says what it is."""

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.jobs import Job
from local.simulators.simulator import Rejected, Simulator, Wish
from local.simulators.sizes import from_ratio

_MODELS = {"doubao-seedream-3.0-t2i", "doubao-seedream-4.5"}
_RATIOS = {"1:1", "3:4", "4:3", "9:16", "16:9"}
_CLARITY = {1024: "1K", 2048: "2K", 4096: "4K"}
_CODES = {400: 40000, 401: 10400, 404: 40000, 429: 40001, 500: 50000, 503: 50000}
APP_ID, APP_SECRET = "simulator-app", "simulator-secret"


class Chanjing(Simulator):
    """Creations that are looked at."""

    name = "chanjing"

    def __init__(self, key: str = "simulator-key", latency: float = 1.0) -> None:
        super().__init__(key, latency)
        self._tokens: dict[str, float] = {}
        self.token_life = 3600.0

    def routes(self) -> list[Route]:
        base = "/open/v1/ai_creation/task"
        return [
            Route("/open/v1/access_token", self._token, methods=["POST"]),
            Route(f"{base}/submit", self._submit, methods=["POST"]),
            Route(f"{base}/page", self._page, methods=["POST"]),
            Route(base, self._query),
        ]

    def error(self, status: int, code: str, message: str) -> Response:
        del code
        return _answer(None, _CODES.get(status, status), message)

    def fault_status(self, status: int) -> Response:
        return self.error(status, "", f"simulated {status}")

    def check_key(self, request: Request) -> str:
        token = request.headers.get("access_token", "")
        if token != self.key and time.time() > self._tokens.get(token, 0):
            raise Rejected(_answer(None, 10400, "access_token is invalid or has expired"))
        return token

    def body(self, job: Job) -> dict[str, Any]:
        words = {"completed": "Success", "failed": "Error"}
        failed = "sensitive content" if job.moderated else "generation failed"
        return {
            "id": job.job_id,
            "unique_id": job.job_id,
            "create_time": int(job.created),
            "number_ai_creation": job.n,
            "type": 3,
            "progress_desc": words.get(job.state, "Processing"),
            "err_msg": failed if job.state == "failed" else "",
            "aspect_ratio": job.request.get("aspect_ratio", "1:1"),
            "output_url": self.links(job) if job.state == "completed" else [],
            "photo_info": {},
            "ref_img_url": job.request.get("ref_img_url", []),
            "model_code": job.model,
            "model_name": job.model,
        }

    async def _token(self, request: Request) -> Response:
        body = await self.read_json(request)
        if (body.get("app_id"), body.get("secret_key")) != (APP_ID, APP_SECRET):
            return _answer(None, 10400, "app_id or secret_key is wrong")
        token = f"token-{self.book.next_number()}"
        self._tokens[token] = time.time() + self.token_life
        self.book.count("tokens")
        return _answer({"access_token": token, "expire_in": self.token_life})

    async def _submit(self, request: Request) -> Response:
        key = self.check_key(request)
        body = await self.read_json(request)
        wish = self._read(body)
        job = await self.take(body, wish, key, f"{time.time_ns():x}{self.book.next_number():04x}")
        return _answer(job.job_id)

    async def _query(self, request: Request) -> Response:
        self.check_key(request)
        return _answer(self.body(await self.find(request.query_params.get("unique_id", ""))))

    async def _page(self, request: Request) -> Response:
        self.check_key(request)
        body = await self.read_json(request)
        ids = body.get("unique_ids")
        if not isinstance(ids, list) or len(ids) > 50:
            return _answer(None, 40000, "unique_ids must have at most 50 entries")
        self.book.count("pages")
        jobs = [job for job_id in ids if (job := self.book.find(job_id))]
        for job in jobs:
            job.queried = True
        page = {"page": body.get("page", 1), "page_size": body.get("page_size", 10), "total_count": len(jobs)}
        return _answer({"list": [self.body(job) for job in jobs], "total": len(jobs), "page_info": page})

    def _read(self, body: dict[str, Any]) -> Wish:
        model, prompt, n = body.get("model_code"), body.get("ref_prompt"), body.get("number_of_images")
        ratio, clarity = body.get("aspect_ratio", "1:1"), body.get("clarity", 2048)
        problem = None
        if model not in _MODELS:
            problem = f"unknown model_code {model}"
        elif not isinstance(prompt, str) or not prompt:
            problem = "ref_prompt is required"
        elif body.get("creation_type") != 3:
            problem = "creation_type must be 3"
        elif not isinstance(n, int) or not 1 <= n <= 4:
            problem = "number_of_images must be 1 to 4"
        elif ratio not in _RATIOS or clarity not in _CLARITY:
            problem = "aspect_ratio or clarity is not offered"
        elif model == "doubao-seedream-3.0-t2i" and body.get("ref_img_url"):
            problem = "this model takes no ref_img_url"
        if problem:
            raise Rejected(_answer(None, 40000, problem))
        width, height = from_ratio(ratio, _CLARITY[clarity])
        return Wish(str(model), str(prompt), int(n or 1), width, height)


def _answer(data: Any, code: int = 0, message: str = "success") -> Response:
    return JSONResponse({"trace_id": f"{time.time_ns():x}", "code": code, "msg": message, "data": data})
