"""Sending one signed webhook, as Standard Webhooks has it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from standardwebhooks import Webhook

from darkroom.http.client import HttpClient
from darkroom.http.errors import AddressRefused, ConnectFailed, OutcomeUncertain
from darkroom.http.timeout import Timeout

CONNECT_TIMEOUT = 5.0
GONE = 410


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What came of one delivery. `status` is the HTTP status, if there was an answer; `error` says why it failed.

    `gone` means that the receiver wants nothing more (410).
    """

    status: int | None
    latency_ms: int
    error: str | None
    gone: bool
    delivered: bool


class WebhookSender:
    """Signs and sends webhooks."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def post(
        self,
        url: str,
        event_id: str,
        timestamp: datetime,
        body: bytes,
        *,
        secrets: Sequence[str],
        timeout: float = 15,
    ) -> DeliveryOutcome:
        """Deliver once, within `timeout` seconds. All that can go wrong on the way is an outcome, not an exception.

        `secrets` are the valid ones (`whsec_…`), newest first, two while one rotates.
        """
        headers = {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(timestamp.timestamp())),
            "webhook-signature": signature(event_id, timestamp, body, secrets),
        }
        begun = time.monotonic()
        status, error = self._send(url, headers, body, timeout)
        latency_ms = int((time.monotonic() - begun) * 1000)
        delivered = status is not None and 200 <= status < 300
        if status is not None and not delivered:
            error = "answered with a redirect" if 300 <= status < 400 else f"answered {status}"
        return DeliveryOutcome(status, latency_ms, error, gone=status == GONE, delivered=delivered)

    def _send(self, url: str, headers: dict[str, str], body: bytes, seconds: float) -> tuple[int | None, str | None]:
        try:
            timeout = Timeout(connect=CONNECT_TIMEOUT, read=seconds, total=seconds)
            # Only the status counts: what the receiver says besides is not even read.
            with self._client.stream("POST", url, headers=headers, content=body, timeout=timeout) as response:
                return response.status_code, None
        except AddressRefused as error:
            return None, f"address refused: {error}"
        except ConnectFailed:
            return None, "no connection"
        except OutcomeUncertain:
            return None, "no answer in time"


def signature(event_id: str, timestamp: datetime, body: bytes, secrets: Sequence[str]) -> str:
    """The signatures by all of these secrets, separated by spaces."""
    text = body.decode()
    return " ".join(Webhook(secret).sign(event_id, timestamp, text) for secret in secrets)
