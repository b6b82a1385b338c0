"""Which call repeats which: one job for one wish, and one picture for one caller, whoever gives up when."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from darkroom.submission.repetition import (
    LIFE,
    MAKING,
    MOST_WAITS,
    Caller,
    Wait,
    answered,
    claimed,
    made,
    repeats_silently,
    taken_over,
    with_wait,
    without,
)

PATIENCE = 26_000


def caller(now: int, tries: int = 0, *, silent: bool = False) -> Caller:
    return Caller(now, now + PATIENCE, tries, silent)


def wait(place: str, since: int = 0, *, tries: int = 0, given: bool = False) -> Wait:
    return Wait(place, since, since, since + PATIENCE, tries=tries, given=given, task_id=f"task-{place}")


def test_equal_calls_side_by_side_are_wishes_of_their_own() -> None:
    assert claimed([wait("a")], caller(10)) is None
    assert claimed([wait("a")], caller(10, silent=True)) is None


def test_a_call_whose_time_was_up_is_repeated_by_the_next_and_by_one_alone() -> None:
    waits: tuple[Wait, ...] = (wait("a", 0), wait("b", 1), wait("c", 2))
    for wanted in ("a", "b", "c"):
        mine = claimed(waits, caller(PATIENCE + 2_000))
        assert mine is not None
        assert mine.place == wanted
        waits = with_wait(waits, taken_over(mine, caller(PATIENCE + 2_000)))
    assert claimed(waits, caller(PATIENCE + 2_000)) is None


def test_marked_repetitions_of_calls_side_by_side_each_have_a_task_of_their_own() -> None:
    waits: tuple[Wait, ...] = (wait("a", 0), wait("b", 1), wait("c", 2))
    for tries in (1, 2, 3):
        taken = []
        for _ in range(3):
            mine = claimed(waits, caller(2_500 * tries, tries))
            assert mine is not None
            taken.append(mine.place)
            waits = with_wait(waits, taken_over(mine, caller(2_500 * tries, tries)))
        assert taken == ["a", "b", "c"]
    # A fourth that says that it is the third repetition repeats none of these.
    assert claimed(waits, caller(9_000, 3)) is None


def test_a_repetition_whose_predecessor_never_came_takes_what_came_before_that() -> None:
    assert claimed([wait("a", 0, tries=1), wait("b", 5)], caller(9_000, 3)) == wait("a", 0, tries=1)
    assert claimed([wait("a", 0, tries=1), wait("b", 5)], caller(9_000, 1)) == wait("b", 5)


def test_a_marked_repetition_shares_an_answer_only_where_none_is_left() -> None:
    given_one, open_one = wait("a", 0, given=True), wait("b", 1)
    assert claimed([given_one, open_one], caller(3_000, 1)) == open_one
    assert claimed([given_one], caller(3_000, 1)) == given_one
    assert claimed([given_one], caller(3_000)) is None


def test_a_client_that_repeats_silently_joins_what_waits_and_not_what_came_with_it() -> None:
    assert claimed([wait("a", 0)], caller(2_500, silent=True)) == wait("a", 0)
    assert claimed([wait("a", 0)], caller(2_500)) is None
    assert claimed([wait("a", 0, given=True)], caller(2_500, silent=True)) is None


@pytest.mark.parametrize(
    "agent", ["volc-sdk-python/5.0.54", "Volc-SDK-Python/1", "acedatacloud-python/0.1.0", "byteplus-sdk/1"]
)
def test_kinds_of_clients_that_repeat_silently_are_known(agent: str) -> None:
    assert repeats_silently(agent)
    assert not repeats_silently("OpenAI/Python 3.57.0")


def test_an_answer_to_a_caller_whose_place_was_taken_reaches_nobody() -> None:
    waits = with_wait((wait("a"),), taken_over(wait("a"), caller(2_500, 1)))
    assert answered(waits, "a", 0, 3_000) is None
    after = answered(waits, "a", 1, 3_000)
    assert after is not None
    assert after[0].given
    assert answered(after, "a", 1, 3_000) is None
    assert without(after, "a") == ()


def test_an_answer_that_comes_after_a_silent_clients_patience_is_still_owed() -> None:
    waits = with_wait((wait("a"),), taken_over(wait("a"), caller(2_500, silent=True)))
    assert waits[0].patience == 2_500
    assert answered(waits, "a", 1, 5_100) is None
    assert claimed(waits, caller(5_200, silent=True)) is not None
    assert answered(waits, "a", 1, 3_000) is not None


def test_a_call_that_is_still_making_its_task_can_be_repeated_while_it_may_live() -> None:
    making = Wait("a", 0, 0, PATIENCE)
    assert claimed([making], caller(2_500, 1)) == making
    assert claimed([making], caller(MAKING + 1)) is None
    (ready,) = made([making], "a", "task_1")
    assert ready.task_id == "task_1"
    assert claimed([ready], caller(MAKING + 1)) == ready


def test_a_wait_is_remembered_for_a_while() -> None:
    assert claimed([wait("a")], caller(LIFE)) is not None
    assert claimed([wait("a")], caller(LIFE + 1)) is None


@given(st.integers(MOST_WAITS, 3 * MOST_WAITS), st.data())
def test_waits_are_bounded_and_the_answered_ones_go_first(number: int, data: st.DataObject) -> None:
    waits: tuple[Wait, ...] = ()
    for place in range(number):
        waits = with_wait(waits, wait(f"t{place}", place, given=data.draw(st.booleans())))
    assert len(waits) == MOST_WAITS
    assert waits[-1].place == f"t{number - 1}"


@dataclass
class Client:
    """One wish: a client that repeats its call, marked, until it has an answer."""

    tries: int = 0
    task_id: str | None = None
    turn: int = 0
    since: int = 0
    waits: bool = False
    gave_up: bool = False
    got: str | None = None


class Callers(RuleBasedStateMachine):
    """Clients of one kind with one body, while tasks get done: who waits the longest gives up first (they have one
    time-out), and comes again sooner or later, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0
        self.waits: tuple[Wait, ...] = ()
        self.clients: list[Client] = []
        self.done: set[str] = set()
        self.paid = 0

    def begin(self, client: Client) -> None:
        self.time += 1
        me = caller(self.time, client.tries)
        found = claimed(self.waits, me)
        if found is None:
            self.paid += 1
            name = f"t{self.paid}"
            mine = Wait(name, self.time, self.time, me.until, tries=client.tries, task_id=name)
        else:
            mine = taken_over(found, me)
        self.waits = with_wait(self.waits, mine)
        client.task_id, client.turn, client.since = mine.task_id, mine.turn, self.time
        client.waits, client.gave_up = True, False

    @precondition(lambda self: len(self.clients) < 6)
    @rule()
    def a_client_comes(self) -> None:
        self.clients.append(Client())
        self.begin(self.clients[-1])

    @precondition(lambda self: any(client.waits for client in self.clients))
    @rule(gap=st.integers(1, 9_000))
    def a_client_gives_up(self, gap: int) -> None:
        self.time += gap
        client = min((client for client in self.clients if client.waits), key=lambda client: client.since)
        client.waits, client.gave_up = False, True

    @precondition(lambda self: any(client.gave_up for client in self.clients))
    @rule(place=st.integers(0, 5))
    def a_client_asks_again(self, place: int) -> None:
        gone = [client for client in self.clients if client.gave_up]
        client = gone[place % len(gone)]
        client.tries += 1
        self.begin(client)

    @precondition(lambda self: self.waits)
    @rule(place=st.integers(0, 5))
    def a_task_is_done(self, place: int) -> None:
        self.done.add(self.waits[place % len(self.waits)].task_id)

    @precondition(lambda self: any(client.waits and client.task_id in self.done for client in self.clients))
    @rule(place=st.integers(0, 5))
    def a_client_gets_its_answer(self, place: int) -> None:
        ready = [client for client in self.clients if client.waits and client.task_id in self.done]
        client = ready[place % len(ready)]
        assert client.task_id is not None
        client.got, client.waits = client.task_id, False
        self.waits = answered(self.waits, client.task_id, client.turn, self.time) or self.waits

    @invariant()
    def a_wish_is_paid_once(self) -> None:
        assert self.paid <= len(self.clients)

    @invariant()
    def nobody_gets_anothers_picture(self) -> None:
        got = [client.got for client in self.clients if client.got]
        assert len(got) == len(set(got))

    @invariant()
    def nobody_waits_in_anothers_place(self) -> None:
        held = Counter((client.task_id, client.turn) for client in self.clients if client.waits)
        assert not held or max(held.values()) == 1


TestCallers = Callers.TestCase
TestCallers.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
