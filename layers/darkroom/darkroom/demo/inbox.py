"""An inbox for webhooks: a receiver on the internet for whoever has none, so that a delivery can be looked at."""

import base64
import json
import secrets
import struct
from collections.abc import Mapping
from typing import Any

from darkroom.clock import now
from darkroom.container_stores import StoreContainer
from darkroom.demo.sealed import NotOurs, seal, unseal

LIFE_SECONDS = 24 * 3600
"""How long an inbox takes and shows webhooks; the bucket's lifecycle removes it after about as long."""
MOST_BYTES = 256 * 1024
KEPT_HEADERS = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature")
_EXPIRY = struct.Struct(">I")

Json = dict[str, Any]


class NoSuchInbox(LookupError):
    """No inbox has this id (any more)."""


class Inboxes:
    """Inboxes in the bucket, each known to whoever opened it alone: its id can't be guessed, and not be made."""

    def __init__(self, stores: StoreContainer) -> None:
        self._stores = stores

    def open(self) -> Json:
        """A new inbox: its address, and until when it is one (Unix seconds)."""
        expires_at = now() // 1000 + LIFE_SECONDS
        inbox_id = seal(self._stores.keys().demo(), "inbox", _EXPIRY.pack(expires_at) + secrets.token_bytes(16))
        self._write(inbox_id, None)
        url = f"{self._stores.settings.demo_base_url}/demo/inbox/{inbox_id}"
        return {"object": "demo.inbox", "url": url, "expires_at": expires_at}

    def take(self, inbox_id: str, headers: Mapping[str, str], body: bytes) -> None:
        """Keep what came last, as it came. Raises `NoSuchInbox`."""
        self._check(inbox_id)
        kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
        self._write(
            inbox_id, {"received_at": now(), "headers": kept, "body": base64.b64encode(body).decode()}
        )  # fmt: skip

    def read(self, inbox_id: str) -> Json:
        """What came last: `{"last": null}` where nothing has come yet. Raises `NoSuchInbox`."""
        self._check(inbox_id)
        shown: Json = json.loads(self._stores.objects().read(_place(inbox_id)))
        return shown

    def _write(self, inbox_id: str, last: Json | None) -> None:
        content = json.dumps({"object": "demo.inbox", "last": last}).encode()
        self._stores.objects().put(_place(inbox_id), content, "application/json")

    def _check(self, inbox_id: str) -> None:
        try:
            (expires_at,) = _EXPIRY.unpack(unseal(self._stores.keys().demo(), "inbox", inbox_id)[: _EXPIRY.size])
        except (NotOurs, struct.error) as error:
            raise NoSuchInbox("there is no such inbox") from error
        if now() // 1000 >= expires_at:
            raise NoSuchInbox("this inbox is closed")


def _place(inbox_id: str) -> str:
    """Where an inbox lies in the bucket."""
    return f"inbox/{inbox_id}.json"
