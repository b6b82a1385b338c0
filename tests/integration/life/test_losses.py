"""What was lost is found again: messages without end, tasks without a message, images without a record."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from darkroom.callbacks.notes import MOST_NOTES, CallbackNote, CallbackNotes
from darkroom.images.object_store import image_key
from darkroom.operations import reconciliation
from darkroom.operations.dead_letter_handling import DeadLetterHandler, give_up_delivery
from darkroom.operations.reconciliation import Findings
from darkroom.operations.sweep_cursor import SweepCursors
from darkroom.providers.evolink import Evolink
from darkroom.tasks import transitions
from darkroom.tasks.failure import Disposition, ErrorCode
from darkroom.tasks.messages import Copy, Poll, Submission
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Task
from darkroom.tasks.update import MadeImage, Status, Update
from darkroom.webhooks.delivery_log import DeliveryLog, DeliveryState
from darkroom.webhooks.messages import Delivery
from tests.emitted import emitted
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, emulated_aws, shared_session
from tests.integration.life.world import World, refusal
from tests.pictures import picture

REQUEST = ImageRequest(model="seedream-4.5", prompt="a lighthouse", n=2, callback_url="https://app.example/hook")
MINUTE = 60_000


@pytest.fixture
def world() -> Iterator[World]:
    with emulated_aws():
        yield World((TASKS, ACCOUNTS), BUCKET, picture())


def submit(world: World) -> Task:
    submitted = world.submit(REQUEST)
    assert submitted is not None
    return submitted.task


def now(world: World, task: Task) -> Task:
    found = world.tasks.get(task.task_id)
    assert found is not None
    return found


def made(world: World) -> Task:
    """A task whose pictures are made and wait to be copied."""
    world.provider.callbacks = lambda number: 0
    task = submit(world)
    (job_id,) = world.provider.jobs
    world.time += world.provider.latency
    world.receive_callback(
        world.provider.jobs[job_id]["callback_url"], json.dumps(world.provider.body(job_id)).encode()
    )
    assert len(now(world, task).pending_images) == 2
    return task


# The reconciler


def test_a_task_without_any_message_is_found_and_brought_to_its_end(world: World) -> None:
    world.provider.callbacks = lambda number: 0
    task = submit(world)
    world.queues.waiting.clear()
    world.time += 11 * MINUTE
    assert world.reconciler.run() == Findings(looked_after=1)
    world.run(until=MINUTE)
    assert now(world, task).status is Status.COMPLETED
    assert world.reconciler.run() == Findings()


def test_a_young_task_is_left_to_its_own_messages(world: World) -> None:
    submit(world)
    world.time += 9 * MINUTE
    assert world.reconciler.run().looked_after == 0


def test_a_look_beside_the_others_leads_to_no_second_row_of_looks(world: World) -> None:
    world.provider.latency = 10**9
    submit(world)
    before = len(world.queues.waiting)
    world.time += 11 * MINUTE
    world.reconciler.run()
    world.run(until=1)
    assert len([each for each in world.queues.waiting if each.queue == "Poll"]) == before


def test_an_image_that_lies_there_unrecorded_is_recorded(world: World) -> None:
    task = made(world)
    world.queues.waiting.clear()
    for index in (0, 1):
        key = image_key(task, index, "png")
        about = {"width": "8", "height": "6", "sha256": "0" * 64}
        shared_session().client("s3").put_object(
            Bucket=BUCKET, Key=key, Body=picture(), ContentType="image/png", Metadata=about
        )
    assert world.reconciler.run() == Findings(recorded=2)
    world.run(until=MINUTE)
    assert now(world, task).status is Status.COMPLETED
    assert not world.downloads


def test_an_object_of_no_task_is_told_of_and_left(world: World) -> None:
    key = "tasks/owner/task_01M7Y0K4SK2HQR5V5B4CM148FG/0.png"
    shared_session().client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x")
    for strange in ("tasks/owner/strange/name", "tasks/owner/summary.json", "tasks/index"):
        shared_session().client("s3").put_object(Bucket=BUCKET, Key=strange, Body=b"x")
    assert world.reconciler.run() == Findings(orphans=4)
    assert shared_session().client("s3").head_object(Bucket=BUCKET, Key=key)


def test_a_large_bucket_is_gone_through_part_by_part(world: World) -> None:
    for number in range(5):
        shared_session().client("s3").put_object(Bucket=BUCKET, Key=f"tasks/owner/t/{number}.png", Body=b"x")
    seen, position = [], ""
    while True:
        images, position = world.objects.images_after(position, limit=2)
        seen += [image.key for image in images]
        if not position:
            break
    assert seen == [f"tasks/owner/t/{number}.png" for number in range(5)]


def test_an_image_is_looked_at_when_it_is_new_and_left_alone_after_that(world: World) -> None:
    submit(world)
    world.run()
    bucket_time = max(image.modified_at for image in world.objects.images_after("", limit=9)[0])
    reads: list[int] = []
    for _ in range(4):
        world.time = max(world.time, bucket_time) + 15 * MINUTE
        before = world.chaos.calls.count("dynamodb.batch_get_item")
        world.reconciler.run()
        reads.append(world.chaos.calls.count("dynamodb.batch_get_item") - before)
    assert reads == [1, 0, 0, 0]


def test_an_index_larger_than_one_run_is_gone_through_run_by_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "MOST_TASKS", 8)
    world.provider.callbacks = lambda number: 0
    ids = set()
    for _ in range(30):
        ids.add(submit(world).task_id)
        world.time += 1
    world.queues.waiting.clear()
    world.time += 11 * MINUTE
    for _ in range(40):  # a run goes on by one task where a part of the index holds all of them
        world.reconciler.run()
    looked_at = {json.loads(message.body)["task_id"] for message in world.queues.waiting}
    assert looked_at == ids


def test_a_part_that_fails_keeps_no_other_from_being_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.provider.callbacks = lambda number: 0
    task = submit(world)
    world.queues.waiting.clear()
    world.time += 11 * MINUTE
    key = "tasks/owner/task_01M7Y0K4SK2HQR5V5B4CM148FG/0.png"
    shared_session().client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x")

    def broken() -> list[dict[str, Any]]:
        raise ConnectionError("no SQS")

    monkeypatch.setattr(world, "counted", broken)
    with pytest.raises(ConnectionError, match="no SQS"):
        world.reconciler.run()
    assert [message.queue for message in world.queues.waiting] == ["Poll"]
    assert SweepCursors(shared_session().client("dynamodb"), ACCOUNTS).find("objects").begun_at == world.time
    assert not now(world, task).status.terminal


# What is told of how things stand


def test_a_task_far_behind_its_time_is_counted_and_no_other(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.provider.latency = 10**10
    task = submit(world)
    world.queues.waiting.clear()
    world.time = task.deadline_at + 14 * MINUTE
    assert world.reconciler.run().overdue == 0
    assert "Overdue" not in {name for name, *_ in emitted(capsys.readouterr().out)}
    world.time = task.deadline_at + 16 * MINUTE
    assert world.reconciler.run().overdue == 1
    assert ("Overdue", 1, {}) in emitted(capsys.readouterr().out)


def test_a_submission_that_nobody_takes_up_is_overdue(world: World) -> None:
    world.provider.refusals = [refusal(ErrorCode.RATE_LIMITED, Disposition.LATER)]
    task = submit(world)
    world.queues.waiting.clear()
    world.time = task.created_at + 14 * MINUTE
    assert world.reconciler.run().overdue == 0
    world.time = task.created_at + 17 * MINUTE
    assert world.reconciler.run().overdue == 1


def test_what_was_given_up_on_is_told_of_as_long_as_it_lies_there(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.reconciler.run()
    assert "MessageGivenUp" not in {name for name, *_ in emitted(capsys.readouterr().out)}
    world.kept += [{}, {}]
    for _ in range(2):
        assert world.reconciler.run().given_up == 2
        assert ("MessageGivenUp", 2, {}) in emitted(capsys.readouterr().out)


# Messages that failed for the last time


def test_a_submission_that_is_given_up_on_fails_its_task(world: World) -> None:
    task = submit(world)
    waiting = world.tasks.change(
        task.task_id, lambda current: transitions.refuse(_again(current), _busy(), now=world.time)
    ).after
    DeadLetterHandler(tasks=world.tasks, clock=world.clock).submission(Submission(waiting.task_id))
    ended = now(world, task)
    assert (ended.status, ended.error and ended.error.code) == (Status.FAILED, ErrorCode.PROVIDER_ERROR)
    assert ended.history[-1].cause == "given_up"


def _again(task: Task) -> Task:
    from dataclasses import replace

    from darkroom.tasks.task import AttemptState

    attempt = replace(task.attempts[-1], state=AttemptState.SENDING, upstream_id="")
    return replace(task, attempts=(attempt,), status=Status.QUEUED)


def _busy() -> Any:
    from tests.unit.tasks.test_transitions import BUSY

    return BUSY


def test_a_submission_that_may_have_been_taken_is_left_to_its_callback(world: World) -> None:
    task = submit(world)
    DeadLetterHandler(tasks=world.tasks, clock=world.clock).submission(Submission(task.task_id))
    assert now(world, task).status is Status.PROCESSING
    world.run()
    assert now(world, task).status is Status.COMPLETED


def test_a_copy_that_is_given_up_on_fails_its_own_image_alone(world: World) -> None:
    task = made(world)
    DeadLetterHandler(tasks=world.tasks, clock=world.clock).copy(Copy(task.task_id, 0))
    world.run()
    ended = now(world, task)
    assert ended.status is Status.COMPLETED
    assert [image.state.value for image in ended.images] == ["failed", "stored"]


def test_a_look_that_is_given_up_on_ends_its_task(world: World) -> None:
    task = submit(world)
    last = DeadLetterHandler(tasks=world.tasks, clock=world.clock)
    last.poll(Poll(task.task_id, cancel=True))
    assert not now(world, task).status.terminal
    last.poll(Poll(task.task_id))
    assert now(world, task).status is Status.FAILED
    last.poll(Poll("task_of_nobody"))


def test_a_webhook_that_cannot_even_be_tried_is_shown_as_failed(world: World) -> None:
    task_id = submit(world).task_id
    deliveries = world.deliveries
    deliveries.save(DeliveryLog(task_id, "owner", "https://app.example/hook", 2_000_000_000))
    give_up_delivery(world.tasks, deliveries, Delivery(task_id), world.time)
    log = deliveries.get(task_id)
    assert log is not None
    assert log.state is DeliveryState.FAILED
    assert log.attempts[-1].error == "could not be attempted"
    give_up_delivery(world.tasks, deliveries, Delivery("nobody"), world.time)


# Callbacks that change nothing


def test_a_leaked_callback_address_does_not_fill_the_bucket_and_the_genuine_one_is_still_heard(world: World) -> None:
    world.provider.callbacks = lambda number: 0
    task = submit(world)
    ((job_id, job),) = world.provider.jobs.items()
    for number in range(MOST_NOTES + 20):
        world.receive_callback(job["callback_url"], b'{"junk": %d}' % number)
    kept = shared_session().client("s3").list_objects_v2(Bucket=BUCKET, Prefix="callbacks/")["KeyCount"]
    assert kept == MOST_NOTES
    world.time += world.provider.latency
    world.provider._call_back(job_id)
    assert now(world, task).images


@pytest.mark.parametrize(
    ("body", "longer"),
    [
        (b'{"status": "completed", "results": []}', False),
        (b'{"status": "completed"}', False),
        (b'{"status": "completed", "input": {"image": "https://a.example/reference.png"}}', False),
        (b'{"status": "completed", "webhook": "https://gateway.example/callbacks/evolink/x/y"}', False),
        (b'{"state": "done", "portraits": ["https://pictures.example/x"]}', True),
        (b'{"state": "done", "image": "data:image/png;base64,xx"}', True),
    ],
)
def test_a_callback_keeps_a_task_open_only_where_a_picture_may_be_in_it(
    world: World, body: bytes, longer: bool
) -> None:
    world.provider.callbacks = lambda number: 0
    request = ImageRequest("seedream-4.5", "a fox", image_urls=("https://a.example/reference.png",))
    submitted = world.submit(request)
    assert submitted is not None
    (job,) = world.provider.jobs.values()
    for _ in range(3):
        world.receive_callback(job["callback_url"], body)
    later = now(world, submitted.task).deadline_at
    assert (later > submitted.task.deadline_at) is longer
    assert later <= submitted.task.created_at + 20 * 60 * MINUTE


# Callbacks that count only once they are confirmed


def test_a_callback_that_has_to_be_confirmed_is_a_hint_only(world: World) -> None:
    world.confirm = True
    world._build()
    task = submit(world)
    world.run(until=10_001)
    # The callback came at ten seconds, and the look that it called for asked the provider.
    assert now(world, task).images
    world.run()
    ended = now(world, task)
    assert ended.status is Status.COMPLETED
    assert next(entry.cause for entry in ended.history if entry.what == "images_made") == "look"
    notes = CallbackNotes(shared_session().client("dynamodb"), TASKS, clock=world.clock).of_task(task.task_id)
    assert [note.verdict for note in notes] == ["to_confirm"]


def test_a_callback_that_the_provider_does_not_confirm_changes_nothing(world: World) -> None:
    world.confirm = True
    world._build()
    world.provider.callbacks = lambda number: 0
    task = submit(world)
    (job_id,) = world.provider.jobs
    url = world.provider.jobs[job_id]["callback_url"]
    lie = b'{"id": "%s", "status": "completed", "results": ["https://evil.example/0"]}' % job_id.encode()
    world.receive_callback(url, lie)
    world.run(until=5_000)
    assert not now(world, task).images
    world.run()
    ended = now(world, task)
    assert ended.status is Status.COMPLETED
    assert not any("evil" in image.source for image in ended.images)


@pytest.mark.parametrize(("job", "objects"), [("of another task", 0), ("its own", 15)])
def test_a_callback_stores_no_more_than_a_task_can_have_and_nothing_for_another(
    world: World, monkeypatch: pytest.MonkeyPatch, job: str, objects: int
) -> None:
    """Thousands of pictures as data in one genuine callback."""
    world.provider.callbacks = lambda number: 0
    submit(world)
    (job_id,) = world.provider.jobs
    many = tuple(MadeImage(base64="aGVsbG8=") for _ in range(3000))
    update = Update(Status.COMPLETED, job_id if job == "its own" else "another", 100, many)
    monkeypatch.setattr(Evolink, "read_callback", lambda self, body, ids=(): update)
    world.receive_callback(world.provider.jobs[job_id]["callback_url"], b"{}")
    found = shared_session().client("s3").list_objects_v2(Bucket=BUCKET, Prefix="results/").get("Contents", [])
    assert len(found) == objects


def test_every_callback_that_changed_nothing_leaves_a_note_up_to_a_limit(world: World) -> None:
    world.provider.callbacks = lambda number: 3
    task = submit(world)
    world.run()
    notes = CallbackNotes(shared_session().client("dynamodb"), TASKS, clock=world.clock)
    assert [note.verdict for note in notes.of_task(task.task_id)] == ["unchanged", "unchanged"]
    for number in range(MOST_NOTES + 5):
        notes.add(task.task_id, CallbackNote(number, "evolink", "unchanged"), task.expires_at)
    assert len(notes.of_task(task.task_id)) == MOST_NOTES
