"""Everything that an invocation does ends before Lambda, or API Gateway, ends it."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom import deadline
from darkroom.api.headers import LONGEST_WAIT
from darkroom.deadline import ANSWERING, Deadline
from darkroom.providers import upstreams
from darkroom.providers.base import Refused, UpstreamRequest
from darkroom.providers.upstreams import LONG, STORING, USUAL, HttpUpstream
from darkroom.submission.accepting import AT_ONCE
from darkroom.submission.polling import RECORD_GRACE, RECORDING
from darkroom.submission.polling_schedule import SENDING_GRACE, SYNCHRONOUS_GRACE
from darkroom.tasks.failure import Disposition
from local.template.reading import read_template, resources

FUNCTIONS = {
    name: found["Properties"] for name, found in resources(read_template(), "AWS::Serverless::Function").items()
}


@dataclass
class Clock:
    """A clock that goes on when it is told to."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_runs_out_once_and_never_below_nothing() -> None:
    clock = Clock()
    ends = Deadline(clock)
    assert ends.left(reserve=1e9) == float("inf"), "outside of an invocation nothing ends"
    ends.begin(29.0)
    assert (ends.left(), ends.left(reserve=ANSWERING)) == (29.0, 26.5)
    ends.shorten(40.0)
    assert ends.left() == 29.0
    ends.shorten(28.5)
    clock.now += 28.0
    assert (ends.left(), ends.left(reserve=ANSWERING)) == (0.5, 0.0)
    ends.end()
    assert ends.left() == float("inf")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of this process's invocation."""
    made = Clock()
    monkeypatch.setattr(deadline, "invocation", Deadline(made))
    return made


def timeout_of(*, long: bool = False, reserve: float = ANSWERING) -> float:
    """What a request to a provider may take in all."""
    upstream = HttpUpstream("evolink", "https://api.example", {}, lambda: pytest.fail("not sent"), reserve=reserve)
    return upstream._timeout(UpstreamRequest("POST", "/", long=long)).total


@pytest.mark.usefixtures("clock")
def test_a_request_takes_its_usual_time_where_there_is_enough() -> None:
    assert (timeout_of(), timeout_of(long=True)) == (USUAL.total, LONG.total)
    deadline.invocation.begin(420.0)
    assert (timeout_of(), timeout_of(long=True)) == (USUAL.total, LONG.total)


@given(left=st.floats(0, 500), long=st.booleans(), reserve=st.sampled_from([ANSWERING, RECORDING]))
def test_a_request_ends_before_its_invocation_or_is_never_begun(left: float, long: bool, reserve: float) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(deadline, "invocation", Deadline(Clock()))
        deadline.invocation.begin(left)
        kept = max(reserve, STORING) if long else reserve
        if left - kept < upstreams.SHORTEST:
            with pytest.raises(Refused) as refused:
                timeout_of(long=long, reserve=reserve)
            assert refused.value.failure.disposition is Disposition.LATER
        else:
            assert timeout_of(long=long, reserve=reserve) <= left - kept + 1e-9


# The sums, against the time-outs of the template


@given(accepted=st.floats(0, USUAL.total), wait=st.integers(0, LONGEST_WAIT), before=st.floats(0, 29))
def test_what_submit_does_fits_into_its_time(accepted: float, wait: int, before: float) -> None:
    """However long it took to get there, the provider takes to accept, and the caller wants to wait."""
    clock = Clock()
    ends = Deadline(clock)
    ends.begin(FUNCTIONS["SubmitFunction"]["Timeout"])
    clock.now += before
    if ends.left() > AT_ONCE:
        clock.now += accepted
    clock.now += min(wait, ends.left(reserve=ANSWERING))
    assert ends.left() >= min(ANSWERING, FUNCTIONS["SubmitFunction"]["Timeout"] - before) - 1e-9


def test_submit_has_the_time_to_ask_a_provider_at_once() -> None:
    assert FUNCTIONS["SubmitFunction"]["Timeout"] - AT_ONCE > 10
    assert deadline.GATEWAY - AT_ONCE > 10
    assert deadline.GATEWAY + 1 < 30, "API Gateway's limit (AWS: HTTP API quotas)"


def test_generate_stores_what_a_synchronous_call_brings_at_the_last_moment() -> None:
    timeout = FUNCTIONS["GenerateFunction"]["Timeout"]
    assert timeout - LONG.total >= STORING
    assert timeout < SYNCHRONOUS_GRACE, "a request that is still out is not taken for lost"


def test_no_request_is_taken_for_lost_while_it_may_be_out() -> None:
    assert SENDING_GRACE > AT_ONCE
    assert FUNCTIONS["SubmitFunction"]["Timeout"] * 1000 < RECORD_GRACE, "a look waits for a record as long"


def test_track_hears_a_slow_provider_out_and_records_what_it_heard() -> None:
    assert FUNCTIONS["TrackFunction"]["Timeout"] - RECORDING >= 2 * USUAL.total
