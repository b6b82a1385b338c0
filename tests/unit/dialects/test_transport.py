"""What each way in allows: how long a call may wait, how much an answer carries, whether it streams."""

from typing import Any

import pytest

from darkroom.api.sizes import MAX_ANSWER
from darkroom.deadline import Deadline
from darkroom.dialects.http import MAX_URL_ANSWER, transport_of

URL, GATEWAY = "abc.lambda-url.eu-west-1.on.aws", "abc.execute-api.eu-west-1.amazonaws.com"


def event(host: str) -> dict[str, Any]:
    return {"requestContext": {"requestId": "r", "domainName": host}}


class Clock:
    """A clock that stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def deadline(seconds: float, clock: Clock | None = None) -> Deadline:
    made = Deadline(clock or Clock())
    made.begin(seconds)
    return made


@pytest.mark.parametrize(("left", "patience"), [(300.0, 26.0), (20.0, 17.5), (2.0, 0.0)])
def test_the_gateway_waits_no_longer_than_it_can(left: float, patience: float) -> None:
    door = transport_of(event(GATEWAY), deadline(left), streaming=True)
    assert door.patience == patience
    assert door.max_answer == MAX_ANSWER
    assert not door.streams


@pytest.mark.parametrize("streaming", [True, False])
def test_the_functions_own_url_waits_as_long_as_the_function(streaming: bool) -> None:
    door = transport_of(event(URL), deadline(300.0), streaming=streaming)
    assert door.patience == 294.0
    assert door.max_answer == MAX_URL_ANSWER
    assert door.streams is streaming


def test_a_host_that_only_looks_like_the_functions_own_is_the_gateway() -> None:
    assert not transport_of({"requestContext": {"requestId": "r"}}, deadline(300.0), streaming=True).streams


@pytest.mark.parametrize("host", [URL, GATEWAY])
def test_what_is_done_before_the_waiting_is_taken_off_it(host: str) -> None:
    clock = Clock()
    ends = deadline(60.0, clock)
    door = transport_of(event(host), ends, streaming=True)
    whole = door.patience
    clock.now += 14.0
    assert door.patience == whole - 14.0
    ends.end()  # the handler returns, and the stream goes on
    assert door.patience == whole - 14.0
    clock.now += 100.0
    assert door.patience == 0.0
