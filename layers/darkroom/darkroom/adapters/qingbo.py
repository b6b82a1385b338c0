"""qingbo (https://qingbo.dev): tasks with a callback and a query; queued tasks can be cancelled."""

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
    read_object,
    read_query,
    refusal,
    speaks_of_content,
    told,
)
from darkroom.adapters.base import (
    Order,
    OutcomeUnknown,
    QueryFailed,
    Ticket,
    Traits,
    Unreadable,
    Upstream,
    UpstreamAnswer,
    UpstreamRequest,
    bearer,
)
from darkroom.domain.failure import ErrorCode, Failure
from darkroom.domain.update import MadeImage, Status, Update

# The words of its documented states; whatever else it says, the task is still running.
_STATES = {
    "queued": Status.QUEUED,
    "pending": Status.QUEUED,
    "completed": Status.COMPLETED,
    "succeeded": Status.COMPLETED,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
}


class Qingbo:
    """The adapter of qingbo."""

    name = "qingbo"
    traits = Traits(calls_back=True, can_cancel=True)

    def submit(self, order: Order, upstream: Upstream) -> Update:
        """Post the task; the answer is its state, queued as a rule."""
        answer = upstream.send(UpstreamRequest("POST", "/v1/tasks", headers=bearer(upstream), json=_body(order)))
        if not 200 <= answer.status < 300:
            raise refusal(self.name, answer, self._failure(answer))
        update = _read(read_accepted(self.name, answer))
        if not update.upstream_id:
            raise OutcomeUnknown("qingbo accepted without a task_id")
        return update

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Read one task."""
        found = {}
        for ticket in tickets:
            answer = upstream.send(UpstreamRequest("GET", f"/v1/tasks/{ticket.upstream_id}", headers=bearer(upstream)))
            found[ticket.upstream_id] = _read(read_query(self.name, answer))
        return found

    def read_callback(self, body: bytes) -> Update:
        """The callback's body is taken to be the query's (no page says so)."""
        content = read_object(body)
        # Tolerated: the task inside `data` or `task`, as other gateways of its kind wrap it.
        inner = as_object(content.get("data")) or as_object(content.get("task")) or content
        update = _read(inner if "status" in inner else content)
        if not update.upstream_id and "status" not in content:
            raise Unreadable("neither a task_id nor a status")
        if update.status is Status.COMPLETED and not update.images:
            raise Unreadable("completed without any image")
        return update

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Cancel while it is queued; later than that it refuses."""
        path = f"/v1/tasks/{ticket.upstream_id}/cancel"
        answer = upstream.send(UpstreamRequest("POST", path, headers=bearer(upstream)))
        if answer.status >= 500 or answer.status in {401, 429}:
            raise QueryFailed(f"qingbo answered {answer.status} to a cancellation")
        return 200 <= answer.status < 300

    def _failure(self, answer: UpstreamAnswer) -> Failure | None:
        error = as_object((envelope(answer) or {}).get("error"))
        if not error:
            return None
        return classify(self.name, answer.status, as_code(error.get("code")), error.get("message"))


def _body(order: Order) -> dict[str, Any]:
    extra: dict[str, Any] = dict(order.extra)
    if order.output_format:
        extra["output_format"] = order.output_format
    if order.optimize_prompt != "standard":
        extra["optimize_prompt_options"] = {"mode": order.optimize_prompt}
    if order.web_search:
        extra["tools"] = [{"type": "web_search"}]
    extra.pop("stream", None)  # a stream would hold the submission open until the picture is there
    body: dict[str, Any] = {
        "model": order.upstream_model,
        "action": order.action.value,
        "prompt": order.prompt,
        "n": order.n,
        "watermark": order.watermark,
    }
    if order.shape.ratio:
        body["size"] = str(order.shape.ratio)
    if order.shape.resolution:
        body["resolution"] = order.shape.resolution.value
    if order.image_urls:
        body["image_urls"] = list(order.image_urls)
    if order.callback_url:
        body["callback_url"] = order.callback_url
    if extra:
        body["extra"] = extra
    return body


def _read(task: Object) -> Update:
    upstream_id = as_id(task.get("task_id")) or as_id(task.get("id"))
    status = _STATES.get(as_text(task.get("status")).lower(), Status.PROCESSING)
    progress = as_progress(task.get("progress"))
    if status is Status.COMPLETED:
        return Update(status, upstream_id, 100, images=_images(task))
    if status in {Status.FAILED, Status.CANCELLED}:
        return Update(status, upstream_id, progress, failure=_task_failure(as_object(task.get("error")), status))
    return Update(status, upstream_id, progress)


def _images(task: Object) -> tuple[MadeImage, ...]:
    """`result.images[].url` is an array of links in the newer text and one link in the older."""
    made: list[MadeImage] = []
    for image in as_list(as_object(task.get("result")).get("images")):
        if isinstance(image, str):
            made.extend(pictures([image]))
            continue
        entry = as_object(image)
        if entry.get("b64_json"):
            made.append(picture_data(entry["b64_json"]))
        else:
            url = entry.get("url")
            made.extend(pictures(url if isinstance(url, list) else [url]))
    return tuple(made)


def _task_failure(error: Object, status: Status) -> Failure:
    code = as_code(error.get("code"))
    message = error.get("message")
    if status is Status.CANCELLED:
        return Failure(ErrorCode.CANCELLED, told("qingbo", message, "the task was cancelled there"), upstream_code=code)
    kind = ErrorCode.CONTENT_POLICY if speaks_of_content(code, message) else ErrorCode.PROVIDER_ERROR
    return Failure(kind, told("qingbo", message), upstream_code=code)
