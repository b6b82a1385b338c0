"""Where the keys of signatures come from, how long they hold, and what an outage of theirs does."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from nacl.signing import SigningKey

from darkroom.aws.secrets import NoCredential
from darkroom.callbacks.authenticity import KEPT, PATIENCE, CallbackAuthenticity
from darkroom.providers.base import OutcomeUnknown, Refused, UpstreamAnswer, UpstreamRequest
from darkroom.providers.registry import adapter
from darkroom.providers.signatures import Authenticity
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.task import Attempt, AttemptState
from tests.unit.providers.samples import sample
from tests.unit.providers.signing import FAL_KEY, FAL_PUBLIC, KIE_SECRET, signed_by_fal, signed_by_kie
from tests.unit.tasks.test_transitions import NOW

BODY = sample("fal", "callback.completed")
AT_FAL = Attempt(
    "fal", "bytedance/seedream", "default", AttemptState.ACCEPTED, NOW, protocol="fal", address="https://queue.fal.run"
)
NEW_KEY = SigningKey(bytes(range(1, 33)))


class Keys:
    """A deployment, and the place where a provider hands out its keys."""

    def __init__(self, *published: str, **configured: str) -> None:
        self.published = list(published)
        self.configured = configured
        self.now = NOW
        self.asked: list[str] = []
        self.answers: list[Exception | int] = []
        self.credential: Mapping[str, str] = {}
        self.address = ""
        itself: Any = self
        self.authenticity = CallbackAuthenticity(credentials=itself, keys_upstream=self.reach, clock=lambda: self.now)

    def fields(self, provider: str, name: str) -> Mapping[str, str]:
        if not self.configured:
            raise NoCredential(provider)
        return self.configured

    def reach(self, attempt: Attempt, address: str) -> Any:
        self.asked.append(address)
        return self

    def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        content = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": key} for key in self.published]}
        return UpstreamAnswer(answer, {}, json.dumps(content).encode())

    def check(self, key: SigningKey = FAL_KEY, attempt: Attempt = AT_FAL) -> Authenticity:
        headers = signed_by_fal(BODY, self.now // 1000, key)
        return self.authenticity.check(attempt, adapter("fal"), headers, BODY)


def test_keys_are_fetched_once_and_kept_for_a_day() -> None:
    keys = Keys(FAL_PUBLIC)
    assert [keys.check() for _ in range(3)] == [Authenticity.GENUINE] * 3
    assert keys.asked == ["https://rest.fal.ai"]
    keys.now += KEPT
    assert keys.check() is Authenticity.GENUINE
    assert len(keys.asked) == 2


def test_a_key_that_was_rotated_is_found_and_the_old_one_goes() -> None:
    keys = Keys(FAL_PUBLIC)
    assert keys.check() is Authenticity.GENUINE
    keys.published = [str(_public(NEW_KEY))]
    keys.now += PATIENCE
    assert keys.check(NEW_KEY) is Authenticity.GENUINE
    assert keys.check() is Authenticity.FORGED


def test_a_key_that_was_rotated_while_none_can_be_had_makes_nobody_a_forger() -> None:
    keys = Keys(FAL_PUBLIC)
    keys.check()
    keys.published, keys.answers = [str(_public(NEW_KEY))], [503] * 10
    for _ in range(10):
        keys.now += PATIENCE
        assert keys.check(NEW_KEY) is Authenticity.UNCHECKED
        assert keys.check() is Authenticity.GENUINE
    keys.now += PATIENCE
    assert keys.check(NEW_KEY) is Authenticity.GENUINE


def test_forgeries_do_not_make_us_ask_for_keys_more_than_once_a_minute() -> None:
    keys = Keys(FAL_PUBLIC)
    for _ in range(30):
        assert keys.check(NEW_KEY) is Authenticity.FORGED
        keys.now += PATIENCE // 10
    assert len(keys.asked) <= 3


@pytest.mark.parametrize(
    "trouble",
    [
        503,
        OutcomeUnknown("timed out"),
        Refused(Failure(ErrorCode.PROVIDER_UNAVAILABLE, "no connection", Disposition.ELSEWHERE)),
    ],
    ids=["an error", "no answer", "no connection"],
)
def test_an_outage_of_the_keys_makes_nobody_a_forger(trouble: Exception | int) -> None:
    keys = Keys(FAL_PUBLIC)
    keys.answers = [trouble] * 10
    for _ in range(10):
        assert keys.check() is Authenticity.UNCHECKED
        keys.now += PATIENCE
    assert keys.check() is Authenticity.GENUINE, "and it is over when it is over"


def test_keys_that_are_known_outlast_an_outage_until_they_are_a_day_old() -> None:
    keys = Keys(FAL_PUBLIC)
    keys.check()
    keys.answers = [503] * 10
    keys.now += KEPT - 1
    assert keys.check() is Authenticity.GENUINE
    keys.now += 1
    assert keys.check() is Authenticity.UNCHECKED


def test_a_secret_that_is_configured_is_asked_for_nowhere() -> None:
    keys = Keys(webhook_secret=f"{_public(NEW_KEY)} {FAL_PUBLIC}")
    assert keys.check() is Authenticity.GENUINE
    assert keys.check(NEW_KEY) is Authenticity.GENUINE
    assert keys.check(SigningKey.generate()) is Authenticity.FORGED
    assert keys.asked == []


def test_two_accounts_have_keys_of_their_own() -> None:
    keys = Keys(FAL_PUBLIC)
    keys.check()
    keys.published = [str(_public(NEW_KEY))]
    assert keys.check(NEW_KEY, replace(AT_FAL, credential="second")) is Authenticity.GENUINE
    assert keys.check(FAL_KEY) is Authenticity.GENUINE


def test_a_provider_that_hands_out_none_is_checked_by_what_is_configured_alone() -> None:
    body = sample("kie", "callback.completed")
    attempt = replace(AT_FAL, provider="kie", protocol="kie", address="https://api.kie.ai/api/v1")
    headers = signed_by_kie(body, NOW // 1000)
    for configured, said in (({}, "unchecked"), ({"webhook_secret": KIE_SECRET}, "genuine"), ({"webhook_secret": "x"}, "forged")):  # fmt: skip
        keys = Keys(**configured)
        assert keys.authenticity.check(attempt, adapter("kie"), headers, body) == said
        assert keys.asked == []


def test_a_protocol_without_signatures_is_asked_nothing() -> None:
    keys = Keys()
    assert keys.authenticity.check(AT_FAL, adapter("evolink"), {"signature": "x"}, b"") is Authenticity.UNSIGNED


def _public(key: SigningKey) -> str:
    import base64

    return base64.urlsafe_b64encode(bytes(key.verify_key)).decode().rstrip("=")
