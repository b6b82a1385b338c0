"""What every adapter is: one provider's requests, and what its answers mean; the way from one to the other is here.

A new provider says where it is asked (`submission`, `poll`), and overrides what it has of its own.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from darkroom.providers.base import (
    GenerationRequest,
    OutcomeUnknown,
    QueryFailed,
    Ticket,
    Traits,
    Unreadable,
    Upstream,
    UpstreamAnswer,
    UpstreamRequest,
)
from darkroom.providers.reading.answers import read_called_back, read_polled, read_query, read_submitted
from darkroom.providers.reading.bodies import read_object
from darkroom.providers.reading.links import path_within
from darkroom.providers.reading.refusals import cancelled_task, classify, failed_task
from darkroom.providers.reading.reported_errors import ReportedError
from darkroom.providers.reading.tasks import read_task
from darkroom.providers.reading.values import Object
from darkroom.providers.signatures import Authenticity, is_recent
from darkroom.tasks.failure import Failure
from darkroom.tasks.update import Update


class Adapter:
    """One provider. Pure translation: it never opens a connection, it is handed an `Upstream`."""

    traits: Traits
    poll_links: Sequence[str] = ()
    """The fields of an acceptance in which the provider says where the task is to be asked about."""

    signature_headers: Sequence[str] = ()
    """The headers that a signed callback has, in small letters: without any of them it is not signed."""
    timestamp_header = ""
    """The one of them that says when it was signed, in Unix seconds."""

    def __init__(self, name: str) -> None:
        self.name = name

    def submission(self, generation: GenerationRequest) -> UpstreamRequest:
        """The HTTP request that submits a generation; its credential is added where it is sent."""
        raise NotImplementedError

    def poll(self, ticket: Ticket) -> UpstreamRequest:
        """The HTTP request that asks how one task stands. Raises `QueryFailed` where there is nothing to ask."""
        raise QueryFailed(f"{self.name} has nothing to ask about {ticket.upstream_id}")

    def authorization(self, upstream: Upstream) -> Mapping[str, str]:
        """The headers that carry the credential: as most providers take it, unless overridden."""
        return {"authorization": f"Bearer {upstream.credential['api_key']}"}

    def refused(self, status: int, reported: ReportedError) -> Failure:
        """What a refusal with this HTTP status and these words means."""
        return classify(self.name, status, reported.code, reported.message)

    def failed(self, reported: ReportedError) -> Failure:
        """What it means that a task which was accepted failed with these words."""
        return failed_task(self.name, reported)

    def cancelled(self, reported: ReportedError) -> Failure:
        """What it means that a task was cancelled there."""
        return cancelled_task(self.name, reported)

    def submit(self, generation: GenerationRequest, upstream: Upstream) -> Update:
        """Submit once. Returns QUEUED or PROCESSING with an `upstream_id`, or (synchronous forms) the end.

        Raises `Refused` or `OutcomeUnknown`; an answer that can't be read is `OutcomeUnknown`.
        """
        answer = self.send(self.submission(generation), upstream)
        update = self.read_submission(answer, generation)
        if not self.poll_links or update.status.terminal:
            return update
        return replace(update, poll_path=path_within(upstream.address, read_object(answer.body), self.poll_links))

    def read_submission(self, answer: UpstreamAnswer, generation: GenerationRequest) -> Update:
        """What the answer to a submission says. Raises `Refused` or `OutcomeUnknown`."""
        update = read_submitted(self.name, answer, self.reading(), self.refused)
        waits = generation.synchronous or self.traits.synchronous_only
        if waits and not update.status.terminal and not self.traits.answers_with_jobs:
            raise OutcomeUnknown(f"{self.name} answered without any image")
        return update

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Ask how up to `traits.page_size` tasks stand. An id missing from the result is not known (yet).

        Raises `QueryFailed`.
        """
        return {ticket.upstream_id: self.query_one(ticket, upstream) for ticket in tickets}

    def query_one(self, ticket: Ticket, upstream: Upstream) -> Update:
        """Ask how one task stands. Raises `QueryFailed`."""
        content = read_query(self.name, self.send(self.poll(ticket), upstream))
        return read_polled(self.name, content, self.reading(ticket.upstream_id))

    def read_callback(self, body: bytes, ids: Collection[str] = ()) -> Update:
        """Read a completion callback; of several ids in it, one of `ids` is the task's.

        Raises `Unreadable`, and nothing else, whatever the bytes are.
        """
        if not self.traits.calls_back:
            raise Unreadable(f"{self.name} has no callbacks")
        return read_called_back(read_object(body), self.reading(*ids))

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Collection[str], *, now: float) -> Authenticity:
        """What a callback's signature says, by these secrets or public keys; names of headers are in small letters.

        UNSIGNED where it has none, UNCHECKED where there is no secret, FORGED where it is wrong or not of `now` (Unix
        seconds). Nothing of the body is read before this.
        """
        if not self.signature_headers or not all(headers.get(name) for name in self.signature_headers):
            return Authenticity.UNSIGNED
        if not is_recent(headers[self.timestamp_header], now):
            return Authenticity.FORGED
        if not secrets:
            return Authenticity.UNCHECKED
        return Authenticity.GENUINE if self.is_signed(headers, body, secrets) else Authenticity.FORGED

    def is_signed(self, headers: Mapping[str, str], body: bytes, secrets: Collection[str]) -> bool:
        """Whether the signature is one by these secrets or public keys; all of `signature_headers` are there."""
        raise NotImplementedError

    def keys_address(self, address: str) -> str:
        """Where a provider that is reached at this address hands out the keys of its signatures."""
        return address

    def signing_keys(self, upstream: Upstream) -> Sequence[str]:
        """The keys that callbacks are signed with, as the provider hands them out there.

        Raises `QueryFailed`, and as `Upstream.send` does.
        """
        raise QueryFailed(f"{self.name} hands out no keys at {upstream.address}")

    def cancel(self, ticket: Ticket, upstream: Upstream) -> bool:
        """Ask the provider to stop; whether it did: never, where no call is documented. Raises `QueryFailed`."""
        del ticket, upstream
        return False

    def ask_to_cancel(self, request: UpstreamRequest, upstream: Upstream) -> bool:
        """Send the call that cancels; whether it was taken. Raises `QueryFailed` where the answer leaves that open."""
        answer = self.send(request, upstream)
        if answer.status >= 500 or answer.status in {401, 429}:
            raise QueryFailed(f"{self.name} answered {answer.status} to a cancellation")
        return 200 <= answer.status < 300

    def send(self, request: UpstreamRequest, upstream: Upstream) -> UpstreamAnswer:
        """Send a request with the credential. Raises as `Upstream.send` does."""
        return upstream.send(replace(request, headers={**self.authorization(upstream), **request.headers}))

    def reading(self, *ids: str) -> Callable[[Object], Update]:
        """What reads an answer, a callback or one entry of a list about one of these ids."""
        return lambda content: read_task(content, self.failed, cancelled=self.cancelled, ids=ids)
