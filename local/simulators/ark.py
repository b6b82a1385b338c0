"""The maker's own API, simulated: the answer is the pictures, and every model refuses what it does not know."""

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

_NEWEST = (921_600, 4_624_220)
_AREAS = {
    "seedream-5-5-261028": _NEWEST, "seedream-5-0-pro-260628": _NEWEST, "seedream-5-0-flash-260915": _NEWEST,
    "seedream-5-0-260128": (3_686_400, 16_777_216), "seedream-4-5-251128": (3_686_400, 16_777_216),
    "seedream-4-0-250828": (921_600, 16_777_216),
}  # fmt: skip
"""Smallest and largest area of a size, by model."""
_CODES = {
    401: "AuthenticationError", 402: "AccountOverdueError", 403: "AccessDenied", 404: "ModelNotOpen",
    429: "ModelAccountIpmRateLimitExceeded", 500: "InternalServiceError",
}  # fmt: skip
_WORDS = {400: "BadRequest", 401: "Unauthorized", 402: "Forbidden", 403: "Forbidden", 404: "NotFound"}


class Ark(Simulator):
    """Synchronous generations, in the forms of Volcengine and of BytePlus."""

    name = "ark"

    def routes(self) -> list[Route]:
        return [Route("/images/generations", self._generate, methods=["POST"])]

    def error(self, status: int, code: str, message: str) -> Response:
        code = code if code[:1].isupper() else _CODES.get(status, "InvalidParameter")
        error = {"code": code, "message": message, "param": "", "type": _WORDS.get(status, "TooManyRequests")}
        return JSONResponse({"error": error}, 403 if status == 402 else status)

    def body(self, job: Job) -> dict[str, Any]:
        size = f"{job.width}x{job.height}"
        if job.request.get("response_format") == "b64_json":
            data = [
                {"b64_json": base64.b64encode(self.picture(job, place)).decode(), "size": size}
                for place in range(job.made)
            ]
        else:
            data = [{"url": link, "size": size} for link in self.links(job)]
        made = {"generated_images": job.made, "output_tokens": 16384 * job.made, "total_tokens": 16384 * job.made}
        return {"model": job.model, "created": int(job.created), "data": data, "usage": made}

    async def _generate(self, request: Request) -> Response:
        key = self.check_key(request)
        body = await self.read_json(request)
        job = await self.take(body, self._read(body), key, str(uuid.uuid4()))
        await asyncio.sleep(max(0.0, job.finished - time.time()))
        if job.state == "failed":
            if job.moderated:
                return self.error(400, "OutputImageSensitiveContentDetected", "The output image may contain …")
            return self.error(500, "InternalServiceError", "The service encountered an unexpected internal error.")
        return JSONResponse(await asyncio.to_thread(self.body, job))

    def _read(self, body: dict[str, Any]) -> Wish:
        model, prompt = str(body.get("model", "")), body.get("prompt")
        images = body.get("image", [])
        images = [images] if isinstance(images, str) else images
        area = _AREAS.get(model.removeprefix("doubao-").removeprefix("dola-"))
        sequence = body.get("sequential_image_generation", "disabled")
        n = body.get("sequential_image_generation_options", {}).get("max_images", 15) if sequence == "auto" else 1
        problem = None
        if area is None:
            raise Rejected(self.error(404, "InvalidEndpointOrModel.NotFound", f"The model {model} does not exist"))
        if not isinstance(prompt, str) or not prompt:
            problem = "prompt is required"
        elif area == _NEWEST and body.keys() & {"sequential_image_generation", "stream", "tools"}:
            problem = "sequential_image_generation, stream and tools are not supported by this model"
        elif area != _NEWEST and len(images) + n > 15:
            problem = "images and max_images together must be at most 15"
        elif area == _NEWEST and len(images) > 10:
            problem = "at most 10 images"
        if problem:
            raise Rejected(self.error(400, "InvalidParameter", problem))
        try:
            width, height = from_text(body.get("size", "2K"))
        except ValueError as error:
            raise Rejected(self.error(400, "InvalidParameter", str(error))) from error
        if not area[0] <= width * height <= area[1]:
            raise Rejected(self.error(400, "InvalidParameter", f"size {width}x{height} is out of range"))
        return Wish(model, str(prompt), n, width, height, body.get("output_format", "jpeg"))


class BytePlus(Ark):
    """The same at BytePlus, under models' names of its own."""

    name = "byteplus"
