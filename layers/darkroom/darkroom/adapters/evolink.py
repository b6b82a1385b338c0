"""evolink (https://api.evolink.ai): generations with a callback and a query."""

import re
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
    no_balance,
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
from darkroom.domain.update import Status, Update

_STATES = {
    "pending": Status.QUEUED,
    "completed": Status.COMPLETED,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
}
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

    def submit(self, order: Order, upstream: Upstream) -> Update:
        """Post the generation; the answer is its task, pending."""
        request = UpstreamRequest("POST", "/v1/images/generations", headers=bearer(upstream), json=_body(order))
        answer = upstream.send(request)
        if not 200 <= answer.status < 300:
            raise refusal(self.name, answer, self._failure(answer))
        update = read_task(self.name, read_accepted(self.name, answer))
        if not update.upstream_id:
            raise OutcomeUnknown(f"{self.name} accepted without an id")
        return update

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Read one task."""
        found = {}
        for ticket in tickets:
            answer = upstream.send(UpstreamRequest("GET", f"/v1/tasks/{ticket.upstream_id}", headers=bearer(upstream)))
            found[ticket.upstream_id] = read_task(self.name, read_query(self.name, answer))
        return found

    def read_callback(self, body: bytes) -> Update:
        """The callback's body is the query's (its callback page); it comes once billing is settled."""
        content = read_object(body)
        if "status" not in content:
            raise Unreadable("no status")
        update = read_task(self.name, content)
        if update.status is Status.COMPLETED and not update.images:
            raise Unreadable("completed without any image")
        return update

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Not possible: no call is documented."""
        del ticket, upstream
        return False

    def _failure(self, answer: UpstreamAnswer) -> Failure | None:
        error = as_object((envelope(answer) or {}).get("error"))
        if not error:
            return None
        code = as_code(error.get("code"))
        if "quota" in code or "insufficient" in code:
            return no_balance(self.name, code)
        return classify(self.name, answer.status, code, error.get("message"))


def _body(order: Order) -> dict[str, Any]:
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


def read_task(provider: str, task: Object) -> Update:
    """A task in the words of its query and of its callback. `provider` is named in messages."""
    upstream_id = as_id(task.get("id")) or as_id(task.get("task_id"))
    status = _STATES.get(as_text(task.get("status")).lower(), Status.PROCESSING)
    progress = as_progress(task.get("progress"))
    if status is Status.COMPLETED:
        return Update(status, upstream_id, 100, images=pictures(_links(task)))
    if status in {Status.FAILED, Status.CANCELLED}:
        return Update(
            status, upstream_id, progress, failure=_task_failure(provider, as_object(task.get("error")), status)
        )
    return Update(status, upstream_id, progress)


def _links(task: Object) -> list[Any]:
    """`results` is a list of links; entries with a `url` are tolerated."""
    return [as_object(entry).get("url") or entry for entry in as_list(task.get("results"))]


def _task_failure(provider: str, error: Object, status: Status) -> Failure:
    code = as_code(error.get("code"))
    message = error.get("message")
    text = told(provider, message, code or "gave no reason")
    if status is Status.CANCELLED or code == "request_cancelled":
        return Failure(ErrorCode.CANCELLED, text, upstream_code=code)
    if code in _OUTAGES:
        return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE, code)
    if code == "quota_exceeded":
        return no_balance(provider, code)
    if code in _CLIENTS:
        return Failure(ErrorCode.INVALID_REQUEST, text, upstream_code=code)
    if speaks_of_content(code, message):
        return Failure(ErrorCode.CONTENT_POLICY, text, upstream_code=code)
    return Failure(ErrorCode.PROVIDER_ERROR, text, upstream_code=code)
