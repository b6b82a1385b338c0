"""A stream tells of each picture once, in the origin's events, and ends with the task."""

import json

import pytest

from darkroom.dialects.registry import dialect
from darkroom.tasks.failure import ErrorCode, Failure
from darkroom.tasks.update import Status
from tests.unit.dialects.tasks import lacks, sample, view

STREAMING = ["acedata", "ark"]


@pytest.mark.parametrize("name", STREAMING)
def test_the_events_are_those_of_the_origin(name: str) -> None:
    events = list(dialect(name).events(view(name, lost=1), set()))
    wanted = sample("dialects/ark/stream.events")
    assert [event for event, _ in events] == [event for event, _ in wanted]
    for (_, data), (_, shown) in zip(events, wanted, strict=True):
        assert lacks(data, shown) == []
    assert all(data["type"] == event for event, data in events)


@pytest.mark.parametrize("name", STREAMING)
def test_a_picture_is_told_of_once(name: str) -> None:
    done = view(name)
    assert [data.get("image_index") for _, data in dialect(name).events(done, {0})] == [1, None]
    assert [event for event, _ in dialect(name).events(done, {0, 1})] == ["image_generation.completed"]


@pytest.mark.parametrize("name", STREAMING)
def test_a_stream_carries_pictures_as_base64_where_they_are_asked_for(name: str) -> None:
    (_, first), *_ = dialect(name).events(view(name, base64=True), set())
    assert first["b64_json"]
    assert "url" not in first


@pytest.mark.parametrize("name", STREAMING)
def test_a_task_that_came_to_nothing_ends_its_stream_with_the_reason(name: str) -> None:
    failure = Failure(ErrorCode.CONTENT_POLICY, "sensitive words")
    ((event, data),) = dialect(name).events(view(name, Status.FAILED, failure=failure), set())
    assert event == "error"
    assert data["error"]["message"] == "sensitive words"
    ((event, data),) = dialect(name).events(view(name, Status.CANCELLED), set())
    assert event == "error"


@pytest.mark.parametrize("name", STREAMING)
def test_an_open_task_says_nothing_yet(name: str) -> None:
    assert list(dialect(name).events(view(name, Status.PROCESSING), set())) == []


def test_ark_puts_an_error_in_the_place_of_a_picture_that_is_lost() -> None:
    from darkroom.dialects.calls import Form, Submission

    answer = dialect("ark").answer(Submission({}, "m", Form.WAITING), [view("ark", lost=1)], "trace")
    assert lacks(answer.body, sample("dialects/ark/partial.answer")) == []
    assert [set(item) for item in answer.body["data"]] == [{"url", "size"}, {"error"}]
    assert answer.body["usage"]["generated_images"] == 1
    assert "sensitive" in json.dumps(answer.body["data"][1])
