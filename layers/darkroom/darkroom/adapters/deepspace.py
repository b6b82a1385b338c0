"""deepspace (https://api.deepspaceai.net): one address, two routes, chosen by the model's name.

`…-Preferential` models answer with the pictures; the others with an id to look at. There are no callbacks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.adapters.answers import (
    Object,
    as_code,
    as_id,
    as_list,
    as_object,
    as_progress,
    as_text,
    classify,
    envelope,
    picture_data,
    pictures,
    read_accepted,
    read_query,
    refusal,
    speaks_of_content,
    told,
)
from darkroom.adapters.base import (
    Order,
    OutcomeUnknown,
    Ticket,
    Traits,
    Unreadable,
    Upstream,
    UpstreamAnswer,
    UpstreamRequest,
    bearer,
)
from darkroom.domain.failure import Disposition, ErrorCode, Failure
from darkroom.domain.update import MadeImage, Status, Update

_STATES = {"queued": Status.QUEUED, "completed": Status.COMPLETED, "failed": Status.FAILED}


class Deepspace:
    """The adapter of deepspace."""

    name = "deepspace"
    traits = Traits(calls_back=False)

    def submit(self, order: Order, upstream: Upstream) -> Update:
        """Post the generation: by the synchronous route the answer is the pictures, by the other an id."""
        body = _synchronous_body(order) if order.synchronous else _asynchronous_body(order)
        request = UpstreamRequest(
            "POST", "/v1/images/generations", headers=bearer(upstream), json=body, long=order.synchronous
        )
        answer = upstream.send(request)
        if not 200 <= answer.status < 300:
            raise refusal(self.name, answer, self._failure(answer))
        content = read_accepted(self.name, answer)
        if order.synchronous:
            return self._finished(content)
        upstream_id = as_id(content.get("id")) or as_id(content.get("task_id"))
        if not upstream_id:
            raise OutcomeUnknown("deepspace accepted without an id")
        return Update(Status.QUEUED, upstream_id)

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Read one task."""
        found = {}
        for ticket in tickets:
            path = f"/v1/images/Seedream/{ticket.upstream_id}"
            answer = upstream.send(UpstreamRequest("GET", path, headers=bearer(upstream)))
            found[ticket.upstream_id] = self._read(read_query(self.name, answer), ticket.upstream_id)
        return found

    def read_callback(self, body: bytes) -> Update:
        """deepspace never calls back."""
        del body
        raise Unreadable("deepspace has no callbacks")

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Not possible: no call is documented."""
        del ticket, upstream
        return False

    def _finished(self, content: Object) -> Update:
        images = _images(content)
        if not images:
            raise OutcomeUnknown("deepspace answered without any image")
        return Update(Status.COMPLETED, progress=100, images=images)

    def _read(self, task: Object, upstream_id: str) -> Update:
        status = _STATES.get(as_text(task.get("status")).lower(), Status.PROCESSING)
        if status is Status.COMPLETED:
            images = _images(as_object(task.get("output"))) or _images(task)
            if images:
                return Update(status, upstream_id, 100, images=images)
            nothing = Failure(ErrorCode.PROVIDER_ERROR, "deepspace: the task completed without any image.")
            return Update(Status.FAILED, upstream_id, failure=nothing)
        if status is Status.FAILED:
            return Update(status, upstream_id, failure=_task_failure(as_object(task.get("error"))))
        return Update(status, upstream_id, as_progress(task.get("progress")))

    def _failure(self, answer: UpstreamAnswer) -> Failure | None:
        error = as_object((envelope(answer) or {}).get("error"))
        if not error:
            return None
        code = as_code(error.get("code")) or as_code(error.get("type"))
        return classify(self.name, answer.status, code, error.get("message"))


def _synchronous_body(order: Order) -> dict[str, Any]:
    """Model, prompt, size, images, watermark and format: this route has neither `n` nor `quality`."""
    body: dict[str, Any] = {
        **order.extra,
        "model": order.upstream_model,
        "prompt": order.prompt,
        "watermark": order.watermark,
    }
    if order.shape.resolution:
        body["size"] = order.shape.resolution.value
    if order.image_urls:
        body["image"] = list(order.image_urls)
    if order.output_format:
        body["output_format"] = order.output_format
    return body


def _asynchronous_body(order: Order) -> dict[str, Any]:
    """A ratio and a quality: this route has no watermark."""
    body: dict[str, Any] = {
        **order.extra,
        "model": order.upstream_model,
        "prompt": order.prompt,
        "n": order.n,
        "prompt_priority": order.optimize_prompt,
    }
    if order.shape.ratio:
        body["size"] = str(order.shape.ratio)
    if order.shape.resolution:
        body["quality"] = order.shape.resolution.value
    if order.image_urls:
        body["image_urls"] = list(order.image_urls)
    return body


def _images(holder: Object) -> tuple[MadeImage, ...]:
    made: list[MadeImage] = []
    for entry in map(as_object, as_list(holder.get("data"))):
        made.extend([picture_data(entry["b64_json"])] if entry.get("b64_json") else pictures([entry.get("url")]))
    return tuple(made)


def _task_failure(error: Object) -> Failure:
    code = as_code(error.get("type")) or as_code(error.get("code"))
    message = error.get("message")
    text = told("deepspace", message)
    if speaks_of_content(code, message):
        return Failure(ErrorCode.CONTENT_POLICY, text, upstream_code=code)
    if code == "server_error":
        return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, code)
    return Failure(ErrorCode.PROVIDER_ERROR, text, upstream_code=code)
