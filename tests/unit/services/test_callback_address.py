"""When a provider is given a callback address, and which one."""

import pytest

from darkroom.adapters.registry import adapter
from darkroom.services.callback_address import CallbackAddresses
from darkroom.settings import Settings
from darkroom.stores.secrets import SigningKeys

KEYS = SigningKeys("s", lambda name: {"identity": "i", "callback": ["new", "old"]})
TASK = "task_01M7Y0K4SK2HQR5V5B4CM148FG"


def addresses(public_url: str, provider_url: str = "https://api.evolink.ai") -> CallbackAddresses:
    urls = {f"DARKROOM_{name}_BASE_URL": provider_url for name in ("EVOLINK", "CHANJING")}
    return CallbackAddresses(Settings({"DARKROOM_PUBLIC_URL": public_url, **urls}), KEYS)


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
    found = addresses(public_url, provider_url)
    assert found.given_to(adapter("evolink")) is given
    assert bool(found.for_order(adapter("evolink"), TASK)) is given


def test_who_never_calls_back_is_given_none() -> None:
    assert addresses("https://gateway.example").for_order(adapter("chanjing"), TASK) == ""


def test_an_address_that_was_given_out_is_accepted_and_no_other() -> None:
    found = addresses("https://gateway.example/")
    base, provider, task_id, token = found.for_order(adapter("evolink"), TASK).rsplit("/", 3)
    assert (base, provider, task_id) == ("https://gateway.example/callbacks", "evolink", TASK)
    assert found.accepts("evolink", TASK, token)
    assert not found.accepts("qingbo", TASK, token)
    assert not found.accepts("evolink", TASK[:-1] + "H", token)
    assert not found.accepts("evolink", TASK, token[:-1])
