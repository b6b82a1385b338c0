"""Whole lives of tasks on a clock of their own: deadlines, lost messages, refusals and late words."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from darkroom.accounts.keys import AccountStore
from darkroom.accounts.ledger import AccountLedger
from darkroom.operations.deletion import Deletion, StillSettled
from darkroom.providers.base import OutcomeUnknown
from darkroom.tasks.cancellation import cancel
from darkroom.tasks.failure import Disposition, ErrorCode
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import AttemptState, Task
from darkroom.tasks.update import Status
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, emulated_aws, shared_session
from tests.integration.life.world import World, refusal
from tests.pictures import picture

REQUEST = ImageRequest(model="seedream-4.5", prompt="a lighthouse", callback_url="https://app.example/hook")
MINUTE = 60_000


@pytest.fixture
def world() -> Iterator[World]:
    with emulated_aws():
        yield World((TASKS, ACCOUNTS), BUCKET, picture())


def submit(world: World, key: str | None = None) -> Task:
    submitted = world.submit(REQUEST, key)
    assert submitted is not None
    return submitted.task


def now(world: World, task: Task) -> Task:
    found = world.tasks.get(task.task_id)
    assert found is not None
    return found


def test_a_job_that_never_ends_ends_with_the_deadline(world: World) -> None:
    world.provider.latency = 10**12
    task = submit(world)
    world.run(until=29 * MINUTE)
    assert now(world, task).status is Status.PROCESSING
    world.run(until=2 * MINUTE)
    ended = now(world, task)
    assert (ended.status, ended.error and ended.error.code) == (Status.FAILED, ErrorCode.DEADLINE_EXCEEDED)
    assert not world.queues.waiting


@pytest.mark.parametrize("minutes", [2, 90])
def test_a_task_may_have_a_deadline_of_its_own(world: World, minutes: int) -> None:
    world.provider.latency = 10**12
    submitted = world.submit(replace(REQUEST, deadline_seconds=60 * minutes))
    assert submitted is not None
    world.run(until=(minutes - 1) * MINUTE)
    assert now(world, submitted.task).status is Status.PROCESSING
    world.run(until=2 * MINUTE)
    assert now(world, submitted.task).status is Status.FAILED


def test_an_unknown_outcome_waits_for_its_callback_and_ends_with_the_deadline(world: World) -> None:
    world.provider.refusals = [OutcomeUnknown("timed out")]
    task = submit(world)
    assert task.attempt is not None
    assert task.attempt.state is AttemptState.UNKNOWN
    world.run()
    ended = now(world, task)
    assert (ended.status, ended.error and ended.error.code) == (Status.FAILED, ErrorCode.SUBMISSION_UNKNOWN)
    assert world.provider.submissions == 0
    assert len(ended.attempts) == 1


def test_refusals_for_now_are_repeated_with_longer_and_longer_waits(world: World) -> None:
    busy = refusal(ErrorCode.RATE_LIMITED, Disposition.LATER)
    world.provider.refusals = [busy, busy, busy]
    task = submit(world)
    world.run()
    ended = now(world, task)
    assert ended.status is Status.COMPLETED
    begun = [attempt.begun_at for attempt in ended.attempts]
    waits = [later - earlier for earlier, later in pairwise(begun)]
    assert len(waits) == 3
    assert [round(wait / 1000) for wait in waits] == [2, 6, 18]


def test_an_outage_of_everybody_is_told_in_the_end(world: World) -> None:
    world.provider.refusals = [refusal(ErrorCode.PROVIDER_UNAVAILABLE, Disposition.ELSEWHERE)] * 10
    task = submit(world)
    world.run()
    ended = now(world, task)
    assert ended.error is not None
    assert (ended.status, ended.error.code) == (Status.FAILED, ErrorCode.PROVIDER_UNAVAILABLE)


def test_a_lost_copy_is_handed_out_again(world: World) -> None:
    task = submit(world)
    world.run(until=10_000)
    world.queues.waiting = [message for message in world.queues.waiting if message.queue != "Copy"]
    world.run()
    assert now(world, task).status is Status.COMPLETED


def test_a_lost_submission_is_handed_out_again(world: World) -> None:
    world.provider.refusals = [refusal(ErrorCode.RATE_LIMITED, Disposition.LATER)]
    task = submit(world)
    world.queues.waiting = [message for message in world.queues.waiting if message.queue != "Submission"]
    world.run()
    assert now(world, task).status is Status.COMPLETED


def test_a_picture_that_is_never_there_fails_alone_and_frees_the_charge(world: World) -> None:
    submitted = world.submit(ImageRequest(model="seedream-4.5", prompt="two", n=2))
    assert submitted is not None
    world.missing = {"https://pictures.example/task-unified-1/1"}
    world.run()
    ended = now(world, submitted.task)
    assert ended.status is Status.COMPLETED
    assert [image.state.value for image in ended.images] == ["stored", "failed"]
    assert str(ended.usage.charged) == "1.80"


@pytest.mark.parametrize("first", [b"", b"<html>soon</html>", b'{"error": "not yet"}', picture()[:-30]])
def test_a_server_that_is_not_ready_is_asked_again_as_long_as_one_that_has_nothing(world: World, first: bytes) -> None:
    world.served = [first] * 4
    task = submit(world)
    world.run()
    assert now(world, task).status is Status.COMPLETED
    assert sum(world.downloads.values()) == 5


def test_a_document_that_may_run_is_asked_for_once_more_and_refused(world: World) -> None:
    world.served = [b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"] * 9
    task = submit(world)
    world.run()
    ended = now(world, task)
    assert ended.status is Status.FAILED
    assert ended.error is not None
    assert "may run in a browser" in ended.error.message
    assert sum(world.downloads.values()) == 2


def test_pictures_are_stored_without_their_metadata_where_the_deployment_says_so(world: World) -> None:
    said = b"52.5200 N 13.4050 E"
    world.picture = picture("JPEG", comment=said)
    world.image_copier._strip = True
    task = submit(world)
    world.run()
    (image,) = now(world, task).images
    assert image.stored is not None
    content = world.objects.read(image.stored.key)
    assert said not in content
    assert (len(content), hashlib.sha256(content).hexdigest()) == (image.stored.bytes, image.stored.sha256)


def test_a_replayed_key_is_answered_even_where_nobody_sells_the_model_any_more(world: World) -> None:
    first = submit(world, "k")
    world.submissions._available = frozenset  # nobody has a key any more
    again = world.submit(REQUEST, "k")
    assert again is not None
    assert (again.replayed, again.task.task_id) == (True, first.task_id)


def test_a_callback_in_a_new_format_keeps_the_task_open_and_can_be_replayed(world: World) -> None:
    world.provider.callbacks = lambda number: 0
    world.provider.latency = 10**12
    task = submit(world)
    url = world.provider.jobs["task-unified-1"]["callback_url"]
    world.receive_callback(url, b'{"portraits": ["https://pictures.example/x"]}')
    world.run(until=40 * MINUTE)
    kept = now(world, task)
    assert kept.status is Status.PROCESSING, "the deadline is put off"
    assert [verdict.value for verdict in world.callbacks.replay(kept)] == ["unreadable"]
    world.run()
    assert now(world, task).status is Status.FAILED


def test_a_look_without_a_record_gives_up_after_a_while(world: World) -> None:
    from darkroom.tasks.messages import Poll

    queues = world.queues
    queues.send(Poll("task_01M7Y0K4SK2HQR5V5B4CM148FG", sent_at=world.time))
    world.run()
    assert not queues.waiting
    assert not queues.dead


def test_an_idempotency_key_whose_task_is_over_makes_a_new_task_with_pictures_of_its_own(world: World) -> None:
    first = submit(world, "order-7")
    world.run()
    before = now(world, first)
    assert submit(world, "order-7") == before
    world.time += 31 * 24 * 60 * MINUTE  # neither the table nor the bucket has deleted anything yet
    assert world.tasks.get(first.task_id) is None
    world.picture = picture(size=(31, 17))
    second = submit(world, "order-7")
    assert second.task_id == first.task_id
    world.run()
    ended = now(world, second)
    assert (ended.status, ended.created_at, world.provider.submissions) == (Status.COMPLETED, second.created_at, 2)
    (image,) = ended.images
    assert image.stored is not None
    assert world.objects.read(image.stored.key) == world.picture
    assert world.announced == [(first.task_id, "completed")] * 2
    assert len(world.delivered) == 2
    assert submit(world, "order-7") == ended


# Cancelling


def cancelled(world: World, task: Task) -> Task:
    return cancel(world.tasks, now(world, task), world.clock, charge_made=True)


def balance(world: World) -> Decimal:
    account = AccountLedger(shared_session().client("dynamodb"), ACCOUNTS).find("owner")
    assert account is not None
    lines, _ = AccountLedger(shared_session().client("dynamodb"), ACCOUNTS).ledger("owner", limit=50)
    assert account.balance == sum(line.amount for line in lines)
    assert account.open_tasks == 0
    return account.balance


@pytest.mark.parametrize("callbacks", [0, 1, 2])
def test_a_cancelled_task_whose_provider_goes_on_is_charged_once_it_is_known(world: World, callbacks: int) -> None:
    """evolink has no call to cancel: by a callback, or by the look where none comes."""
    world.open_account(Decimal(10))
    world.provider.callbacks = lambda number: callbacks
    task = submit(world)
    assert cancelled(world, task).status is Status.CANCELLED
    assert balance(world) == Decimal("8.20"), "held back still"
    with pytest.raises(StillSettled):
        Deletion(tasks=world.tasks, objects=world.objects).delete(now(world, task))
    world.run()
    settled = now(world, task)
    assert (settled.status, settled.images, str(settled.usage.charged)) == (Status.CANCELLED, (), "1.80")
    assert settled.history[-1].what == "cancellation_settled"
    assert balance(world) == Decimal("8.20")
    usage = AccountStore(shared_session().client("dynamodb"), ACCOUNTS).usage("owner", "2026-05")
    assert [(line.cancelled, line.credits) for line in usage] == [(1, "1.80")]
    assert not world.downloads
    assert not world.queues.waiting
    Deletion(tasks=world.tasks, objects=world.objects).delete(settled)


def test_what_a_cancelled_task_withheld_is_given_back_with_the_deadline(world: World) -> None:
    world.open_account(Decimal(10))
    world.provider.latency = 10**12
    task = submit(world)
    cancelled(world, task)
    world.run(until=29 * MINUTE)
    assert balance(world) == Decimal("8.20")
    world.run(until=2 * MINUTE)
    assert (now(world, task).withheld, balance(world)) == (False, Decimal(10))
    assert not world.queues.waiting


def test_cancelling_in_time_costs_nothing(world: World) -> None:
    world.open_account(Decimal(10))
    world.provider.refusals = [refusal(ErrorCode.RATE_LIMITED, Disposition.LATER)]
    task = submit(world)
    cancelled(world, task)
    assert balance(world) == Decimal(10)
    world.run()
    assert (balance(world), world.provider.submissions) == (Decimal(10), 0)
