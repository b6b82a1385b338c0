"""The managed secrets, the credentials of providers, and the settings."""

import base64
import json
from typing import Any

import pytest

from darkroom.aws.secrets import Credentials, NoCredential, SigningKeys
from darkroom.settings import SettingMissing, Settings


def test_secrets_rotate_with_two_valid() -> None:
    fresh = SigningKeys("s", lambda name: {"identity": "i", "callback": []})
    rotated = SigningKeys("s", lambda name: {"identity": "i", "callback": ["new", "old"]})
    assert len(fresh.callback()) == 1
    assert rotated.callback() == [b"new", b"old"]
    assert fresh.identity() == rotated.identity() != fresh.callback()[0]


def test_every_owner_has_a_webhook_secret_that_nothing_else_is_made_of() -> None:
    keys = SigningKeys("s", lambda name: {"identity": "i", "callback": []})
    assert keys.webhook("a") != keys.webhook("b")
    derived = base64.b64decode(keys.webhook("a").removeprefix("whsec_"))
    assert len(derived) == 32
    assert derived not in {keys.identity(), keys.access(), *keys.callback()}
    assert keys.shared_webhook() == []


def test_what_an_operator_gave_to_receivers_of_an_earlier_release_signs_beside() -> None:
    def shared(webhook: Any) -> list[str]:
        return SigningKeys("s", lambda name: {"identity": "i", "callback": [], "webhook": webhook}).shared_webhook()

    assert shared({"current": "a|b", "previous": "whsec_MfKQ9r8G"}) == ["whsec_YXxi", "whsec_MfKQ9r8G"]
    assert shared({"current": "a|b", "previous": ""}) == ["whsec_YXxi"]
    assert shared({"previous": "a|b"}) == ["whsec_YXxi"]
    assert shared(None) == shared({}) == []


def test_a_task_keeps_the_credential_that_it_was_submitted_with() -> None:
    secret = {
        "evolink": {"api_key": "k"},
        "qingbo": {"current": "b", "credentials": {"a": {"api_key": "1"}, "b": {"api_key": "2"}}},
        "unused": "text",
        "acedata": {},
    }
    credentials = Credentials("p", lambda name: secret)
    assert credentials.available() == {"evolink", "qingbo"}
    assert (credentials.current("evolink"), credentials.current("qingbo")) == ("default", "b")
    assert credentials.fields("qingbo", "a") == {"api_key": "1"}
    for provider, name in (("acedata", "default"), ("qingbo", "c"), ("nobody", "default")):
        with pytest.raises(NoCredential):
            credentials.fields(provider, name)


def test_a_setting_that_is_not_there_says_so() -> None:
    with pytest.raises(SettingMissing, match="DARKROOM_BUCKET"):
        _ = Settings({}).bucket
    assert Settings({"DARKROOM_PUBLIC_URL": "https://x/"}).public_url == "https://x"
    assert json.dumps(Settings({}).link_seconds) == "3600"
