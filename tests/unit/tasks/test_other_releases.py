"""A task that another release recorded is read like one of our own, and loses nothing where this one writes over it."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.aws.queues import message_body, read_message
from darkroom.tasks import transitions
from darkroom.tasks.failure import Disposition, ErrorCode
from darkroom.tasks.history import first_entries, with_history
from darkroom.tasks.item import read_item, write_item
from darkroom.tasks.messages import Copy, Poll, Submission
from darkroom.tasks.record import from_record, to_record
from darkroom.tasks.request import Action
from darkroom.tasks.task import AttemptState, Entry, ImageState, Task, Terms
from darkroom.tasks.update import Status
from darkroom.webhooks.messages import Delivery
from tests.unit.tasks.test_transitions import BUSY, DOWN, NOW, a_task, accepted, copying, failed, sending, stored

Json = dict[str, Any]
FREE = {"extra", "metadata", "echo"}
"""What belongs to others: whatever stands in there is theirs."""


def lives() -> Iterator[Task]:
    """Tasks in every stage, with everything that can be recorded of one."""
    posted = a_task("evolink", "qingbo", entry=Entry("openai", "m", {"user": "u"}, True), terms=Terms("k", True, True))
    yield a_task()
    yield replace(posted, history=first_entries(posted, strategy="cheapest", now=NOW))
    yield sending(posted)
    refused = transitions.refuse(sending(posted), DOWN, now=NOW)
    yield with_history(posted, refused, cause="submit", now=NOW)
    yield transitions.refuse(sending(posted), BUSY, now=NOW)
    yield accepted()
    half = transitions.fail_image(copying(), 0, DOWN, now=NOW)
    yield half
    yield transitions.store_image(half, 1, stored(1), now=NOW)
    yield transitions.apply_update(accepted(), "evolink", failed(), now=NOW)
    yield transitions.cancel(accepted(), now=NOW)


RECORDS = [json.loads(json.dumps(to_record(task))) for task in lives()]
"""As they come back from the table."""


def objects(value: Any) -> Iterator[Json]:
    """Every object of a record that is ours, itself included."""
    if isinstance(value, dict):
        yield value
        for name, inner in value.items():
            if name not in FREE:
                yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            # A line of the history is a list whose last part is free.
            yield from objects(inner) if isinstance(inner, dict) else ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
NEW_FIELDS = st.dictionaries(st.text(max_size=8).map("new_{}".format), JSON, max_size=2)


@given(data=st.data(), record=st.sampled_from(RECORDS))
def test_fields_of_a_later_release_change_nothing_and_stay(data: st.DataObject, record: Json) -> None:
    later = copy.deepcopy(record)
    for each in list(objects(later)):
        each.update(data.draw(NEW_FIELDS))
    for line in later.get("history", []):
        line.extend(data.draw(st.lists(JSON, max_size=2)))
    task = from_record(later)
    assert task == from_record(record)
    assert json.loads(json.dumps(to_record(task))) == later


@given(data=st.data(), record=st.sampled_from(RECORDS))
def test_a_change_of_ours_keeps_what_stands_beside_it(data: st.DataObject, record: Json) -> None:
    later = copy.deepcopy(record)
    later.update(data.draw(NEW_FIELDS))
    for each in later["attempts"] + later["images"]:
        each["new"] = data.draw(JSON)
    task = from_record(later)
    if task.status.terminal:
        return
    ended = to_record(transitions.cancel(task, now=NOW + 1))
    assert ended["status"] == "cancelled"
    assert {name: ended[name] for name in later if name.startswith("new_")} == {
        name: later[name] for name in later if name.startswith("new_")
    }
    before, after = later["attempts"] + later["images"], ended["attempts"] + ended["images"]
    assert [each["new"] for each in after] == [each["new"] for each in before]


def test_what_is_said_of_one_failure_is_not_said_of_another() -> None:
    record = to_record(transitions.refuse(sending(a_task("evolink", "qingbo")), BUSY, now=NOW))
    record["attempts"][0]["failure"]["region"] = "eu"
    task = from_record(record)
    assert to_record(task)["attempts"][0]["failure"]["region"] == "eu"
    other = replace(task, attempts=(replace(task.attempts[0], failure=DOWN),))
    assert "region" not in to_record(other)["attempts"][0]["failure"]


# Words that this release does not know.


def with_word(task: Task, word: str, *path: Any) -> Task:
    record = json.loads(json.dumps(to_record(task)))
    place = record
    for step in path[:-1]:
        place = place[step]
    assert path[-1] in place
    place[path[-1]] = word
    read = from_record(record)
    assert json.loads(json.dumps(to_record(read))) == record, "what was not read is not written back"
    return read


@pytest.mark.parametrize(
    ("task", "taken"),
    [
        (a_task(), Status.QUEUED),
        (accepted(), Status.PROCESSING),
        (transitions.cancel(accepted(), now=NOW), Status.FAILED),
        (transitions.store_image(transitions.fail_image(copying(), 0, DOWN, now=NOW), 1, stored(1), now=NOW), Status.COMPLETED),
    ],
)  # fmt: skip
def test_a_status_of_a_later_release_is_an_end_where_the_task_has_ended(task: Task, taken: Status) -> None:
    read = with_word(task, "archived", "status")
    assert read.status is taken
    assert read.status.terminal == (task.completed_at is not None)
    if read.status.terminal:
        assert transitions.cancel(read, now=NOW) is read
    assert read_item(write_item(read)).status is taken


def test_an_attempt_in_a_state_of_a_later_release_is_not_submitted_beside() -> None:
    for task, taken in ((accepted(), AttemptState.ACCEPTED), (sending(a_task()), AttemptState.UNKNOWN)):
        read = with_word(task, "handed_over", "attempts", 0, "state")
        assert read.attempt is not None
        assert read.attempt.state is taken
        assert not read.awaits_submission
        assert sending(read) is read


def test_an_image_in_a_state_of_a_later_release_is_what_is_recorded_of_it() -> None:
    half = transitions.fail_image(copying(), 0, DOWN, now=NOW)
    done = transitions.store_image(half, 1, stored(1), now=NOW)
    assert with_word(half, "upscaling", "images", 1, "state").images[1].state is ImageState.PENDING
    assert with_word(done, "upscaled", "images", 1, "state").images[1].state is ImageState.STORED
    assert with_word(done, "withheld", "images", 0, "state").images[0].state is ImageState.FAILED


def test_a_reason_of_a_later_release_is_trouble_of_the_providers_and_allows_nothing() -> None:
    task = transitions.apply_update(accepted(), "evolink", failed(), now=NOW)
    read = with_word(task, "region_closed", "error", "code")
    assert read.error is not None
    assert (read.error.code, read.error.message) == (ErrorCode.PROVIDER_ERROR, "no")
    assert with_word(task, "tomorrow", "error", "disposition").error.disposition is Disposition.FINAL  # type: ignore[union-attr]


def test_what_is_asked_for_in_words_of_a_later_release_is_told_by_what_it_comes_with() -> None:
    def with_action(task: Task) -> Task:
        record = to_record(task)
        record["request"] |= {"action": "upscale", "strategy": "greenest"}
        assert to_record(from_record(record))["request"] == record["request"]
        return from_record(record)

    assert with_action(a_task()).request.action is Action.GENERATE
    edit = replace(a_task(), request=replace(a_task().request, image_urls=("https://a/0",)))
    assert with_action(edit).request.action is Action.EDIT


def test_an_attribute_of_a_later_release_stays_in_the_item() -> None:
    item = {**write_item(accepted()), "batch": {"S": "b1"}}
    read = read_item(item)
    assert read == accepted()
    assert write_item(transitions.cancel(read, now=NOW))["batch"] == {"S": "b1"}


@pytest.mark.parametrize("message", [Poll("t", 3), Submission("t", 2), Copy("t", 1, 2), Delivery("t", 2, 1, 99)])
@given(fields=NEW_FIELDS)
def test_a_message_of_a_later_release_is_read(message: Any, fields: Json) -> None:
    body = json.dumps({**fields, **json.loads(message_body(message))})
    assert read_message(type(message), body) == message
