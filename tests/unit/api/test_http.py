"""Bodies and headers at the HTTP edge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.api.errors import ApiError
from darkroom.api.headers import idempotency_key, matches_etag, wait_seconds
from darkroom.api.http import json_object


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"), (b"  ", "empty"), (b"{", "not JSON"), (b"[1]", "not a JSON object"), (b"1", "not a JSON object"),
        (b'{"a": NaN}', "NaN"), (b'{"a": Infinity}', "Infinity"), (b'{"a": 1, "a": 2}', "'a' is there twice"),
        (b"\xff\xfe{}", "UTF-8"), (b"[" * 5000, "nested"), (b'{"a":' * 200 + b"1" + b"}" * 200, "nested"),
    ],
)  # fmt: skip
def test_a_malformed_body_is_told_what_is_wrong_with_it(body: bytes, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        json_object(body)
    assert caught.value.status == 400
    assert words in caught.value.message


@given(st.binary())
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    try:
        assert isinstance(json_object(body), dict)
    except ApiError as error:
        assert error.status == 400


def test_a_doubled_field_among_very_many_is_found_in_one_pass() -> None:
    """A quadratic search took seconds for a body that anybody may send."""
    body = b'{"a": 1, ' + b", ".join(b'"%d": 1' % number for number in range(60_000)) + b', "a": 2}'
    with pytest.raises(ApiError, match="'a' is there twice"):
        json_object(body)


def test_an_idempotency_key_is_visible_ascii() -> None:
    assert idempotency_key({}) is None
    assert idempotency_key({"idempotency-key": "~!" * 100}) == "~!" * 100
    for bad in ("", "a b", "é", "x" * 256, "a\n"):
        with pytest.raises(ApiError):
            idempotency_key({"idempotency-key": bad})


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=10", 10),
        ("Wait = 5", 5),
        ("respond-async, wait=3", 3),
        ("wait=900", 25),
        ("wait=0", 0),
        ('wait="7"', 7),
        ("wait=8; tolerance", 8),
        ("wait=" + " " * 100_000 + "9", 9),
        ("x", 0),
        ("", 0),
    ],
)
def test_a_preference_to_wait_is_heeded_up_to_its_limit(header: str, seconds: int) -> None:
    assert wait_seconds({"prefer": header}) == seconds


@pytest.mark.parametrize(
    "header", ["wait=", "wait=x", "wait=-1", "wait=1.5", "wait=" + "9" * 50, "wait=٣", "wait=" + " " * 100_000 + "x"]
)
def test_a_malformed_preference_to_wait_is_refused(header: str) -> None:
    with pytest.raises(ApiError):
        wait_seconds({"prefer": header})


def test_entity_tags_are_compared_as_lists_of_weak_ones() -> None:
    assert matches_etag({"if-none-match": 'W/"1", "2"'}, '"1"')
    assert matches_etag({"if-none-match": "*"}, '"1"')
    assert not matches_etag({"if-none-match": '"3"'}, '"1"')
    assert not matches_etag({}, '"1"')
