"""Every change of a task is a line of its history, and nothing else is."""

from dataclasses import replace

from darkroom.tasks import transitions
from darkroom.tasks.failure import ErrorCode, Failure
from darkroom.tasks.history import MOST_ENTRIES, first_entries, with_history
from darkroom.tasks.history_entry import HistoryEntry
from darkroom.tasks.task import Task
from tests.unit.tasks.test_transitions import BUSY, NOW, a_task, accepted, copying, sending, stored


def told(before: Task, after: Task) -> list[str]:
    return [entry.what for entry in with_history(before, after, cause="test", now=NOW).history]


def test_a_life_is_told_in_order() -> None:
    task = a_task("evolink", "qingbo")
    task = with_history(task, sending(task), cause="submit", now=NOW)
    task = with_history(task, transitions.accept(task, "up-1", now=NOW), cause="submit", now=NOW)
    lines = [entry.what for entry in task.history]
    assert lines == ["submitting", "attempt_accepted", "processing"]
    assert task.history[1].details["upstream_id"] == "up-1"


def test_the_images_and_the_end_are_told() -> None:
    task = copying()
    first = transitions.store_image(task, 0, stored(0), now=NOW)
    assert told(task, first) == ["image_stored"]
    lost = transitions.fail_image(first, 1, Failure(ErrorCode.IMAGE_UNAVAILABLE, "gone"), now=NOW)
    assert told(first, lost) == ["image_failed", "completed"]
    assert told(accepted(), copying())[-1] == "images_made"


def test_what_is_put_off_is_told() -> None:
    task = sending(a_task())
    assert told(task, transitions.refuse(task, BUSY, now=NOW)) == ["attempt_refused", "submission_put_off"]
    waiting = transitions.keep_open_until(accepted(), NOW + 10**9)
    assert told(accepted(), waiting) == ["deadline_put_off"]
    renewed = transitions.refresh_source(copying(), 0, "https://b/0")
    assert told(copying(), renewed) == ["image_link_renewed"]
    assert told(copying(), transitions.requeue_copies(copying(), now=NOW + 5)) == ["copies_queued_again"]


def test_nothing_is_told_of_nothing() -> None:
    assert with_history(copying(), copying(), cause="x", now=NOW) == copying()


def test_a_new_task_says_who_could_do_it_and_by_which_rule() -> None:
    (planned, begun) = first_entries(sending(a_task("evolink", "qingbo")), strategy="cheapest", now=NOW)
    assert planned.what == "accepted"
    assert planned.details["order"] == "cheapest"
    assert [offer["provider"] for offer in planned.details["offers"]] == ["evolink", "qingbo"]
    assert begun.what == "submitting"


def test_a_history_has_an_end() -> None:
    full = replace(copying(), history=(HistoryEntry(NOW, "x", "y"),) * MOST_ENTRIES)
    changed = transitions.store_image(full, 0, stored(0), now=NOW)
    assert len(with_history(full, changed, cause="copy", now=NOW).history) == MOST_ENTRIES
