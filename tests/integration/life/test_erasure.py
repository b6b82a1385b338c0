"""Erasing an owner: nothing that names it is left, whatever was under way, and wherever it broke off."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from darkroom.accounts.key_admin import KeyAdmin
from darkroom.accounts.keys import AccountStore, ApiKey, key_digest
from darkroom.accounts.ledger import AccountLedger
from darkroom.accounts.rate_limit import RequestRates
from darkroom.callbacks.notes import CallbackNote, CallbackNotes
from darkroom.callbacks.receiver import Verdict
from darkroom.images.object_store import NotDeleted, ObjectStore
from darkroom.operations.erasing import GRACE, Eraser
from darkroom.operations.erasure_store import Erasure, Erasures, Phase
from darkroom.operations.owned_items import OwnedItems
from darkroom.submission.in_flight_calls import InFlightCalls, InFlightCallStore, answer_key
from darkroom.submission.repetition import Wait
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Entry, Task
from darkroom.tasks.update import Status
from darkroom.webhooks.secrets import WebhookSecrets
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, emulated_aws, shared_session
from tests.integration.life.world import Killed, World
from tests.pictures import picture

OWNER, OTHER = "acme-gone", "somebody-else"
REQUEST = ImageRequest("seedream-4.5", "a lighthouse", callback_url="https://app.example/hook")
MINUTE = 60_000
BY_HAND = "dk_made_by_hand"


@pytest.fixture
def world() -> Iterator[World]:
    with emulated_aws():
        yield a_world()


def a_world() -> World:
    """A deployment in which two owners have everything that one can have, one of them a task under way besides."""
    world = World((TASKS, ACCOUNTS), BUCKET, picture())
    settle(world, OTHER)
    settle(world, OWNER)
    item: Any = {"pk": {"S": f"key#{key_digest(BY_HAND)}"}, "sk": {"S": "key"}, "owner": {"S": OWNER}}
    dynamodb().put_item(TableName=ACCOUNTS, Item=item)
    position: Any = {"pk": {"S": "sweeps"}, "sk": {"S": "objects"}, "position": {"S": f"tasks/{OWNER}/x/0.png"}}
    dynamodb().put_item(TableName=ACCOUNTS, Item=position)
    return world


def dynamodb() -> Any:
    return shared_session().client("dynamodb")


def settle(world: World, owner: str) -> None:
    """Give an owner keys, credits, a webhook secret, and a task that has ended."""
    book = AccountLedger(dynamodb(), ACCOUNTS)
    book.put_terms(owner, prepaid=True, budget=None)
    book.credit(owner, Decimal(100), reference="first", note="", now=world.time)
    made = KeyAdmin(dynamodb(), ACCOUNTS).create(ApiKey(owner, open_tasks=20), world.time)
    RequestRates(dynamodb(), ACCOUNTS).take(made.key.key_id, 5, world.time)
    WebhookSecrets(dynamodb(), ACCOUNTS).rotate(owner, world.time, first="whsec_x")
    world.caller = made.key
    entry = Entry("evolink", "doubao-seedream-4.5")
    task = post(world, replace(REQUEST, image_urls=("data:image/png;base64,aGVsbG8=",)), entry=entry)
    world.run()
    InFlightCallStore(dynamodb(), TASKS, clock=world.clock).replace(
        InFlightCalls(answer_key(owner, entry.dialect, task.fingerprint)),
        (Wait("a", world.time, world.time, world.time, task_id=task.task_id),),
    )
    CallbackNotes(dynamodb(), TASKS, clock=world.clock).add(
        task.task_id, CallbackNote(world.time, "evolink", "unchanged"), task.expires_at
    )


def post(world: World, request: ImageRequest = REQUEST, **more: Any) -> Task:
    return world.submissions.submit(world.caller, request, fingerprint="f", correlation_id="c", **more).task


def eraser(world: World, client: Any = None, s3: Any = None, **more: Any) -> Eraser:
    client, s3 = client or dynamodb(), s3 or shared_session().client("s3")
    return Eraser(
        **{
            "erasures": Erasures(client, ACCOUNTS),
            "items": OwnedItems(client, TASKS, ACCOUNTS),
            "tasks": world.tasks,
            "objects": ObjectStore(s3, BUCKET),
            "remembered_days": 35,
            "clock": world.clock,
            "scale": 1,
            **more,
        }
    )


def erase_to_the_end(world: World) -> Erasure:
    for _ in range(10):
        found = eraser(world).erase(OWNER, seconds=60)
        if found.phase is Phase.DONE:
            return found
        world.run(until=GRACE * 1000)
        world.time += GRACE * 1000
    raise AssertionError(f"it never ends: {found}")


def everything() -> list[str]:
    """Every item of both tables as text, and every object's key."""
    items = [item for table in (TASKS, ACCOUNTS) for item in dynamodb().scan(TableName=table)["Items"]]
    found = shared_session().client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [json.dumps(item, sort_keys=True) for item in items] + [entry["Key"] for entry in found]


def naming(*names: str) -> list[str]:
    return [thing for thing in everything() if any(name in thing for name in names)]


def ids_of(owner: str) -> list[str]:
    items = dynamodb().scan(TableName=TASKS)["Items"]
    return [item["task_id"]["S"] for item in items if item.get("owner", {}).get("S") == owner]


def test_nothing_that_names_the_owner_is_left_and_nothing_of_anybody_else_is_touched(world: World) -> None:
    post(world)
    theirs = sorted(naming(OTHER, *ids_of(OTHER)))
    keys = [key.key_id for key in KeyAdmin(dynamodb(), ACCOUNTS).of_owner(OWNER)]
    names = [OWNER, key_digest(BY_HAND), *keys, *ids_of(OWNER)]
    done = erase_to_the_end(world)
    assert naming(*names) == []
    assert sorted(naming(OTHER, *ids_of(OTHER))) == theirs
    assert done.finished_at is not None
    removed = dict(done.removed)
    assert removed.pop("objects") >= 4, "two pictures, a reference, callbacks"
    assert removed.pop("ledger_lines") == 6  # a credit with its guard, two reserves, two settlements
    assert removed.pop("account_items") >= 4  # the pointer at a key, the account, usage, the webhook secret
    assert removed == {"keys": 2, "tasks": 2, "tasks_cancelled": 1}
    left = [item for item in dynamodb().scan(TableName=TASKS)["Items"] if item["task_id"]["S"].startswith("answers#")]
    assert len(left) == 1, "the other's alone"


def test_keys_are_off_at_once_and_events_are_not_taken(world: World) -> None:
    eraser(world).erase(OWNER, seconds=60)
    (key,) = KeyAdmin(dynamodb(), ACCOUNTS).of_owner(OWNER)
    by_hand = AccountStore(dynamodb(), ACCOUNTS).find_key(BY_HAND)
    assert key.disabled
    assert by_hand is not None
    assert by_hand.disabled
    assert not KeyAdmin(dynamodb(), ACCOUNTS).knows(OWNER)
    assert KeyAdmin(dynamodb(), ACCOUNTS).knows(OTHER)


def test_a_submission_that_raced_leaves_no_task_behind(world: World) -> None:
    """It was let in by its key before that was disabled, and makes its task after all others were removed."""
    eraser(world).erase(OWNER, seconds=60)
    assert eraser(world).erase(OWNER, seconds=60).phase is Phase.RECORDS
    late = post(world)
    world.time += GRACE * 1000
    assert eraser(world).erase(OWNER, seconds=60).phase is Phase.REST
    assert world.tasks.get(late.task_id) is None
    assert erase_to_the_end(world).removed["tasks_cancelled"] == 1
    assert naming(OWNER, late.task_id) == []


def test_an_open_task_is_cancelled_its_provider_told_and_what_it_delivers_not_kept(world: World) -> None:
    task = post(world)
    (job_id, job), *_ = [pair for pair in world.provider.jobs.items() if world.time < pair[1]["done_at"]]
    eraser(world).erase(OWNER, seconds=60)
    assert (task.task_id, "cancelled") not in world.announced
    world.run(until=MINUTE)  # the stream is read, the callback comes
    assert (task.task_id, "cancelled") in world.announced
    cancelled = world.tasks.get(task.task_id)
    assert cancelled is not None, "so that its look can tell the provider"
    assert (cancelled.status, cancelled.images) == (Status.CANCELLED, ())
    world.time += GRACE * 1000
    eraser(world).erase(OWNER, seconds=60)
    provider, task_id, token = job["callback_url"].removeprefix("https://gateway.example/callbacks/").split("/")
    body = json.dumps(world.provider.body(job_id)).encode()
    assert world.callbacks.receive(provider, task_id, token, {}, body) is Verdict.NO_TASK
    erase_to_the_end(world)
    assert naming(OWNER, task.task_id) == []


def test_what_a_function_wrote_that_had_read_its_task_before_is_found(world: World) -> None:
    (task_id,) = ids_of(OWNER)
    eraser(world).erase(OWNER, seconds=60)
    world.time += GRACE * 1000
    assert eraser(world).erase(OWNER, seconds=60).phase is Phase.REST
    world.objects.put(f"tasks/{OWNER}/{task_id}/0.png", b"a copy that came late")
    world.objects.put(f"callbacks/{OWNER}/{task_id}/evolink-1.json", b"a callback that came late")
    erase_to_the_end(world)
    assert naming(OWNER, task_id) == []


def test_a_task_whose_time_is_over_but_whose_record_is_there_is_erased_too(world: World) -> None:
    world.time += 40 * 24 * 60 * MINUTE
    (task_id,) = ids_of(OWNER)
    assert world.tasks.get(task_id) is None
    erase_to_the_end(world)
    assert naming(OWNER, task_id) == []


def test_it_goes_on_where_time_ran_out(world: World) -> None:
    AccountLedger(dynamodb(), ACCOUNTS).credit(OWNER, Decimal(100), reference="more", note="", now=world.time)
    for _ in range(4):
        for _ in range(15):  # the key may have twenty open
            post(world, replace(REQUEST, callback_url=None))
        world.run()
    runs = 0
    ticks = iter(range(10**9))
    while (found := eraser(world, monotonic=lambda: next(ticks)).erase(OWNER, seconds=3)).phase is not Phase.DONE:
        runs += 1
        assert runs < 200
        world.time += GRACE * 1000 if found.due_at > world.time else 30_000
    assert runs > 5, "it would not have been broken off"
    assert found.removed["tasks"] == 61
    assert naming(OWNER) == []


def test_the_reconciler_goes_on_and_forgets_the_receipt_in_the_end(world: World) -> None:
    eraser(world).erase(OWNER, seconds=60)
    assert [eraser(world).go_on_with_all(seconds=60) for _ in range(2)] == [1, 1]
    for _ in range(4):
        world.time += 15 * MINUTE
        eraser(world).go_on_with_all(seconds=60)
    found = eraser(world).erase(OWNER, seconds=60)
    assert (found.phase, found.removed["tasks"]) == (Phase.DONE, 1)
    assert naming(OWNER) == []
    assert len(naming("erasures")) == 1
    world.time += 36 * 24 * 60 * MINUTE
    eraser(world).go_on_with_all(seconds=60)
    assert naming("erasures") == []


def test_an_owner_who_is_there_again_is_erased_again(world: World) -> None:
    first = erase_to_the_end(world)
    assert eraser(world).erase(OWNER, seconds=60) == first
    settle(world, OWNER)
    assert eraser(world).erase(OWNER, seconds=60).phase is not Phase.DONE
    assert erase_to_the_end(world).begun_at > first.begun_at
    assert naming(OWNER) == []


def test_only_one_works_at_an_erasure_until_its_time_is_over(world: World) -> None:
    erasures = Erasures(dynamodb(), ACCOUNTS)
    erasures.begin(OWNER, world.time)
    assert erasures.lease(OWNER, world.time, world.time + 20_000)
    assert eraser(world).erase(OWNER, seconds=60).phase is Phase.CLOSING
    assert not KeyAdmin(dynamodb(), ACCOUNTS).of_owner(OWNER)[0].disabled
    world.time += 20_000
    assert eraser(world).erase(OWNER, seconds=60).phase is Phase.RECORDS


def test_one_erasure_that_fails_keeps_no_other_from_going_on(world: World) -> None:
    class Objects(ObjectStore):
        def delete_of_owner(self, owner: str) -> Iterator[int]:
            if owner == OWNER:
                raise NotDeleted("S3 did not delete 1 objects: InternalError")
            return super().delete_of_owner(owner)

    erasures = Erasures(dynamodb(), ACCOUNTS)
    for owner in (OWNER, OTHER):
        erasures.begin(owner, world.time)
    broken = eraser(world, objects=Objects(shared_session().client("s3"), BUCKET))
    with pytest.raises(NotDeleted):
        broken.go_on_with_all(seconds=60)
    phases = {owner: found.phase for owner in (OWNER, OTHER) if (found := erasures.find(owner))}
    assert phases == {OWNER: Phase.CLEARING, OTHER: Phase.RECORDS}
    erase_to_the_end(world)
    assert naming(OWNER) == []


def calls_of_an_erasure() -> int:
    with emulated_aws():
        world = a_world()
        begin = len(world.chaos.calls)
        for _ in range(3):
            watched(world).erase(OWNER, seconds=60)
            world.time += GRACE * 1000
        return len(world.chaos.calls) - begin


def watched(world: World) -> Eraser:
    session = shared_session()
    return eraser(world, world._watched(session.client("dynamodb"), "ddb"), world._watched(session.client("s3"), "s3"))


@pytest.mark.parametrize("after", [False, True])
def test_it_survives_the_death_of_its_function_at_any_call(after: bool) -> None:
    total = calls_of_an_erasure()
    assert total > 30
    for number in range(1, total + 1, 3):
        with emulated_aws():
            world = a_world()
            names = [OWNER, *ids_of(OWNER), key_digest(BY_HAND)]
            world.chaos.kill_at, world.chaos.after = len(world.chaos.calls) + number, after
            for _ in range(3):
                try:
                    watched(world).erase(OWNER, seconds=60)
                except Killed:
                    world.chaos.kill_at = None
                world.time += GRACE * 1000
            erase_to_the_end(world)
            assert naming(*names) == [], world.chaos.calls[-1]
