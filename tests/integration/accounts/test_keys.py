"""API keys as they are kept."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from darkroom.accounts.keys import AccountStore, key_digest
from tests.integration.emulated_aws import ACCOUNTS, emulated_aws


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with emulated_aws():
        yield


def test_a_key_is_known_by_its_digest_alone() -> None:
    client = boto3.client("dynamodb")
    item: Any = {
        "pk": {"S": f"key#{key_digest('dk_1')}"},
        "sk": {"S": "key"},
        "owner": {"S": "me"},
        "admin": {"BOOL": True},
    }
    client.put_item(TableName=ACCOUNTS, Item=item)
    accounts = AccountStore(client, ACCOUNTS)
    found = accounts.find_key("dk_1")
    assert found is not None
    assert (found.owner, found.admin, found.disabled) == ("me", True, False)
    assert accounts.find_key("dk_2") is None
    assert accounts.find_key("\ud800") is None
