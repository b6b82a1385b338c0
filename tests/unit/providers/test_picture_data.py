"""Pictures as text, as people write them."""

import base64
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.providers.reading.picture_data import BrokenData, is_data_address, looks_like_picture, picture_bytes
from tests.pictures import picture

PICTURE = picture()
DATA = base64.b64encode(PICTURE).decode()


@given(
    st.binary(min_size=1, max_size=300),
    st.sampled_from(["", "\n", "\r\n", " "]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "data:image/png;base64,", "data:image/png;charset=utf-8;base64,", " data:image/png;base64, "]),
)
def test_base64_reads_however_it_is_written(content: bytes, ends: str, bare: bool, for_urls: bool, head: str) -> None:
    text = (base64.urlsafe_b64encode if for_urls else base64.b64encode)(content).decode()
    text = text.rstrip("=") if bare else text
    if ends:
        text = ends.join(textwrap.wrap(text, 76)) + ends
    assert picture_bytes(head + text) == content


@pytest.mark.parametrize(
    "text", ["", "====", "not base64 at all!", "data:image/png;base64", "data:image/png;base64,", "A"]
)
def test_what_is_no_base64_is_broken(text: str) -> None:
    with pytest.raises(BrokenData):
        picture_bytes(text)


def test_data_may_be_escaped_as_in_an_address() -> None:
    assert picture_bytes("data:image/svg+xml,%3Csvg%3E") == b"<svg>"
    assert picture_bytes("data:image/png;base64," + DATA.replace("+", "%2B").replace("/", "%2F")) == PICTURE


def test_a_bare_picture_is_told_from_words() -> None:
    assert looks_like_picture(DATA)
    assert looks_like_picture("\n".join(textwrap.wrap(DATA, 76)))
    assert not looks_like_picture("a fox " * 40)
    assert not looks_like_picture("QkZ")
    assert is_data_address("DATA:image/png;base64," + DATA)
    assert not is_data_address("https://a.example/data:image/png")
