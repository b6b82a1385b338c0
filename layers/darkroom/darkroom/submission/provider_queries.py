"""Asking providers how tasks stand: several at once, side by side, each answer handed on as it comes.

A provider that is slow keeps nobody waiting but its own: it is asked a few questions at a time, and no more in this
round once it has let one of them run into its time-out.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from darkroom.batched import batched
from darkroom.observability import logger
from darkroom.providers.base import QueryFailed, Refused, Upstream
from darkroom.providers.registry import UnknownProvider
from darkroom.providers.upstreams import Upstreams, ticket_of
from darkroom.tasks.task import AttemptState, Task
from darkroom.tasks.update import Update

if TYPE_CHECKING:
    from darkroom.providers.adapter import Adapter

SIDE_BY_SIDE = 4
"""Questions to one provider at the same time."""
SLOW = 5.0
"""Seconds after which a question that failed was a slow one: the provider is asked nothing more in this round."""
SHORTEST = 1.0
"""Seconds without which a question is not begun."""


@dataclass(frozen=True, slots=True)
class Question:
    """One query about some tasks of one provider."""

    provider: str
    protocol: str
    tasks: Sequence[Task]
    upstream: Upstream


@dataclass(frozen=True, slots=True)
class Answered:
    """What is known of some tasks: an update each, or none where the provider said nothing of it."""

    tasks: Sequence[Task]
    updates: Mapping[str, Update]


@dataclass(slots=True)
class _Provider:
    """One provider in one round."""

    questions: list[Question] = field(default_factory=list)
    slow: bool = False


class ProviderQueries:
    """Asks the providers."""

    def __init__(
        self,
        *,
        adapters: "Callable[[str, str], Adapter]",
        upstreams: Upstreams,
        time_left: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`time_left` is in seconds: what may be spent on asking."""
        self._adapters = adapters
        self._upstreams = upstreams
        self._time_left = time_left
        self._monotonic = monotonic

    def answers(self, tasks: Iterable[Task]) -> Iterator[Answered]:
        """Every task once, with what its provider says of it, in the order in which that becomes known.

        Tasks are asked about in the order in which they come. Those that there is nothing to ask about come first,
        those that there was no time for last, both without an update.
        """
        silent, questions = self._questions(tasks)
        if silent:
            yield Answered(silent, {})
        if len(questions) == 1:
            yield self._asked(questions[0], _Provider())  # without threads, which most rounds can do without
        elif questions:
            yield from self._side_by_side(questions)

    def _questions(self, tasks: Iterable[Task]) -> tuple[list[Task], list[Question]]:
        silent: list[Task] = []
        running: dict[tuple[str, ...], list[Task]] = defaultdict(list)
        for task in tasks:
            attempt = task.attempt
            running_there = attempt and (attempt.state is AttemptState.ACCEPTED or task.withheld)
            if attempt and attempt.upstream_id and running_there and task.followed:
                running[attempt.provider, attempt.credential, attempt.protocol, attempt.address].append(task)
            else:
                silent.append(task)
        questions = []
        for (provider, *_), group in running.items():
            attempt = group[0].attempt
            assert attempt is not None  # they are grouped by it
            try:
                size = self._adapters(provider, attempt.protocol).traits.page_size
                upstream = self._upstreams.reach(attempt)
            except (Refused, UnknownProvider) as problem:
                logger.warning("poll not possible", extra={"provider": provider, "reason": str(problem)})
                silent += group
                continue
            questions += [Question(provider, attempt.protocol, part, upstream) for part in batched(group, size)]
        return silent, questions

    def _side_by_side(self, questions: Sequence[Question]) -> Iterator[Answered]:
        from concurrent.futures import Future, ThreadPoolExecutor, as_completed

        providers: dict[str, _Provider] = defaultdict(_Provider)
        for question in questions:
            providers[question.provider].questions.append(question)
        pools, asked = [], dict[Future[Answered], Question]()
        for provider in providers.values():
            pools.append(ThreadPoolExecutor(min(SIDE_BY_SIDE, len(provider.questions))))
            for question in provider.questions:
                asked[pools[-1].submit(self._asked, question, provider)] = question
        try:
            # A question's own time-out ends before this one, so that no thread outlives its invocation.
            for answer in as_completed(asked, timeout=_bounded(self._time_left() + SHORTEST)):
                question = asked.pop(answer)
                yield answer.result()
        except TimeoutError:
            for question in asked.values():
                yield Answered(question.tasks, {})
        finally:
            for pool in pools:
                pool.shutdown(wait=False, cancel_futures=True)

    def _asked(self, question: Question, provider: _Provider) -> Answered:
        if provider.slow or self._time_left() < SHORTEST:
            return Answered(question.tasks, {})
        begun = self._monotonic()
        try:
            return Answered(question.tasks, self._ask(question))
        except QueryFailed as problem:
            logger.warning("poll brought no answer", extra={"provider": question.provider, "reason": str(problem)})
        except Exception:  # one provider's trouble must not keep the deadlines of the others' tasks
            logger.exception("poll failed", extra={"provider": question.provider})
        provider.slow = provider.slow or self._monotonic() - begun > SLOW
        return Answered(question.tasks, {})

    def _ask(self, question: Question) -> dict[str, Update]:
        attempts = {task.task_id: attempt for task in question.tasks if (attempt := task.attempt)}
        tickets = [ticket_of(attempt) for attempt in attempts.values()]
        found = self._adapters(question.provider, question.protocol).query(tickets, question.upstream)
        return {
            task_id: found[attempt.upstream_id] for task_id, attempt in attempts.items() if attempt.upstream_id in found
        }


def _bounded(seconds: float) -> float | None:
    """A wait that a lock takes; None for one without an end."""
    return seconds if seconds < threading.TIMEOUT_MAX else None
