"""Keys are shown to a person once, and to nobody who keeps what is printed."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from darkroom.accounts.key_admin import KeyAdmin
from local.deploying import keys
from local.deploying.guide import GaveUp, Guide
from local.deploying.target import Target
from tests.integration.emulated_aws import ACCOUNTS, emulated_aws
from tests.unit.local.scripted import Person, pipeline, terminal


@pytest.fixture
def target() -> Iterator[Target]:
    with emulated_aws():
        boto3.client("secretsmanager").create_secret(Name="provider", SecretString='{"evolink": {"api_key": "old"}}')
        yield Target(boto3.Session(), "shop", "us-east-1", "123456789012", "arn:aws:iam::123456789012:root")


def said(guide: Guide) -> str:
    return "\n".join(guide.told)


def book() -> KeyAdmin:
    return KeyAdmin(boto3.client("dynamodb"), ACCOUNTS)


def test_a_person_is_shown_them_once(target: Target) -> None:
    guide = terminal(Person(), DARKROOM_OWNER="acme")
    key = keys.make_first_keys(guide, target, ACCOUNTS)
    assert key
    assert key in said(guide)
    assert sorted(book().owners()) == ["acme", "admin"]
    assert keys.make_first_keys(guide, target, ACCOUNTS) is None


@pytest.mark.parametrize(
    "guide",
    [
        pipeline(),
        terminal(Person(), DARKROOM_YES="1"),
        terminal(Person(), CI="true", DARKROOM_KEYS_FILE="given"),
    ],
    ids=["no terminal", "DARKROOM_YES", "CI"],
)
def test_anywhere_else_they_go_into_a_file_that_only_its_owner_reads(
    guide: Guide, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "WORK", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert keys.make_first_keys(guide, target, ACCOUNTS) is None
    default = tmp_path / "keys" / "shop-123456789012-us-east-1.json"
    path = Path("given") if "DARKROOM_KEYS_FILE" in guide.environment else default
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = json.loads(path.read_text())
    assert str(path) in said(guide)
    assert not any(content[name] in said(guide) for name in ("admin_key", "api_key"))
    # What is in the file opens the door.
    assert {key.admin for owner in book().owners() for key in book().of_owner(owner)} == {True, False}
    assert content["owner"] == "me"


def test_in_a_pipeline_whose_workspace_goes_away_none_is_made(target: Target) -> None:
    guide = pipeline(CI="true", DARKROOM_YES="1")
    assert keys.make_first_keys(guide, target, ACCOUNTS) is None
    assert book().owners() == []
    assert "DARKROOM_KEYS_FILE" in said(guide)


def test_no_key_is_in_force_that_could_not_be_written_down(target: Target) -> None:
    with pytest.raises(GaveUp, match="so none were made"):
        keys.make_first_keys(pipeline(DARKROOM_KEYS_FILE="/proc/nowhere/keys.json"), target, ACCOUNTS)
    assert book().owners() == []


def test_the_keys_of_an_earlier_stack_are_not_written_over(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("of old")
    keys.make_first_keys(pipeline(DARKROOM_KEYS_FILE=str(path)), target, ACCOUNTS)
    assert "of old" in [found.read_text() for found in tmp_path.iterdir()]
    assert "api_key" in json.loads(path.read_text())


def test_providers_keys_are_added_to_those_that_are_there_and_never_told(target: Target) -> None:
    guide = pipeline(
        DARKROOM_QINGBO_API_KEY="sk-new", DARKROOM_CHANJING_APP_ID="7", DARKROOM_CHANJING_SECRET_KEY="sk-s"
    )
    assert sorted(keys.put_provider_keys(guide, target, "provider")) == ["chanjing", "evolink", "qingbo"]
    stored: Any = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId="provider")["SecretString"])
    assert stored == {
        "evolink": {"api_key": "old"}, "qingbo": {"api_key": "sk-new"},
        "chanjing": {"app_id": "7", "secret_key": "sk-s"},
    }  # fmt: skip
    assert "sk-" not in said(guide)
