"""What a callback does, by whose it is: nothing where it is forged, all where it is genuine, a look where none knows."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from darkroom.callbacks.receiver import CallbackReceiver, Verdict
from darkroom.providers.registry import adapter
from darkroom.providers.signatures import Authenticity
from darkroom.tasks.outbox import Outbox
from darkroom.tasks.task import Task
from darkroom.tasks.update import Status
from tests.memory import TaskMemory
from tests.unit.providers.samples import sample
from tests.unit.tasks.test_transitions import NOW, accepted

SIGNERS = {"fal": "signature", "replicate": "signature", "wavespeed": "signature", "kie": "confirm"}
IDS = {
    "fal": "764cabcf-b745-4b3e-ae38-1200304cf45b", "evolink": "task-unified-1757156493-imcg5zqt",
}  # fmt: skip


class Place:
    """A receiver with one task, and everything that it does to the outside."""

    def __init__(self, provider: str, said: Authenticity = Authenticity.UNSIGNED, **attempt: str) -> None:
        self.provider = provider
        task = accepted(provider)
        assert task.attempt
        at = replace(task.attempt, protocol=provider, upstream_id=_id(provider), **attempt)  # type: ignore[arg-type]
        self.tasks = TaskMemory(replace(task, attempts=(at,)))
        self.task_id = task.task_id
        self.sent: list[Any] = []
        self.kept: list[Any] = []
        self.noted: list[str] = []
        self.said = said
        self.read_before_checked = False
        itself: Any = self
        notes: Any = SimpleNamespace(
            room=lambda task_id: True, add=lambda task_id, note, expires_at: self.noted.append(note.verdict)
        )
        self.receiver = CallbackReceiver(
            tasks=itself.tasks, objects=itself, adapters=adapter,
            addresses=itself, authenticity=itself, notes=notes, confirm=False,
            outbox=Outbox(itself, lambda: NOW), clock=lambda: NOW, scale=1,
        )  # fmt: skip

    def record_of(self, provider: str, task_id: str, token: str) -> str | None:
        return self.task.nonce if token == "given" else None

    def check(self, attempt: Any, adapter: Any, headers: Mapping[str, str], body: bytes) -> Authenticity:
        assert not self.kept, "nothing is kept of what may be forged"
        return self.said

    def keep_callback(self, owner: str, task_id: str, kept: Any) -> None:
        self.kept.append(kept)

    def kept_callbacks(self, owner: str, task_id: str) -> list[Any]:
        return self.kept

    def send(self, message: Any, wait: float = 0) -> None:
        self.sent.append(message)

    def send_all(self, messages: Any) -> None:
        self.sent += list(messages)

    @property
    def task(self) -> Task:
        task = self.tasks.get(self.task_id)
        assert task
        return task

    def receive(self, name: str = "callback.completed", token: str = "given") -> Verdict:
        return self.receiver.receive(self.provider, self.task_id, token, {}, sample(self.provider, name))


def _id(provider: str) -> str:
    return adapter(provider).read_callback(sample(provider, "callback.completed")).upstream_id


@pytest.mark.parametrize("provider", SIGNERS)
@pytest.mark.parametrize("name", ["callback.completed", "callback.failed"])
def test_a_forged_one_changes_nothing_however_good_its_address(provider: str, name: str) -> None:
    place = Place(provider, Authenticity.FORGED)
    before = place.task
    assert place.receive(name) is Verdict.FORGED
    assert (place.task, place.kept, place.sent, place.noted) == (before, [], [], [])


@pytest.mark.parametrize(("provider", "trust"), SIGNERS.items())
def test_an_unsigned_one_is_forged_where_a_signature_is_wanted(provider: str, trust: str) -> None:
    place = Place(provider, Authenticity.UNSIGNED)
    assert place.receive() is (Verdict.FORGED if trust == "signature" else Verdict.TO_CONFIRM)
    assert not place.task.images


@pytest.mark.parametrize("provider", [name for name, trust in SIGNERS.items() if trust == "signature"])
def test_a_genuine_one_counts(provider: str) -> None:
    place = Place(provider, Authenticity.GENUINE)
    assert place.receive() is Verdict.RECORDED
    assert place.task.images
    assert [type(message).__name__ for message in place.sent] == ["Copy"] * len(place.task.images)


@pytest.mark.parametrize("provider", SIGNERS)
def test_one_that_nobody_can_check_now_is_kept_and_asked_about(provider: str) -> None:
    place = Place(provider, Authenticity.UNCHECKED)
    assert place.receive() is Verdict.TO_CONFIRM
    assert len(place.kept) == 1
    assert [type(message).__name__ for message in place.sent] == ["Poll"]
    assert not place.task.images


def test_a_row_can_ask_for_more_or_for_less_than_its_protocol() -> None:
    assert Place("evolink", callback_trust="token").receive() is Verdict.RECORDED
    assert Place("evolink", callback_trust="confirm").receive() is Verdict.TO_CONFIRM
    assert Place("fal", callback_trust="token").receive() is Verdict.RECORDED
    assert Place("fal", Authenticity.FORGED, callback_trust="token").receive() is Verdict.FORGED
    assert Place("fal", Authenticity.GENUINE, callback_trust="confirm").receive() is Verdict.TO_CONFIRM
    assert Place("fal", callback_trust="something new").receive() is Verdict.FORGED, "as its protocol has it"


def test_what_is_read_again_later_is_a_hint_where_it_was_to_be_signed() -> None:
    place = Place("fal", Authenticity.UNCHECKED)
    place.receive()
    assert place.receiver.replay(place.task) == [Verdict.TO_CONFIRM]
    place = Place("evolink")
    place.receive()
    assert place.receiver.replay(place.task) == [Verdict.UNCHANGED]


def test_an_address_that_was_not_given_out_is_not_checked_further() -> None:
    place = Place("fal", Authenticity.GENUINE)
    assert place.receive(token="made up") is Verdict.FORGED
    assert place.task.status is Status.PROCESSING
