"""evolink (https://api.evolink.ai): generations with a callback and a query."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from darkroom.providers.base import GenerationRequest, Ticket, Traits, Upstream, UpstreamRequest, bearer
from darkroom.providers.reading.answers import read_called_back, read_looked_up, read_query, read_submitted
from darkroom.providers.reading.bodies import read_object
from darkroom.providers.reading.refusal_codes import Topic, topic_of_code
from darkroom.providers.reading.refusals import cancelled_task, classify, failed_task, no_balance, told
from darkroom.providers.reading.reported_errors import Complaint
from darkroom.providers.reading.tasks import read_task
from darkroom.providers.reading.values import Object
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.update import Update

# A task's error codes, as its documentation groups them: an outage on its side, against the client's own doing.
_OUTAGES = frozenset({"service_error", "generation_timeout", "resource_exhausted", "service_unavailable"})
_CLIENTS = frozenset({"invalid_parameters", "image_processing_error", "image_dimension_mismatch"})
_NUMBER_WORDS = re.compile(
    r"(?i)\d|\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen)\b"
    r"|[两二三四五六七八九十]"
)


class Evolink:
    """The adapter of evolink."""

    name = "evolink"
    # `task_info.can_cancel` is shown, but no call to cancel is documented.
    traits = Traits(calls_back=True)

    def submit(self, order: GenerationRequest, upstream: Upstream) -> Update:
        """Post the generation; the answer is its task, pending."""
        request = UpstreamRequest("POST", "/v1/images/generations", headers=bearer(upstream), json=_body(order))
        return read_submitted(self.name, upstream.send(request), self._read, self._refused)

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Read one task."""
        found = {}
        for ticket in tickets:
            answer = upstream.send(self._look(ticket, upstream))
            content = read_query(self.name, answer)
            found[ticket.upstream_id] = read_looked_up(self.name, content, self._reading(ticket.upstream_id))
        return found

    def read_callback(self, body: bytes, ids: Collection[str] = ()) -> Update:
        """The callback's body is the query's (its callback page); it comes once billing is settled."""
        return read_called_back(read_object(body), self._reading(*ids))

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Not possible: no call is documented."""
        del ticket, upstream
        return False

    def _look(self, ticket: Ticket, upstream: Upstream) -> UpstreamRequest:
        return UpstreamRequest("GET", f"/v1/tasks/{ticket.upstream_id}", headers=bearer(upstream))

    def _read(self, content: Object) -> Update:
        return self._reading()(content)

    def _reading(self, *ids: str) -> Callable[[Object], Update]:
        return lambda content: read_task(content, self._failed, cancelled=self._cancelled, ids=ids)

    def _refused(self, status: int, complaint: Complaint) -> Failure:
        if "quota" in complaint.code or "insufficient" in complaint.code:
            return no_balance(self.name, complaint.code)
        return classify(self.name, status, complaint.code, complaint.message)

    def _cancelled(self, complaint: Complaint) -> Failure:
        return cancelled_task(self.name, complaint)

    def _failed(self, complaint: Complaint) -> Failure:
        code = complaint.code
        text = told(self.name, complaint.message, code or "gave no reason")
        if code == "request_cancelled":
            return self._cancelled(complaint)
        if code in _OUTAGES:
            return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, code)
        if code == "quota_exceeded":
            return no_balance(self.name, code)
        if code in _CLIENTS and topic_of_code(code) is not Topic.CONTENT:
            return Failure(ErrorCode.INVALID_REQUEST, text, upstream_code=code)
        return failed_task(self.name, complaint)


def _body(order: GenerationRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        **order.extra,
        "model": order.upstream_model,
        "prompt": _with_number(order.prompt, order.n),
        "n": order.n,
    }
    if order.shape.pixels:
        body["size"] = str(order.shape.pixels)
    elif order.shape.resolution:
        body["size"] = order.shape.resolution.value
    if order.optimize_prompt != "standard":
        body["prompt_priority"] = order.optimize_prompt
    if order.image_urls:
        body["image_urls"] = list(order.image_urls)
    if order.callback_url:
        body["callback_url"] = order.callback_url
    return body


def _with_number(prompt: str, n: int) -> str:
    """Its page asks to say the number of images in the prompt too; a prompt that names any is left as it is."""
    if n == 1 or _NUMBER_WORDS.search(prompt):
        return prompt
    return f"{prompt}\nGenerate {n} images."
