"""Numbers in queries and headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.api.numbers import whole_number


@given(st.integers(0, 10**16 - 1))
def test_a_number_is_read(number: int) -> None:
    assert whole_number(str(number)) == number


@pytest.mark.parametrize("text", ["", "٣", "３", "²", "-1", "+1", "1.0", "1e3", " 1", "1_0", "1" * 17])
def test_anything_else_is_none(text: str) -> None:
    assert whole_number(text) is None
