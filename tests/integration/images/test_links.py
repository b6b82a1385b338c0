"""Links: how long they live, where they lead, and what they are signed with."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.session import get_session

from darkroom.api.tasks import entity_tag
from darkroom.aws import clients
from darkroom.clock import now
from darkroom.container import Container
from darkroom.images.links import LinkSigner
from darkroom.settings import Settings
from darkroom.tasks import transitions
from tests.integration.emulated_aws import BUCKET
from tests.unit.tasks.test_transitions import NOW, copying, stored

KEY = "tasks/o/t/0.png"
START = 1_780_000_200
"""Where a window of half an hour begins (Unix seconds)."""
FOR_LONG = 12 * 3600


class Rotating(RefreshableCredentials):
    """Credentials that end, and become others where they are asked for within 15 minutes of that."""

    def __init__(self, ends_at: int, now: int) -> None:
        self.now = now
        self.number = 0
        super().__init__(
            "AKIA0", "secret", "token", datetime.fromtimestamp(ends_at, UTC), self._next, "container",
            time_fetcher=lambda: datetime.fromtimestamp(self.now, UTC),
        )  # fmt: skip

    def _next(self) -> dict[str, str]:
        self.number += 1
        ends_at = datetime.fromtimestamp(self.now + 3 * 3600, UTC).isoformat()
        return {"access_key": f"AKIA{self.number}", "secret_key": "s", "token": "t", "expiry_time": ends_at}


def signer(credentials: Any, seconds: int = FOR_LONG) -> LinkSigner:
    return LinkSigner(credentials, BUCKET, "us-east-1", link_seconds=seconds)


def life(url: str) -> tuple[int, int]:
    """When a link was signed and when S3 will refuse it (Unix seconds)."""
    query = parse_qs(urlsplit(url).query)
    signed_at = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return int(signed_at.timestamp()), int(signed_at.timestamp()) + int(query["X-Amz-Expires"][0])


def test_a_link_ends_with_the_credentials_that_signed_it() -> None:
    ends_at = START + 5_000
    link = signer(Rotating(ends_at, START)).sign(KEY, START * 1000)
    assert link.expires_at == ends_at
    assert life(link.url)[1] == ends_at


def test_credentials_of_unknown_life_are_not_trusted_for_more_than_an_hour() -> None:
    temporary = Credentials("ASIA", "secret", "token")
    link = signer(temporary).sign(KEY, START * 1000)
    assert (link.expires_at, life(link.url)) == (START + 3600, (START, START + 3600))
    late = signer(temporary).sign(KEY, (START + 1799) * 1000)
    assert late == link
    assert signer(temporary).sign(KEY, (START + 1800) * 1000) != link


def test_credentials_without_an_end_sign_for_as_long_as_is_asked() -> None:
    link = signer(Credentials("AKIA", "secret")).sign(KEY, START * 1000)
    assert link.expires_at - life(link.url)[0] == FOR_LONG


def test_new_credentials_give_another_link_and_another_entity_tag() -> None:
    credentials = Rotating(START + 1_600, START)
    links = signer(credentials, 3600)
    task = transitions.store_image(copying(), 0, stored(0), now=NOW)
    first, tag = links.sign(KEY, START * 1000), entity_tag(task, links, START * 1000)
    credentials.now = START + 1_000  # less than 15 minutes before their end
    later = credentials.now * 1000
    assert links.sign(KEY, later).url != first.url
    assert links.sign(KEY, later).expires_at > first.expires_at
    assert entity_tag(task, links, later) != tag, "who asks with the old tag must not keep a link that dies"


def test_a_reference_has_the_whole_life_of_its_link_before_it() -> None:
    link = signer(Credentials("ASIA", "secret", "token")).sign_now(KEY, (START + 1234) * 1000)
    assert life(link.url) == (START + 1234, START + 1234 + 3600)


@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("us-east-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("us-iso-east-1", "c2s.ic.gov"),
    ],
)
def test_a_link_leads_to_the_endpoint_of_its_partition(region: str, suffix: str) -> None:
    links = LinkSigner.from_session(get_session(), BUCKET, region, link_seconds=60)
    assert links.sign(KEY, START * 1000).url.startswith(f"https://{BUCKET}.s3.{region}.{suffix}/{KEY}?")


@pytest.fixture
def on_lambda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    clients.session.cache_clear()
    yield
    clients.session.cache_clear()


@pytest.mark.usefixtures("on_lambda")
def test_what_a_function_signs_with_its_environments_credentials_lives_an_hour_at_most() -> None:
    container = Container(Settings({"DARKROOM_BUCKET": BUCKET, "DARKROOM_LINK_SECONDS": "43200"}))
    begun = now()
    assert container.links().sign(KEY, begun).expires_at <= begun // 1000 + 3600
    signed_at, ends_at = life(container._reference_link(KEY))
    assert ends_at - signed_at == 3600
    assert signed_at >= begun // 1000
