"""The same thing twice at once: a second delivery runs whole in the midst of every call of the first one.

SQS, the stream and API Gateway's clients may all do that. Who acts is decided by the record alone.
"""

import base64
from collections.abc import Callable
from decimal import Decimal

import pytest

from darkroom.accounts.admission import NotAdmitted
from darkroom.submission.accepting import IdempotencyConflict
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Task
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, emulated_aws, shared_session
from tests.integration.life.test_crashes import KEY, PICTURE, REQUEST, check
from tests.integration.life.world import Chaos, World
from tests.pictures import picture

Handling = Callable[[World], None]


def post(world: World) -> None:
    world.submit(REQUEST, KEY)


def post_of_an_event(world: World) -> None:
    """As `intake` does it: recorded here, submitted by `generate`."""
    world.submit(REQUEST, KEY, inline=False)


def next_message(world: World) -> None:
    message = world.queues.waiting[0]
    world.time = max(world.time, message.due_at)
    world._work(message)


def callback(world: World) -> None:
    world.provider._call_back(next(iter(world.provider.jobs)))


def record_of_the_end(world: World) -> None:
    world.notifier.changed(world.kept[-1])


def nothing_yet(world: World) -> None:
    world.open_account(Decimal(100))


def posted_as_an_event(world: World) -> None:
    nothing_yet(world)
    post_of_an_event(world)
    world.run(stop_at="Submission")


def posted(world: World) -> None:
    nothing_yet(world)
    post(world)


def made(world: World) -> None:
    world.provider.callbacks = lambda number: 0
    posted(world)
    world.time += world.provider.latency


def up_to(kind: str) -> Handling:
    def arrange(world: World) -> None:
        posted(world)
        world.run(stop_at=kind)

    return arrange


def ended(world: World) -> None:
    world.stream_tries = 0
    posted(world)
    world.run()
    world.stream_tries = 3


CASES = {
    "a post": (nothing_yet, post),
    "an event": (nothing_yet, post_of_an_event),
    "a submission": (posted_as_an_event, next_message),
    "a look": (made, next_message),
    "a callback": (made, callback),
    "a copy": (up_to("Copy"), next_message),
    "a delivery": (up_to("Delivery"), next_message),
    "the record of an end": (ended, record_of_the_end),
}


def fresh() -> World:
    return World((TASKS, ACCOUNTS), BUCKET, PICTURE, Chaos())


def calls_of(arrange: Handling, handle: Handling) -> int:
    with emulated_aws():
        world = fresh()
        arrange(world)
        before = len(world.chaos.calls)
        handle(world)
        return len(world.chaos.calls) - before


def the_task(world: World) -> Task:
    (task_id,) = [
        item["task_id"]["S"]
        for item in shared_session().client("dynamodb").scan(TableName=TASKS)["Items"]
        if "document" in item
    ]
    found = world.tasks.get(task_id)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", CASES)
def test_whatever_is_handled_twice_at_once_happens_once(kind: str) -> None:
    arrange, handle = CASES[kind]
    for number in range(1, calls_of(arrange, handle) + 1):
        with emulated_aws():
            world = fresh()
            arrange(world)
            world.chaos.kill_at = len(world.chaos.calls) + number
            world.chaos.interrupt = lambda world=world: handle(world)
            handle(world)
            world.kept.clear()
            world.run()
            lost = world.chaos.calls[number - 1]
            try:
                check(world, the_task(world))
                assert len(world.delivered) == 1
                assert world.provider.submissions == 1
                assert all(times == 1 for times in world.downloads.values()) or kind == "a copy"
            except AssertionError as problem:
                raise AssertionError(f"in the midst of call {number} ({lost}): {problem}") from problem


def data(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


REFERENCES = [picture(size=(8, 6)), picture(size=(9, 6))]


def test_a_task_is_made_from_the_image_of_its_own_post() -> None:
    """Two posts at once with one idempotency key and different references: the loser's lie nowhere any more."""
    requests = [ImageRequest("seedream-4.5", "a fox", image_urls=(data(content),)) for content in REFERENCES]
    number = 0
    while True:
        number += 1
        with emulated_aws():
            world = fresh()
            answers: dict[int, object] = {}

            def post_one(place: int, world: World = world, answers: dict[int, object] = answers) -> None:
                try:
                    answers[place] = world.submit(requests[place], KEY, fingerprint=str(place))
                except IdempotencyConflict as conflict:
                    answers[place] = conflict

            world.chaos.kill_at = number
            world.chaos.interrupt = lambda: post_one(1)
            post_one(0)
            if len(answers) == 1:
                break
            world.run()
            won = 0 if isinstance(answers[1], IdempotencyConflict) else 1
            assert isinstance(answers[1 - won], IdempotencyConflict)
            (job,) = world.provider.jobs.values()
            assert world.objects.read(job["image_urls"][0]) == REFERENCES[won], number
            listed = shared_session().client("s3").list_objects_v2(Bucket=BUCKET, Prefix="tasks/")["Contents"]
            assert sum("/references/" in each["Key"] for each in listed) == 1, number
    assert number > 3


def test_a_refused_task_leaves_no_reference_behind() -> None:
    with emulated_aws():
        world = fresh()
        world.open_account(Decimal(1))
        request = ImageRequest("seedream-4.5", "a fox", image_urls=(data(REFERENCES[0]),))
        with pytest.raises(NotAdmitted):
            world.submit(request, KEY)
        assert "Contents" not in shared_session().client("s3").list_objects_v2(Bucket=BUCKET, Prefix="tasks/")
