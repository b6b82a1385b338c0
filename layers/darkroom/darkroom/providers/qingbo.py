"""qingbo (https://qingbo.dev): tasks with a callback and a query; queued tasks can be cancelled."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from darkroom.providers.base import GenerationRequest, QueryFailed, Ticket, Traits, Upstream, UpstreamRequest, bearer
from darkroom.providers.reading.answers import read_called_back, read_looked_up, read_query, read_submitted
from darkroom.providers.reading.bodies import read_object
from darkroom.providers.reading.refusals import cancelled_task, classify, failed_task
from darkroom.providers.reading.reported_errors import Complaint
from darkroom.providers.reading.tasks import read_task
from darkroom.providers.reading.values import Object
from darkroom.tasks.failure import Failure
from darkroom.tasks.update import Update


class Qingbo:
    """The adapter of qingbo."""

    name = "qingbo"
    traits = Traits(calls_back=True, can_cancel=True)

    def submit(self, order: GenerationRequest, upstream: Upstream) -> Update:
        """Post the task; the answer is its state, queued as a rule."""
        request = UpstreamRequest("POST", "/v1/tasks", headers=bearer(upstream), json=_body(order))
        return read_submitted(self.name, upstream.send(request), _reading(), _refused)

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Read one task."""
        found = {}
        for ticket in tickets:
            answer = upstream.send(UpstreamRequest("GET", f"/v1/tasks/{ticket.upstream_id}", headers=bearer(upstream)))
            content = read_query(self.name, answer)
            found[ticket.upstream_id] = read_looked_up(self.name, content, _reading(ticket.upstream_id))
        return found

    def read_callback(self, body: bytes, ids: Collection[str] = ()) -> Update:
        """The callback's body is taken to be the query's (no page says so)."""
        return read_called_back(read_object(body), _reading(*ids))

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Cancel while it is queued; later than that it refuses."""
        path = f"/v1/tasks/{ticket.upstream_id}/cancel"
        answer = upstream.send(UpstreamRequest("POST", path, headers=bearer(upstream)))
        if answer.status >= 500 or answer.status in {401, 429}:
            raise QueryFailed(f"qingbo answered {answer.status} to a cancellation")
        return 200 <= answer.status < 300


def _body(order: GenerationRequest) -> dict[str, Any]:
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


def _reading(*ids: str) -> Callable[[Object], Update]:
    return lambda content: read_task(content, _failed, cancelled=_cancelled, ids=ids)


def _refused(status: int, complaint: Complaint) -> Failure:
    return classify("qingbo", status, complaint.code, complaint.message)


def _failed(complaint: Complaint) -> Failure:
    return failed_task("qingbo", complaint)


def _cancelled(complaint: Complaint) -> Failure:
    return cancelled_task("qingbo", complaint)
