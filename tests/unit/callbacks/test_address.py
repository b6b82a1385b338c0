"""When a provider is given a callback address, and which one."""

from dataclasses import replace

import pytest

from darkroom.aws.secrets import SigningKeys
from darkroom.callbacks.address import CallbackAddresses, is_meant
from darkroom.providers.registry import adapter
from darkroom.settings import Settings
from darkroom.tasks.ids import made_up_nonce
from darkroom.tasks.rates import ZERO
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Attempt, AttemptState, Task, Usage

KEYS = SigningKeys("s", lambda name: {"identity": "i", "callback": ["new", "old"]})
TASK = "task_01M7Y0K4SK2HQR5V5B4CM148FG"


def task() -> Task:
    return Task(
        TASK, "acme", ImageRequest(model="m", prompt="p"), "f", (), 1_780_000_000_000, 1_780_000_900_000,
        1_790_000_000, "c", nonce="n0nce", usage=Usage(ZERO),
    )  # fmt: skip


def sent_to(address: str) -> Task:
    attempt = Attempt("evolink", "m", "default", AttemptState.SENDING, 1, protocol="evolink", address=address)
    return replace(task(), attempts=(attempt,))


def addresses(public_url: str) -> CallbackAddresses:
    return CallbackAddresses(Settings({"DARKROOM_PUBLIC_URL": public_url}), KEYS)


@pytest.mark.parametrize(
    ("public_url", "provider_url", "given"),
    [
        ("https://gateway.example", "https://api.evolink.ai", True),
        ("https://gateway.example", "http://127.0.0.1:9", True),
        ("http://127.0.0.1:8787", "http://127.0.0.1:9", True),
        ("http://localhost:8787", "http://[::1]:9", True),
        ("http://127.0.0.1:8787", "https://api.evolink.ai", False),
        ("", "https://api.evolink.ai", False),
    ],
)
def test_an_address_is_given_to_who_can_reach_it(public_url: str, provider_url: str, given: bool) -> None:
    found = addresses(public_url)
    assert found.given_to(adapter("evolink"), provider_url) is given
    assert bool(found.for_submission(adapter("evolink"), sent_to(provider_url))) is given


def test_who_never_calls_back_is_given_none() -> None:
    assert addresses("https://gateway.example").for_submission(adapter("chanjing"), task()) == ""


def test_an_address_that_was_given_out_is_accepted_and_no_other() -> None:
    found = addresses("https://gateway.example/")
    base, provider, task_id, token = found.for_submission(adapter("evolink"), task()).rsplit("/", 3)
    assert (base, provider, task_id) == ("https://gateway.example/callbacks", "evolink", TASK)
    assert found.record_of("evolink", TASK, token) == "n0nce"
    assert found.record_of("qingbo", TASK, token) is None
    assert found.record_of("evolink", TASK[:-1] + "H", token) is None
    assert found.record_of("evolink", TASK, token[:-1]) is None


def test_an_address_is_good_for_its_own_record_of_a_task_alone() -> None:
    assert is_meant(task(), "n0nce")
    assert not is_meant(task(), "other")
    assert not is_meant(task(), "")
    assert is_meant(replace(task(), nonce=made_up_nonce(task().created_at)), "")
