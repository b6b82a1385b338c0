"""Task ids, callback tokens, waits and money."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.accounts.money import format_credits
from darkroom.aws.delays import jittered, queue_delay
from darkroom.callbacks.token import callback_token, nonce_of
from darkroom.json_nesting import deeper_than
from darkroom.submission.polling_schedule import poll_wait
from darkroom.tasks.ids import derived_task_id, new_task_id, well_formed
from darkroom.webhooks.retry_schedule import WEBHOOKS

KEY = b"k" * 32


def test_a_derived_id_is_the_same_for_the_same_owner_and_key_only() -> None:
    one = derived_task_id(KEY, "ab", "c")
    assert one == derived_task_id(KEY, "ab", "c")
    assert one not in {
        derived_task_id(KEY, "a", "bc"),
        derived_task_id(KEY, "ab", "d"),
        derived_task_id(b"x", "ab", "c"),
    }
    assert well_formed(one)


def test_fresh_ids_sort_by_time_and_differ() -> None:
    ids = [new_task_id(1_780_000_000_000 + step) for step in range(50)]
    assert ids == sorted(set(ids))
    assert all(map(well_formed, ids))


@pytest.mark.parametrize(
    "text", ["", "task_", "task_01M7Y0K4SK2HQR5V5B4CM148F", "webhook#x", "task_" + "U" * 26, "../x"]
)
def test_other_texts_are_no_ids(text: str) -> None:
    assert not well_formed(text)


@given(st.text())
def test_no_other_token_is_valid(text: str) -> None:
    assert nonce_of(text, "task_1", "evolink", [KEY]) is None


def test_a_token_is_good_for_one_task_and_provider_and_under_both_secrets_of_a_rotation() -> None:
    token = callback_token(KEY, "task_1", "evolink", "n0nce")
    assert len(token) == len("n0nce.") + 43
    assert nonce_of(token, "task_1", "evolink", [b"new", KEY]) == "n0nce"
    assert nonce_of(token, "task_1", "evolink", [b"new"]) is None
    assert nonce_of(token, "task_2", "evolink", [KEY]) is None
    assert nonce_of(token, "task_1", "qingbo", [KEY]) is None
    assert nonce_of(f"other.{token[6:]}", "task_1", "evolink", [KEY]) is None
    assert nonce_of(token[6:], "task_1", "evolink", [KEY]) is None


def test_a_token_of_an_earlier_release_names_no_record() -> None:
    assert nonce_of("LJTGlirEFZbY3zRiCjUN4hxgAemRRzVCGFCpp1mkAUk", "task_1", "evolink", [KEY]) == ""


def test_webhooks_are_tried_for_three_days() -> None:
    waits = [WEBHOOKS.wait(attempt) for attempt in range(1, 12)]
    assert waits[:3] == [5, 30, 120]
    assert waits[9:] == [None, None]
    assert sum(wait or 0 for wait in waits) / 3600 == pytest.approx(72.2, abs=0.1)


@given(st.integers(0, 200), st.floats(1, 600), st.booleans())
def test_looks_never_stop_and_never_run_wild(looks: int, latency: float, called_back: bool) -> None:
    assert 2 <= poll_wait(looks, latency=latency, called_back=called_back) <= 1000


@given(st.floats(-10, 1e6))
def test_a_queues_delay_is_one_that_sqs_takes(seconds: float) -> None:
    assert 0 <= queue_delay(seconds) <= 900


@given(st.floats(0, 1e5), st.floats(0, 1))
def test_jitter_is_a_tenth_either_way(seconds: float, chance: float) -> None:
    assert 0.9 * seconds <= jittered(seconds, chance) <= 1.1 * seconds + 1e-9


@pytest.mark.parametrize(
    ("amount", "text"), [("1.8", "1.80"), ("0", "0.00"), ("10", "10.00"), ("0.123", "0.123"), ("1E+2", "100.00")]
)
def test_credits_are_shown_exactly(amount: str, text: str) -> None:
    assert format_credits(Decimal(amount)) == text


@given(st.decimals(0, 10**9, places=6))
def test_credits_keep_their_value(amount: Decimal) -> None:
    assert Decimal(format_credits(amount)) == amount


@given(st.integers(0, 300), st.integers(1, 200))
def test_nesting_is_counted_without_recursing(depth: int, limit: int) -> None:
    assert deeper_than(b"[" * depth + b"]" * depth, limit) == (depth > limit)
    assert not deeper_than(b'"' + b"[" * 500 + b'\\"[["', limit)
