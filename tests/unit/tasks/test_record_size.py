"""A record has room for its whole life: whatever happens to a task that was taken, its item can still be written."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.providers.reading.refusals import provider_message
from darkroom.providers.reading.values import MAX_CODE, MAX_ID, as_code, as_id
from darkroom.tasks import transitions
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.history import MOST_BYTES, with_history
from darkroom.tasks.item import MAX_NEW, item_bytes, write_item
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.schedule import MAX_TRIES
from darkroom.tasks.task import StoredImage, Task
from darkroom.tasks.transitions import MAX_LINK
from darkroom.tasks.update import MadeImage, Status, Update
from tests.unit.tasks.test_transitions import NOW, a_task

ITEM = 400 * 1024
"""AWS: DynamoDB quotas, item size."""
PROVIDERS = ("evolink", "qingbo", "acedata", "deepspace", "chanjing", "demo")
WIDEST = "\U0001f98a"
"""A character of four bytes."""
LONG = provider_message("evolink", WIDEST * 5000)


def full(task: Task) -> Task:
    """The task with as many words as are taken at the door."""
    room = MAX_NEW - item_bytes(write_item(task))
    return replace(task, request=ImageRequest("seedream-4.5", "x" * room, n=15))


def failure(disposition: Disposition) -> Failure:
    return Failure(ErrorCode.PROVIDER_ERROR, LONG, disposition, as_code("c" * 500))


def test_what_a_provider_says_is_cut_before_it_is_recorded() -> None:
    assert len(LONG) < 320
    assert len(as_code("c" * 500)) == MAX_CODE
    assert as_id("i" * MAX_ID)
    assert as_id("i" * (MAX_ID + 1)) == ""


def test_the_longest_life_fits() -> None:
    task = full(a_task(*PROVIDERS))
    for _ in range(MAX_TRIES * len(PROVIDERS) - 1):
        task = step(task, transitions.begin_attempt(task, credential="c" * 64, expects_callback=True, now=NOW))
        task = step(task, transitions.refuse(task, failure(Disposition.LATER), now=NOW))
    task = step(task, transitions.begin_attempt(task, credential="c" * 64, expects_callback=True, now=NOW))
    link = "https://a/" + "x" * (MAX_LINK - 10)
    update = Update(Status.COMPLETED, "i" * MAX_ID, images=tuple(MadeImage(url=link) for _ in range(40)))
    task = step(task, transitions.apply_update(task, task.provider, update, now=NOW))
    for index in range(15):
        task = step(task, transitions.refresh_source(task, index, link[:-1] + "y"))
        key = f"tasks/{'o' * 64}/{task.task_id}/{index}.{task.nonce}.png"
        kept = StoredImage(key, "image/png", 10**9, 65535, 65535, "f" * 64)
        lost = Failure(ErrorCode.IMAGE_UNAVAILABLE, LONG)
        after = transitions.store_image(task, index, kept, now=NOW)
        task = step(task, after if index % 2 else transitions.fail_image(task, index, lost, now=NOW))
    assert task.status is Status.COMPLETED
    assert len(task.attempts) == MAX_TRIES * len(PROVIDERS)


CHANGES = st.sampled_from(
    [
        "begin",
        "refuse",
        "later",
        "unknown",
        "taken",
        "failed",
        "elsewhere",
        "images",
        "store",
        "lose",
        "renew",
        "cancel",
    ]
)


@settings(max_examples=40, deadline=None)
@given(changes=st.lists(CHANGES, max_size=60), wide=st.booleans())
def test_no_order_of_events_makes_an_item_that_cannot_be_written(changes: list[str], wide: bool) -> None:
    task = full(a_task(*PROVIDERS))
    link = "https://a/" + (WIDEST * 5000 if wide else "x" * (MAX_LINK - 10))
    images = tuple(MadeImage(url=link) for _ in range(16))
    happens: dict[str, Any] = {
        "begin": lambda t: transitions.begin_attempt(t, credential="c", expects_callback=True, now=NOW),
        "refuse": lambda t: transitions.refuse(t, failure(Disposition.ELSEWHERE), now=NOW),
        "later": lambda t: transitions.refuse(t, failure(Disposition.LATER), now=NOW),
        "unknown": lambda t: transitions.mark_submission_unknown(t, now=NOW),
        "taken": lambda t: transitions.accept(t, "i" * MAX_ID, now=NOW),
        "failed": lambda t: hear(t, Update(Status.FAILED, failure=failure(Disposition.FINAL))),
        "elsewhere": lambda t: hear(t, Update(Status.FAILED, failure=failure(Disposition.ELSEWHERE))),
        "images": lambda t: hear(t, Update(Status.COMPLETED, images=images)),
        "store": lambda t: transitions.store_image(
            t, 0, StoredImage("k" * 200, "image/png", 1, 1, 1, "f" * 64), now=NOW
        ),
        "lose": lambda t: transitions.fail_image(t, 1, Failure(ErrorCode.IMAGE_UNAVAILABLE, LONG), now=NOW),
        "renew": lambda t: transitions.refresh_source(t, 2, link + "?2"),
        "cancel": lambda t: transitions.cancel(t, now=NOW),
    }
    for change in changes:
        task = step(task, happens[change](task))


def hear(task: Task, update: Update) -> Task:
    return transitions.apply_update(task, task.provider, update, now=NOW)


def step(before: Task, after: Task) -> Task:
    after = with_history(before, after, cause="callback", now=NOW) if after is not before else after
    assert item_bytes(write_item(after)) <= ITEM
    assert MOST_BYTES < ITEM
    return after
