"""What each way in allows: how long a call may wait, how much an answer carries, whether it streams."""

from typing import Any

import pytest

from darkroom.api.dialects import GATEWAY_PATIENCE, MAX_GATEWAY_ANSWER, MAX_URL_ANSWER, door_of

URL, GATEWAY = "abc.lambda-url.eu-west-1.on.aws", "abc.execute-api.eu-west-1.amazonaws.com"


def event(host: str) -> dict[str, Any]:
    return {"requestContext": {"requestId": "r", "domainName": host}}


@pytest.mark.parametrize(("left", "patience"), [(300.0, GATEWAY_PATIENCE), (20.0, 14.0), (3.0, 0.0)])
def test_the_gateway_waits_no_longer_than_it_can(left: float, patience: float) -> None:
    door = door_of(event(GATEWAY), left, streaming=True)
    assert door.patience == patience
    assert door.max_answer == MAX_GATEWAY_ANSWER
    assert not door.streams


@pytest.mark.parametrize("streaming", [True, False])
def test_the_functions_own_url_waits_as_long_as_the_function(streaming: bool) -> None:
    door = door_of(event(URL), 300.0, streaming=streaming)
    assert door.patience == 294.0
    assert door.max_answer == MAX_URL_ANSWER
    assert door.streams is streaming


def test_a_host_that_only_looks_like_the_functions_own_is_the_gateway() -> None:
    assert not door_of({"requestContext": {"requestId": "r"}}, 300.0, streaming=True).streams
