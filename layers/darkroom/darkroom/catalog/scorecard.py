"""What is known of the offers from real tasks: it sets the clock of the polls and the order of the providers."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from darkroom.catalog.breaker import Breaker, BreakerState
from darkroom.catalog.models import Catalog, Offer
from darkroom.catalog.score import Score
from darkroom.clock import Clock
from darkroom.observability import logger
from darkroom.tasks.task import Task

if TYPE_CHECKING:
    from darkroom.catalog.routing import Choice

FRESH = 60_000
"""Milliseconds for which a process goes by the scores that it read."""
WATCHDOG = 0.8
"""A watchdog's first poll comes at one and a half of what this makes of the 95th percentile: a fifth after it."""


class Scores(Protocol):
    """Where the scores are."""

    def lately(self, now: int) -> Mapping[tuple[str, str], Score]:
        """How every offer did in the last days."""
        ...


class BreakerBoard(Protocol):
    """Where the breakers are."""

    def all(self) -> Mapping[str, Breaker]:
        """Every breaker that ever moved."""
        ...

    def may_probe(self, breaker: Breaker) -> bool:
        """Whether the caller is the one that tries a half-open provider."""
        ...


class Scorecard:
    """Reads scores and breakers. Where they can't be read, the catalog's own figures do."""

    def __init__(
        self,
        *,
        scores: Callable[[], Scores],
        breakers: Callable[[], BreakerBoard],
        catalog: Callable[[], Catalog],
        clock: Clock,
    ) -> None:
        self._scores = scores
        self._breakers = breakers
        self._catalog = catalog
        self._clock = clock
        self._read_at: int | None = None
        self._known: Mapping[tuple[str, str], Score] = {}

    def score(self, offer: Offer) -> Score:
        """How an offer did lately."""
        return self._lately().get((offer.provider, offer.upstream_model), Score())

    def seconds(self, offer: Offer) -> float:
        """Seconds that an offer usually takes: measured, where there were enough tasks."""
        return self.score(offer).p50 or offer.latency_seconds

    def latency(self, task: Task) -> float:
        """Seconds by which a task's polls are timed: the usual ones of a polled offer, nearly the slowest ones of an
        offer that calls back."""
        offer = self._catalog().offer(task.offer.provider, task.offer.upstream_model)
        if offer is None:
            return 30.0
        return self.pace(offer, called_back=task.attempt is not None and task.attempt.expects_callback)

    def pace(self, offer: Offer, *, called_back: bool) -> float:
        """Seconds by which polls at an offer's tasks are timed, where a callback is awaited and where none is."""
        score = self.score(offer)
        if called_back and score.p95:
            return WATCHDOG * score.p95
        return score.p50 or offer.latency_seconds

    def steered(self, choices: "Sequence[Choice]", owner: str) -> "tuple[tuple[Choice, ...], int]":
        """The choices with providers that are out (as far as an owner goes by it) at their end, and when (Unix
        milliseconds) the first may be tried: 0 for at once."""
        breakers = {name: found for name, found in self._read_breakers().items() if found.concerns(owner)}
        if not any(breaker.retry_at for breaker in breakers.values()):
            return tuple(choices), 0
        now = self._clock()
        well: list[Choice] = []
        out: list[Choice] = []
        for choice in choices:
            breaker = breakers.get(choice.offer.provider)
            usable = breaker is None or breaker.state(now) is BreakerState.CLOSED
            if not usable and breaker is not None and not well:
                usable = self._breakers().may_probe(breaker)
            (well if usable else out).append(choice)
        if well:
            return (*well, *out), 0
        waiting = breakers[out[0].offer.provider]
        return tuple(out), max(waiting.retry_at or 0, now + 1)

    def state_of(self, provider: str, owner: str) -> BreakerState:
        """Whether a provider is asked now for an owner."""
        breaker = self._read_breakers().get(provider)
        return breaker.state(self._clock()) if breaker and breaker.concerns(owner) else BreakerState.CLOSED

    def _lately(self) -> Mapping[tuple[str, str], Score]:
        now = self._clock()
        if self._read_at is None or now - self._read_at > FRESH:
            self._read_at = now
            try:
                self._known = self._scores().lately(now)
            except Exception:
                logger.exception("scores could not be read")
        return self._known

    def _read_breakers(self) -> Mapping[str, Breaker]:
        try:
            return self._breakers().all()
        except Exception:
            logger.exception("breakers could not be read")
            return {}
