"""Whether a callback is its provider's: by its signature, with keys that are configured, or fetched and kept a day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from darkroom.aws.secrets import Credentials, NoCredential
from darkroom.clock import Clock
from darkroom.observability import logger
from darkroom.providers.base import OutcomeUnknown, QueryFailed, Refused, Upstream
from darkroom.providers.signatures import Authenticity
from darkroom.tasks.task import Attempt

if TYPE_CHECKING:
    from darkroom.providers.adapter import Adapter

KEPT = 86_400_000
"""Milliseconds that fetched keys are kept: a day, as fal's documentation allows at most."""
PATIENCE = 60_000
"""Milliseconds before a provider is asked for its keys again, whatever came of the last time."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: tuple[str, ...]
    fetched_at: int
    tried_at: int

    def as_of(self, now: int) -> "_Fetched":
        """The same without keys, once they are too old."""
        return self if now - self.fetched_at < KEPT else replace(self, keys=())


class CallbackAuthenticity:
    """Checks signatures. The keys live as long as the function's process does."""

    def __init__(
        self, *, credentials: Credentials, keys_upstream: Callable[[Attempt, str], Upstream], clock: Clock
    ) -> None:
        """`keys_upstream` is the way to where an attempt's provider hands out its keys, at the address given."""
        self._credentials = credentials
        self._keys_upstream = keys_upstream
        self._clock = clock
        self._fetched: dict[tuple[str, ...], _Fetched] = {}

    def check(self, attempt: Attempt, adapter: "Adapter", headers: Mapping[str, str], body: bytes) -> Authenticity:
        """What the signature of a callback about this attempt says; UNCHECKED where no key can be had now."""
        if not adapter.traits.signs_callbacks:
            return Authenticity.UNSIGNED
        plain = {name.lower(): value for name, value in headers.items()}
        now = self._clock() / 1000
        found = adapter.verify(plain, body, (), now=now)
        if found is not Authenticity.UNCHECKED:
            return found
        configured = self._configured(attempt)
        if configured or not adapter.traits.hands_out_keys:
            return adapter.verify(plain, body, configured, now=now)
        found = adapter.verify(plain, body, self._keys(attempt, adapter, KEPT).keys, now=now)
        if found is not Authenticity.FORGED:
            return found
        # Forged, or signed with a key that is newer than those we have: of which the second, while none can be had?
        newest = self._keys(attempt, adapter, PATIENCE)
        found = adapter.verify(plain, body, newest.keys, now=now)
        outdated = self._clock() - newest.fetched_at >= PATIENCE
        return Authenticity.UNCHECKED if found is Authenticity.FORGED and outdated else found

    def _configured(self, attempt: Attempt) -> tuple[str, ...]:
        """The secrets that the operator gave with the credential, newest first, two while one is exchanged."""
        try:
            return tuple(
                self._credentials.fields(attempt.provider, attempt.credential).get("webhook_secret", "").split()
            )
        except NoCredential:
            return ()

    def _keys(self, attempt: Attempt, adapter: "Adapter", most: int) -> _Fetched:
        """The keys that a provider hands out, at most so many milliseconds old where they can be had."""
        address = adapter.keys_address(attempt.address)
        place = (attempt.provider, attempt.credential, address)
        known = self._fetched.get(place, _Fetched((), 0, 0))
        now = self._clock()
        if (known.keys and now - known.fetched_at < most) or now - known.tried_at < PATIENCE:
            return known.as_of(now)
        try:
            keys = tuple(adapter.signing_keys(self._keys_upstream(attempt, address)))
            known = _Fetched(keys, now, now)
        except (Refused, OutcomeUnknown, QueryFailed) as problem:
            logger.warning(
                "no keys to check callbacks by", extra={"provider": attempt.provider, "reason": str(problem)}
            )
            known = _Fetched(known.keys, known.fetched_at, now)
        self._fetched[place] = known
        return known.as_of(now)
