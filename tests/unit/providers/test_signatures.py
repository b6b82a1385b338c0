"""Whose a callback is: every provider that signs, with genuine, changed, old, unsigned and broken ones."""

import base64
import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from darkroom.catalog.shipped import shipped_catalog
from darkroom.providers.base import QueryFailed
from darkroom.providers.registry import PROTOCOLS, adapter
from darkroom.providers.signatures import Authenticity, CallbackTrust, is_recent
from tests.unit.providers.samples import ScriptedUpstream, sample
from tests.unit.providers.signing import FAL_PUBLIC, SECRETS, SIGNED, signed_by_fal

NOW = 1_790_000_000
SIGNING = sorted(SIGNED)


def small(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def verified(provider: str, headers: Mapping[str, str], body: bytes, *secrets: str, now: float = NOW) -> Authenticity:
    return adapter(provider).verify(small(headers), body, secrets, now=now)


def callback(provider: str) -> bytes:
    return sample(provider, "callback.completed")


def test_every_protocol_that_signs_is_tried_here_and_the_others_say_so() -> None:
    assert {name for name in PROTOCOLS if adapter(name, name).traits.signs_callbacks} == set(SIGNED)
    for name in set(PROTOCOLS) - set(SIGNED):
        assert adapter(name, name).verify({"signature": "x"}, b"{}", ["x"], now=NOW) is Authenticity.UNSIGNED
        assert adapter(name, name).traits.callback_trust is CallbackTrust.TOKEN


@pytest.mark.parametrize("provider", SIGNING)
def test_its_own_is_genuine_and_another_keys_is_forged(provider: str) -> None:
    body = callback(provider)
    headers = SIGNED[provider](body, NOW)
    other = {"fal": base64.urlsafe_b64encode(bytes(SigningKey.generate().verify_key)).decode()}.get(
        provider, "whsec_" + base64.b64encode(b"another").decode()
    )
    assert verified(provider, headers, body, SECRETS[provider]) is Authenticity.GENUINE
    assert verified(provider, headers, body, other, SECRETS[provider]) is Authenticity.GENUINE, "while one is exchanged"
    assert verified(provider, headers, body, other) is Authenticity.FORGED
    assert verified(provider, headers, body) is Authenticity.UNCHECKED


@pytest.mark.parametrize("provider", SIGNING)
def test_another_body_is_forged(provider: str) -> None:
    body = callback(provider)
    headers = SIGNED[provider](body, NOW)
    if provider == "kie":  # it signs the task's name alone: that is why its word has to be confirmed
        changed = json.dumps({"data": {"taskId": "another", "state": "success"}}).encode()
        assert adapter("kie").traits.callback_trust is CallbackTrust.CONFIRM
    else:
        changed = body.replace(b"https://", b"https://evil.")
    assert changed != body
    assert verified(provider, headers, changed, SECRETS[provider]) is Authenticity.FORGED


@pytest.mark.parametrize("provider", SIGNING)
@pytest.mark.parametrize(("away", "said"), [(-299, "genuine"), (299, "genuine"), (-301, "forged"), (301, "forged")])
def test_it_may_be_five_minutes_old_or_ahead(provider: str, away: int, said: str) -> None:
    body = callback(provider)
    assert verified(provider, SIGNED[provider](body, NOW + away), body, SECRETS[provider]) == said


@pytest.mark.parametrize("provider", SIGNING)
def test_a_time_that_is_not_what_was_signed_is_forged(provider: str) -> None:
    body = callback(provider)
    headers = dict(SIGNED[provider](body, NOW - 4000))
    name = next(name for name in headers if name.lower().endswith("timestamp"))
    assert verified(provider, {**headers, name: str(NOW)}, body, SECRETS[provider]) is Authenticity.FORGED


@pytest.mark.parametrize("provider", SIGNING)
def test_without_any_of_its_headers_it_is_unsigned(provider: str) -> None:
    body = callback(provider)
    headers = dict(SIGNED[provider](body, NOW))
    assert verified(provider, {}, body, SECRETS[provider]) is Authenticity.UNSIGNED
    for name in headers:
        for less in ({**headers, name: ""}, {other: headers[other] for other in headers if other != name}):
            assert verified(provider, less, body, SECRETS[provider]) is Authenticity.UNSIGNED, name


@pytest.mark.parametrize("provider", SIGNING)
@given(text=st.text(max_size=80), body=st.binary(max_size=60), secret=st.text(max_size=40))
@settings(deadline=None, max_examples=60)
def test_no_header_no_body_and_no_secret_makes_it_fail_otherwise_or_pass(
    provider: str, text: str, body: bytes, secret: str
) -> None:
    headers = dict(SIGNED[provider](callback(provider), NOW))
    for name in headers:
        said = verified(provider, {**headers, name: text}, body, secret, SECRETS[provider])
        assert said in {Authenticity.FORGED, Authenticity.UNSIGNED}
    assert verified(provider, headers, body, secret) is Authenticity.FORGED


@pytest.mark.parametrize("provider", SIGNING)
@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_=", "whsec_é", "\x00", " "])
def test_a_broken_secret_checks_nothing_and_stops_nothing(provider: str, secret: str) -> None:
    body = callback(provider)
    headers = SIGNED[provider](body, NOW)
    assert verified(provider, headers, body, secret) is Authenticity.FORGED
    assert verified(provider, headers, body, secret, SECRETS[provider]) is Authenticity.GENUINE


@given(st.text(max_size=20))
def test_only_digits_are_a_time(text: str) -> None:
    assert not is_recent(text, NOW) or int(text) == int(text.strip("+-_ "))


def test_a_providers_published_keys_are_read() -> None:
    upstream = ScriptedUpstream((200, sample("fal", "jwks")))
    keys = adapter("fal").signing_keys(upstream)
    assert len(keys) == len(json.loads(sample("fal", "jwks"))["keys"])
    assert "authorization" not in upstream.requests[0].headers, "a public place gets no key"
    for provider, answer in (("replicate", {"key": "whsec_abc"}), ("wavespeed", {"data": {"secret": "whsec_abc"}})):
        upstream = ScriptedUpstream((200, json.dumps(answer).encode()))
        assert adapter(provider).signing_keys(upstream) == ["whsec_abc"]
        assert upstream.requests[0].headers["authorization"].startswith("Bearer ")
    with pytest.raises(QueryFailed):
        adapter("evolink").signing_keys(ScriptedUpstream())


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"keys": 7}', b'{"keys": [7, {"x": null}, {"x": {}}]}'])
def test_a_key_set_without_a_key_checks_nothing(answer: bytes) -> None:
    try:
        keys = adapter("fal").signing_keys(ScriptedUpstream((200, answer)))
    except QueryFailed:
        keys = ()
    body = callback("fal")
    assert verified("fal", signed_by_fal(body, NOW), body, *keys) in {Authenticity.UNCHECKED, Authenticity.FORGED}


def test_fals_keys_are_at_a_host_of_their_own() -> None:
    fal = adapter("fal")
    assert fal.keys_address("https://queue.fal.run") == "https://rest.fal.ai"
    assert fal.keys_address("https://proxy.example/fal") == "https://proxy.example/fal"
    assert len(FAL_PUBLIC) == 43


def test_what_a_provider_signs_is_wanted_of_it_by_its_shipped_row() -> None:
    for provider in shipped_catalog().providers.values():
        traits = adapter(provider.name, provider.protocol).traits
        wanted = CallbackTrust(provider.callback_trust) if provider.callback_trust else traits.callback_trust
        assert traits.signs_callbacks or wanted is not CallbackTrust.SIGNATURE, provider.name
