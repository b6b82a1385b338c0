"""What is taken out of foreign text before an owner sees it, and how long that may take."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.providers.redaction import redacted
from tests.growth import exponent

TOKEN = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF"
PATH = "secret/path/to/picture.png"


@pytest.mark.parametrize(
    "written",
    [
        f"https://files.example/{PATH}?sig=1",
        f"HTTPS://files.example/{PATH}",
        f"see (https://files.example/{PATH}) now",
        f"//files.example/{PATH}",
        f"files.example/{PATH}",
        f"files.example:8443/{PATH}",
        f"s3://bucket/{PATH}",
        f"https%3A%2F%2Ffiles.example%2F{PATH}",
        f"https:\\/\\/files.example\\/{PATH}".replace("/path", "\\/path"),
        f"x=https://user:pass@files.example/{PATH}",
        f"https://[::1]/{PATH}",
        f"链接https://files.example/{PATH}结束",
    ],
)
def test_no_link_is_left(written: str) -> None:
    assert "picture.png" not in redacted(written), redacted(written)


@pytest.mark.parametrize(
    "written",
    [
        f"https://gateway.example/callbacks/evolink/task_x/{TOKEN}",
        f"/callbacks/evolink/task_x/{TOKEN}",
        f"path=callbacks%2Fevolink%2Ftask_x%2F{TOKEN}",
        f"token was {TOKEN}.",
        f"Authorization: Bearer {TOKEN}",
        f"api_key={TOKEN}",
        f"sk-{TOKEN}",
    ],
)
def test_no_callback_address_token_or_key_is_left(written: str) -> None:
    assert TOKEN not in redacted(written), redacted(written)


@pytest.mark.parametrize(
    "written",
    [
        "The size 2048x2048 and/or ratio 16:9 is not offered.",
        "generation_failed: try again at 10:30 (code 4/5)",
        "内容不符合规定",
        "model doubao-seedream-4.5 is busy, 3.14 credits left",
        "sha256 " + "ab" * 32,
    ],
)
def test_plain_words_stay(written: str) -> None:
    assert redacted(written) == written


def test_the_host_of_a_link_stays() -> None:
    assert redacted(f"could not read https://files.example/{PATH}") == "could not read [link at files.example]"


@given(st.text())
def test_any_text_can_be_redacted(text: str) -> None:
    json.dumps(redacted(text))


@pytest.mark.parametrize(
    "piece",
    ["a", "a.", "a-", "/", "\\/", "http", "://", "https://a", "token ", "bearer ", "%2f", ":", "callbacks/", "a.b/"],
)
def test_the_work_grows_with_the_text_alone(piece: str) -> None:
    assert exponent(redacted, lambda size: piece * (size // len(piece))) <= 1.35
