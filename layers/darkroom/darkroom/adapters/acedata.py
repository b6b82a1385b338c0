"""acedata (https://api.acedata.cloud): images with a callback and a query; without either the answer is the images."""

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.adapters.answers import (
    Object,
    as_code,
    as_id,
    as_list,
    as_object,
    classify,
    envelope,
    no_balance,
    picture_data,
    pictures,
    read_accepted,
    read_object,
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


class Acedata:
    """The adapter of acedata."""

    name = "acedata"
    traits = Traits(calls_back=True, page_size=50, accepts_data_uris=True)

    def submit(self, order: Order, upstream: Upstream) -> Update:
        """Post the request: with a callback or `async` the answer is a task id, else the pictures."""
        request = UpstreamRequest(
            "POST", "/seedream/images", headers=bearer(upstream), json=_body(order), long=order.synchronous
        )
        answer = upstream.send(request)
        if not 200 <= answer.status < 300:
            raise refusal(self.name, answer, self._refusal(answer))
        content = read_accepted(self.name, answer)
        update = _read_result(content)
        if order.synchronous:
            if update is None:
                raise OutcomeUnknown("acedata answered without any result")
            return update
        if not _task_id(content):
            raise OutcomeUnknown("acedata accepted without a task_id")
        return update or Update(Status.QUEUED, _task_id(content))

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Retrieve one task, or many in one call."""
        ids = [ticket.upstream_id for ticket in tickets]
        body: dict[str, Any] = (
            {"id": ids[0], "action": "retrieve"} if len(ids) == 1 else {"ids": ids, "action": "retrieve_batch"}
        )
        request = UpstreamRequest("POST", "/seedream/tasks", headers=bearer(upstream), json=body)
        content = read_query(self.name, upstream.send(request))
        entries = [content] if len(ids) == 1 else [as_object(item) for item in as_list(content.get("items"))]
        return {as_id(entry.get("id")): _read_task(entry) for entry in entries if as_id(entry.get("id")) in ids}

    def read_callback(self, body: bytes) -> Update:
        """The callback's body is the synchronous answer's."""
        content = read_object(body)
        update = _read_result(content)
        if update is None:
            raise Unreadable("neither images nor an error")
        return update

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Not possible: no call is documented."""
        del ticket, upstream
        return False

    def _refusal(self, answer: UpstreamAnswer) -> Failure | None:
        error = as_object((envelope(answer) or {}).get("error"))
        return _classified(error, answer.status) if error else None


def _body(order: Order) -> dict[str, Any]:
    body: dict[str, Any] = {
        **order.extra,
        "model": order.upstream_model,
        "prompt": order.prompt,
        "watermark": order.watermark,
    }
    if order.shape.pixels:
        body["size"] = str(order.shape.pixels)
    elif order.shape.resolution:
        body["size"] = order.shape.resolution.value
    elif order.shape.adaptive:
        body["size"] = "adaptive"
    if order.image_urls:
        body["image"] = order.image_urls[0] if len(order.image_urls) == 1 else list(order.image_urls)
    if order.n > 1:
        # Several pictures are a set of related ones here, and `max_images` is a limit, not a promise.
        body["sequential_image_generation"] = "auto"
        body["sequential_image_generation_options"] = {"max_images": order.n}
    body.update(_options(order))
    body.pop("stream", None)  # a stream would hold the submission open until the picture is there
    if order.callback_url:
        body["callback_url"] = order.callback_url
    elif not order.synchronous:
        body["async"] = True
    return body


def _options(order: Order) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if order.seed != -1:
        options["seed"] = order.seed
    if order.guidance_scale is not None:
        options["guidance_scale"] = order.guidance_scale
    if order.output_format:
        options["output_format"] = order.output_format
    if order.web_search:
        options["tools"] = [{"type": "web_search"}]
    if order.optimize_prompt != "standard":
        options["optimize_prompt_options"] = {"mode": order.optimize_prompt}
    return options


def _task_id(content: Object) -> str:
    return as_id(content.get("task_id")) or as_id(content.get("id"))


def _read_task(entry: Object) -> Update:
    """A retrieved task: its `response` is the result, absent or empty while it runs (its client reads it so)."""
    upstream_id = as_id(entry.get("id"))
    update = _read_result(as_object(entry.get("response")))
    if update is not None:
        return Update(update.status, upstream_id, update.progress, update.images, update.failure)
    if entry.get("finished_at"):
        nothing = Failure(ErrorCode.PROVIDER_ERROR, "acedata: the task finished without any image.")
        return Update(Status.FAILED, upstream_id, failure=nothing)
    return Update(Status.PROCESSING, upstream_id)


def _read_result(content: Object) -> Update | None:
    """A result body: pictures, or an error, or None where it says neither (the task has only begun)."""
    upstream_id = _task_id(content)
    images = _images(content)
    if images:
        return Update(Status.COMPLETED, upstream_id, 100, images=images)
    error = as_object(content.get("error"))
    if content.get("success") is False and error:
        return Update(Status.FAILED, upstream_id, failure=_classified(error, 400))
    return None


def _images(content: Object) -> tuple[MadeImage, ...]:
    made: list[MadeImage] = []
    for entry in map(as_object, as_list(content.get("data"))):
        data = entry.get("b64_json") or entry.get("image_base64")
        if data:
            made.append(picture_data(data))
        elif as_object(entry.get("error")):
            # As at the origin, one of several pictures can fail by itself.
            made.append(MadeImage(failure=_classified(as_object(entry["error"]), 400)))
        else:
            made.extend(pictures([entry.get("image_url") or entry.get("url")]))
    return tuple(made)


def _classified(error: Object, status: int) -> Failure:
    """An error by its documented code; the status decides where the code is not one of those."""
    code = as_code(error.get("code"))
    message = error.get("message")
    if code == "used_up":
        return no_balance("acedata", code)
    if code in {"no_token", "invalid_token", "token_expired", "disabled"}:
        return classify("acedata", 401, code, message)
    if code == "too_many_requests":
        return classify("acedata", 429, code, message)
    if code == "api_error" and not speaks_of_content(message):
        return Failure(ErrorCode.PROVIDER_UNAVAILABLE, told("acedata", message), Disposition.ELSEWHERE, code)
    if status == 403:
        # Its 403 beside `disabled` and `used_up` is moderation.
        return Failure(ErrorCode.CONTENT_POLICY, told("acedata", message), Disposition.FINAL, code)
    return classify("acedata", status, code, message)
