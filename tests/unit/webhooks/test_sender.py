"""Signed webhooks."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from darkroom.http.client import HttpClient
from darkroom.webhooks.sender import DeliveryOutcome, WebhookSender, signature
from tests.unit.http.servers import closed_port, serving

OLD, NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"


def post(url: str, body: bytes, *secrets: str) -> DeliveryOutcome:
    # A signature is good for five minutes: it is made now, not when this module was read.
    now = datetime.now(UTC).replace(microsecond=0)
    return WebhookSender(HttpClient(allow_loopback=True)).post(url, "msg_1", now, body, secrets=secrets)


def test_the_published_vector_comes_out() -> None:
    # The example of the Standard Webhooks specification's libraries.
    moment = datetime.fromtimestamp(1614265330, UTC)
    signed = signature("msg_p5jXN8AQM9LWM0D4loKWxJek", moment, b'{"test": 2432232314}', [OLD])
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook_verifies_under_either_secret_while_one_rotates() -> None:
    with serving(hook=lambda handler: handler.reply(204)) as server:
        outcome = post(f"{server.url}/hook", b'{"a": 1}', NEW, OLD)
        assert (outcome.status, outcome.delivered, outcome.gone, outcome.error) == (204, True, False, None)
        _, _, headers, body = server.seen[0]
        for secret in (NEW, OLD):
            assert Webhook(secret).verify(body, headers) == {"a": 1}
        assert headers["webhook-id"] == "msg_1"


@pytest.mark.parametrize(("status", "gone"), [(500, False), (302, False), (404, False), (410, True)])
def test_anything_but_success_is_told(status: int, gone: bool) -> None:
    with serving(hook=lambda handler: handler.reply(status, Location="/hook")) as server:
        outcome = post(f"{server.url}/hook", b"{}", NEW)
        assert (outcome.status, outcome.delivered, outcome.gone) == (status, False, gone)
        assert outcome.error
        assert len(server.seen) == 1


def test_trouble_on_the_way_is_an_outcome() -> None:
    outcome = post(f"http://127.0.0.1:{closed_port()}/", b"{}", NEW)
    assert (outcome.status, outcome.error) == (None, "no connection")
    refused = post("https://10.0.0.1/", b"{}", NEW)
    assert refused.error is not None
    assert refused.error.startswith("address refused")
