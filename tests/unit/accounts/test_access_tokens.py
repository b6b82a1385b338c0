"""A token stands for one key, for a day, and nobody else can make one."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.accounts.access_tokens import LIFE, PREFIX, access_token, key_digest_of

NOW = 1_795_246_040
DIGEST = hashlib.sha256(b"dk_key").hexdigest()
SECRET = b"only we know"


def test_a_token_is_good_for_a_day() -> None:
    token = access_token(DIGEST, NOW, SECRET)
    assert token.startswith(PREFIX)
    assert key_digest_of(token, NOW, SECRET) == DIGEST
    assert key_digest_of(token, NOW + LIFE - 1, SECRET) == DIGEST
    assert key_digest_of(token, NOW + LIFE, SECRET) is None


def test_a_token_of_another_secret_is_none_of_ours() -> None:
    assert key_digest_of(access_token(DIGEST, NOW, b"somebody else's"), NOW, SECRET) is None


def test_a_longer_life_cannot_be_written_into_a_token() -> None:
    token = access_token(DIGEST, NOW, SECRET)
    stretched = token.replace(str(NOW + LIFE), str(NOW + 10 * LIFE))
    assert stretched != token
    assert key_digest_of(stretched, NOW, SECRET) is None


@given(place=st.integers(0, 200), letter=st.sampled_from("0123456789abcdef."))
def test_a_changed_token_is_none_of_ours(place: int, letter: str) -> None:
    token = access_token(DIGEST, NOW, SECRET)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    assert (key_digest_of(changed, NOW, SECRET) == DIGEST) is (changed == token)


@pytest.mark.parametrize("text", ["", "dat_", "dat_x.y.z", "dk_key", f"dat_{'0' * 64}.1795332440.{'é' * 64}"])
def test_what_is_no_token_stands_for_nothing(text: str) -> None:
    assert key_digest_of(text, NOW, SECRET) is None
