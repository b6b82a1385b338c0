"""Links as providers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.providers.reading.links import clean_link, path_within, several_links

LINK = "https://files.example/a/b.png?x=1&y=2"


@pytest.mark.parametrize(
    "written",
    [
        LINK,
        f"  {LINK}\n",
        f"\ufeff{LINK}\u200b",
        f'"{LINK}"',
        f"<{LINK}>",
        LINK.replace("/b.png", "\n/b.png"),
        LINK.replace("https", "HTTPS"),
        LINK.replace("/", "\\/"),
        LINK.replace("&", "&amp;"),
        LINK.removeprefix("https:"),
        LINK.replace("https://", "https:/"),
    ],
)
def test_a_link_is_what_was_meant(written: str) -> None:
    assert clean_link(written) == LINK


@pytest.mark.parametrize(
    "text", ["", "a fox", "ftp://a.example/x", "javascript:alert(1)", "/a/b.png", "file:///etc/passwd", "https://"]
)
def test_what_is_no_web_address_is_none(text: str) -> None:
    assert clean_link(text) == ""


@given(st.text(max_size=60))
def test_a_clean_link_is_clean_and_stays_so(text: str) -> None:
    link = clean_link(text)
    assert link == "" or link.startswith(("http://", "https://"))
    assert clean_link(link) == link or link.endswith(tuple(" '\"<>`"))


@pytest.mark.parametrize("between", [",", ", ", "\n", " ", ";", "|", "\r\n\r\n"])
def test_links_may_be_listed_in_a_text(between: str) -> None:
    assert several_links(f"{LINK}{between}{LINK}") == [LINK, LINK]


def test_a_comma_in_a_link_is_its_own() -> None:
    assert several_links("https://files.example/a,b.png") == ["https://files.example/a,b.png"]


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("https://p.example/v1/jobs/7", "/jobs/7"),
        ("HTTPS://p.example/v1/jobs/7", "/jobs/7"),
        ({"get": "https://p.example/v1/predictions/7/result"}, "/predictions/7/result"),
        ("https://evil.example/v1/jobs/7", ""),
        ("https://p.example.evil.example/v1/jobs/7", ""),
        ("https://p.example/v1@evil.example/jobs", ""),
        ("https://p.example/v1", ""),
        ("https://p.example/v1/../admin", ""),
        ("https://p.example/v1/%2e%2e/admin", ""),
        ("https://p.example/v1/jobs?key=7", ""),
        ("https://p.example/v1/jobs#7", ""),
        ("https://p.example/v2/jobs/7", ""),
        ("http://p.example/v1/jobs/7", ""),
        ("/jobs/7", ""),
        (7, ""),
        (None, ""),
        ({"get": ["https://p.example/v1/jobs/7"]}, ""),
    ],
)
def test_a_place_to_ask_at_is_one_under_the_providers_own_address(said: object, path: str) -> None:
    for content in ({"status_url": said}, {"code": 0, "data": {"id": "7", "statusUrl": said}}):
        assert path_within("https://p.example/v1", content, ["status_url"]) == path
