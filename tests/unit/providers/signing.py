"""Callbacks as their providers sign them, made with keys of our own and by other code than what checks them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping

from nacl.signing import SigningKey

Signed = Callable[[bytes, int], Mapping[str, str]]
"""From a body and a time in Unix seconds to the headers that say where it comes from."""

FAL_KEY = SigningKey(bytes(range(32)))
FAL_PUBLIC = base64.urlsafe_b64encode(bytes(FAL_KEY.verify_key)).decode().rstrip("=")
REPLICATE_SECRET = "whsec_" + base64.b64encode(b"replicate's own secret").decode()
WAVESPEED_SECRET = "whsec_0123456789abcdef"
KIE_SECRET = "kie-hmac-key"


def signed_by_fal(body: bytes, at: int, key: SigningKey = FAL_KEY) -> Mapping[str, str]:
    digest = hashlib.sha256(body).hexdigest()
    signature = key.sign(f"r-1\nuser-7\n{at}\n{digest}".encode()).signature.hex()
    return {
        "X-Fal-Webhook-Request-Id": "r-1", "X-Fal-Webhook-User-Id": "user-7", "X-Fal-Webhook-Timestamp": str(at),
        "X-Fal-Webhook-Signature": signature,
    }  # fmt: skip


def signed_by_replicate(body: bytes, at: int, secret: str = REPLICATE_SECRET) -> Mapping[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"msg_1.{at}.{body.decode()}".encode(), hashlib.sha256).digest()
    signature = f"v1,AAAA v1,{base64.b64encode(digest).decode()}"
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(at), "Webhook-Signature": signature}


def signed_by_wavespeed(body: bytes, at: int, secret: str = WAVESPEED_SECRET) -> Mapping[str, str]:
    key = secret.removeprefix("whsec_").encode()
    digest = hmac.new(key, f"w-1.{at}.{body.decode()}".encode(), hashlib.sha256).hexdigest()
    return {"webhook-id": "w-1", "webhook-timestamp": str(at), "webhook-signature": f"v3,{digest}"}


def signed_by_kie(body: bytes, at: int, secret: str = KIE_SECRET) -> Mapping[str, str]:
    task_id = json.loads(body)["data"]["taskId"]
    digest = hmac.new(secret.encode(), f"{task_id}.{at}".encode(), hashlib.sha256).digest()
    return {"X-Webhook-Timestamp": str(at), "X-Webhook-Signature": base64.b64encode(digest).decode()}


SIGNED: Mapping[str, Signed] = {
    "fal": signed_by_fal, "replicate": signed_by_replicate, "wavespeed": signed_by_wavespeed, "kie": signed_by_kie,
}  # fmt: skip
SECRETS: Mapping[str, str] = {
    "fal": FAL_PUBLIC, "replicate": REPLICATE_SECRET, "wavespeed": WAVESPEED_SECRET, "kie": KIE_SECRET,
}  # fmt: skip
