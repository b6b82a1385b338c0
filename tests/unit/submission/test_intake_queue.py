"""Putting back what a limit stands against: the body as it came, and what is known of it beside it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.settings import Settings
from darkroom.submission.intake_queue import IntakeQueue, origin


def record_of(sent: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a message as Lambda hands them to a function."""
    return {
        name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
        for name, value in sent["MessageAttributes"].items()
    }


@pytest.mark.parametrize(("wait", "scale", "least", "most"), [(30, "1", 27, 33), (900, "1", 810, 900), (60, "8", 6, 9)])
def test_a_message_is_put_back_for_later(wait: float, scale: str, least: int, most: int) -> None:
    sent: list[dict[str, Any]] = []

    class Client:
        def send_message(self, **parameters: Any) -> None:
            sent.append(parameters)

    client: Any = Client()
    settings = Settings({"DARKROOM_INTAKE_QUEUE_URL": "url", "DARKROOM_TIME_SCALE": scale})
    IntakeQueue(client, settings).put_back("{}", "event-1", times=3, wait=wait)
    assert (sent[0]["QueueUrl"], sent[0]["MessageBody"]) == ("url", "{}")
    assert least <= sent[0]["DelaySeconds"] <= most
    assert origin(record_of(sent[0]), "another id") == ("event-1", 3)


def test_a_message_that_comes_first_is_known_by_its_own_id() -> None:
    assert origin({}, "m-1") == origin(None, "m-1") == ("m-1", 0)


JSON = st.recursive(st.none() | st.text(max_size=5) | st.integers(), lambda inner: st.dictionaries(st.text(), inner))


@given(reference=JSON, times=JSON | st.sampled_from(["٣", "-1", "1e3", "9" * 99]))
def test_attributes_of_somebody_else_do_no_harm(reference: Any, times: Any) -> None:
    name, waited = origin({"reference": {"stringValue": reference}, "times": {"stringValue": times}}, "m-1")
    assert isinstance(name, str)
    assert 0 <= waited < 10_000
