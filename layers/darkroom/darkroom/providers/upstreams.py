"""The way to the providers: each reached at its own address only, with the credential that its task is pinned to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from darkroom import deadline
from darkroom.aws.secrets import Credentials, NoCredential
from darkroom.http.timeout import Timeout
from darkroom.providers.base import OutcomeUnknown, Refused, Ticket, Upstream, UpstreamAnswer, UpstreamRequest
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.task import Attempt

if TYPE_CHECKING:
    from darkroom.catalog.models import Catalog
    from darkroom.http.client import Form, HttpClient

USUAL = Timeout(connect=3, read=12, total=14)
LONG = Timeout(connect=5, read=240, total=280)
"""Of a synchronous call, which takes as long as a picture does."""
STORING = 90.0
"""Seconds that are kept back of a synchronous call's function, to put up to fifteen pictures into the bucket."""
SHORTEST = 1.0
"""Seconds without which no request is begun."""
SUBMISSION_BYTES = 8 * 1024 * 1024
SYNCHRONOUS_BYTES = 96 * 1024 * 1024
"""Fifteen pictures in base64 in one answer."""


@dataclass(frozen=True, slots=True)
class Destination:
    """How a new submission to a provider goes: in which protocol, where to, with which of its credentials.

    `callback_trust` is what its row says of its callbacks; empty for what its protocol allows.
    """

    protocol: str
    address: str
    credential: str
    callback_trust: str


class Upstreams(Protocol):
    """Where upstreams come from."""

    def reach(self, attempt: Attempt) -> Upstream:
        """The way to the provider of a submission, as it went out. Raises `Refused` where its credential is gone."""
        ...

    def destination(self, provider: str) -> Destination | None:
        """How a new submission goes; None where the provider is not there any more."""
        ...


def ticket_of(attempt: Attempt) -> Ticket:
    """What a submission that was accepted is asked about by."""
    return Ticket(attempt.upstream_id, attempt.upstream_model, attempt.poll_path)


class HttpUpstreams:
    """Reaches the providers over HTTP. The client is made when first needed."""

    def __init__(
        self,
        *,
        catalog: "Callable[[], Catalog]",
        former_address: Callable[[str], str],
        credentials: Credentials,
        client: "Callable[[], HttpClient]",
        reserve: float = deadline.ANSWERING,
    ) -> None:
        """`former_address` is where a provider was before submissions recorded it; `reserve` is how many seconds of the
        invocation no request may take."""
        self._catalog = catalog
        self._former_address = former_address
        self._credentials = credentials
        self._client = client
        self._reserve = reserve

    def reach(self, attempt: Attempt) -> Upstream:
        """The way to the provider of a submission, as it went out. Raises `Refused` where its credential is gone."""
        provider = attempt.provider
        try:
            fields = self._credentials.fields(provider, attempt.credential)
        except NoCredential as error:
            raise Refused(_elsewhere(f"{provider} has no credential here.")) from error
        address = attempt.address or self._former_address(provider)
        if not address:
            raise Refused(_elsewhere(f"{provider} is no provider here any more."))
        return HttpUpstream(provider, address, fields, self._client, reserve=self._reserve)

    def keys_upstream(self, attempt: Attempt, address: str) -> Upstream:
        """The way to where a submission's provider hands out its keys: without a credential, where that is elsewhere.

        Raises `Refused` where its credential is gone.
        """
        if address == attempt.address:
            return self.reach(attempt)
        return HttpUpstream(attempt.provider, address, {}, self._client, reserve=self._reserve)

    def destination(self, provider: str) -> Destination | None:
        """How a new submission goes; None where the provider is not there any more."""
        found = self._catalog().providers.get(provider)
        if found is None:
            return None
        credential = found.credential or self._credentials.current(provider)
        return Destination(found.protocol, found.base_url, credential, found.callback_trust)

    def available(self) -> frozenset[str]:
        """The providers that this deployment has a credential for."""
        return self._credentials.available()


class HttpUpstream:
    """One provider over HTTP."""

    def __init__(
        self,
        provider: str,
        base_url: str,
        credential: Mapping[str, str],
        client: "Callable[[], HttpClient]",
        *,
        reserve: float = deadline.ANSWERING,
    ) -> None:
        self._provider = provider
        self._reserve = reserve
        self._base_url = base_url
        self._credential = credential
        self._client = client

    @property
    def credential(self) -> Mapping[str, str]:
        """The secret's fields for this provider."""
        return self._credential

    @property
    def address(self) -> str:
        """The provider's base address."""
        return self._base_url.rstrip("/")

    def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Send one request. Raises `Refused` where it was certainly not sent, `OutcomeUnknown` for any doubt."""
        from darkroom.http.errors import AddressRefused, ConnectFailed, OutboundError

        form = self._form(request)  # first: what its files take is not there any more for the request
        timeout = self._timeout(request)
        try:
            answer = (
                self._client()
                .bind(self._base_url)
                .request(
                    request.method,
                    request.path,
                    query=request.query,
                    headers=request.headers,
                    json=request.json,
                    form=form,
                    timeout=timeout,
                    max_bytes=SYNCHRONOUS_BYTES if request.long else SUBMISSION_BYTES,
                )
            )
        except (ConnectFailed, AddressRefused) as error:
            raise Refused(self._unreachable()) from error
        except OutboundError as error:
            raise OutcomeUnknown(f"{self._provider}: {type(error).__name__}") from error
        return UpstreamAnswer(answer.status, answer.headers, answer.body)

    def _form(self, request: UpstreamRequest) -> "Form | None":
        """The form of a request, with its files' bytes. Raises `Refused` where one can't be fetched."""
        if request.form is None:
            return None
        from darkroom.http.client import Form
        from darkroom.providers.form_files import fetched

        return Form(request.form, fetched(self._provider, request.files, self._client()))

    def _timeout(self, request: UpstreamRequest) -> Timeout:
        """The usual one, or what the invocation has left. Raises `Refused` where that is too little to begin."""
        usual, reserve = (LONG, max(STORING, self._reserve)) if request.long else (USUAL, self._reserve)
        left = deadline.invocation.left(reserve=reserve)
        if left < SHORTEST:
            raise Refused(_NO_TIME, retry_after=1)
        return replace(usual, total=min(usual.total, left))

    def _unreachable(self) -> Failure:
        return Failure(ErrorCode.PROVIDER_UNAVAILABLE, f"{self._provider} could not be reached.", Disposition.ELSEWHERE)


def _elsewhere(message: str) -> Failure:
    return Failure(ErrorCode.PROVIDER_AUTH, message, Disposition.ELSEWHERE)


_NO_TIME = Failure(
    ErrorCode.PROVIDER_ERROR, "There was no time left to ask the provider; it is asked later.", Disposition.LATER
)
