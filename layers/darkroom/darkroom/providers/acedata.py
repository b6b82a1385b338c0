"""acedata (https://api.acedata.cloud): images with a callback and a query; without either the answer is the images."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from darkroom.providers.base import GenerationRequest, OutcomeUnknown, Ticket, Traits, Upstream, UpstreamRequest, bearer
from darkroom.providers.reading.answers import entries_of, read_called_back, read_looked_up, read_query, read_submitted
from darkroom.providers.reading.bodies import read_object
from darkroom.providers.reading.refusals import cancelled_task, classify, no_balance, speaks_of_content, told
from darkroom.providers.reading.reported_errors import Complaint
from darkroom.providers.reading.tasks import read_task
from darkroom.providers.reading.values import Object
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.update import Update


class Acedata:
    """The adapter of acedata."""

    name = "acedata"
    traits = Traits(calls_back=True, page_size=50, accepts_data_uris=True)

    def submit(self, order: GenerationRequest, upstream: Upstream) -> Update:
        """Post the request: with a callback or `async` the answer is a task id, else the pictures."""
        request = UpstreamRequest(
            "POST", "/seedream/images", headers=bearer(upstream), json=_body(order), long=order.synchronous
        )
        update = read_submitted(self.name, upstream.send(request), _reading(), _refused)
        if order.synchronous and not update.status.terminal:
            raise OutcomeUnknown("acedata answered without any result")
        return update

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Retrieve one task, or many in one call."""
        ids = [ticket.upstream_id for ticket in tickets]
        body: dict[str, Any] = (
            {"id": ids[0], "action": "retrieve"} if len(ids) == 1 else {"ids": ids, "action": "retrieve_batch"}
        )
        request = UpstreamRequest("POST", "/seedream/tasks", headers=bearer(upstream), json=body)
        content = read_query(self.name, upstream.send(request))
        if len(tickets) == 1:
            return {ids[0]: read_looked_up(self.name, content, _reading(ids[0]))}
        updates = map(_reading(*ids), entries_of(content))
        return {update.upstream_id: update for update in updates if update.upstream_id in ids}

    def read_callback(self, body: bytes, ids: Collection[str] = ()) -> Update:
        """The callback's body is the synchronous answer's."""
        return read_called_back(read_object(body), _reading(*ids))

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Not possible: no call is documented."""
        del ticket, upstream
        return False


def _body(order: GenerationRequest) -> dict[str, Any]:
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


def _options(order: GenerationRequest) -> dict[str, Any]:
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


def _reading(*ids: str) -> Callable[[Object], Update]:
    return lambda content: read_task(content, _failed, cancelled=_cancelled, ids=ids)


def _cancelled(complaint: Complaint) -> Failure:
    return cancelled_task("acedata", complaint)


def _failed(complaint: Complaint) -> Failure:
    return _refused(400, complaint)


def _refused(status: int, complaint: Complaint) -> Failure:
    """An error by its documented code; the status decides where the code is not one of those."""
    code, message = complaint.code, complaint.message
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
