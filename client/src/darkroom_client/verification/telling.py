"""Checks of what is told: webhooks with their signatures, and streams."""

import base64
import json
import time
from typing import Any

import httpx

from darkroom_client.verification.access import make_stranger
from darkroom_client.verification.findings import Check, Failed, NotTried
from darkroom_client.verification.life import get
from darkroom_client.verification.trial import Json, Trial, told
from darkroom_client.webhooks import BadSignature, verify_webhook


def inbox(trial: Trial) -> str:
    """There is somewhere to send a webhook to."""
    if trial.options.webhook:
        return f"at the address given, {trial.options.webhook}"
    trial.need_demo()
    trial.inbox = open_inbox(trial)
    return "opened, in the deployment's own bucket"


def delivered(trial: Trial) -> str:
    """The end of the task is told by a webhook."""
    if not (trial.inbox or trial.options.webhook):
        raise NotTried("needs an address to send it to (--webhook), or the demo, which has an inbox")
    assert trial.task is not None  # by `needs`
    task_id = trial.task["task_id"]
    tried = trial.until(lambda: _attempts(trial, task_id) or None)
    if tried is None:
        raise Failed(f"no attempt to deliver it was made within {trial.options.patience:g} s")
    taken = trial.until(
        lambda: next((a for a in _attempts(trial, task_id) if not a["error"]), None),
        patience=min(45, trial.options.patience),
    )
    if taken is None:
        raise Failed(f"the receiver did not take it: {tried[-1]['error']}")
    at = taken["at"] + (taken["latency_ms"] or 0)
    trial.times["stored to webhook"] = round((at - trial.task["completed_at"]) / 1000, 3)
    if trial.inbox:
        message = received(trial, trial.inbox)
        content = json.loads(base64.b64decode(message["body"]))
        if (content["type"], content["data"]["task_id"]) != ("task.completed", task_id):
            raise Failed(f"it tells of {content['type']} of {content['data']['task_id']}")
    return f"{trial.times['stored to webhook']:.1f} s after the picture was stored"


def signed(trial: Trial) -> str:
    """A webhook's signature is by its owner's secret, and by no other."""
    if trial.options.webhook_secret and trial.inbox:
        message, secret = received(trial, trial.inbox), trial.options.webhook_secret
    elif trial.options.admin_key and trial.demo:
        message, secret = _of_a_stranger(trial)
    else:
        raise NotTried(
            "needs the owner's secret (--webhook-secret), or an admin key and the demo: an owner is then made"
        )
    body = base64.b64decode(message["body"])
    try:
        verify_webhook(secret, message["headers"], body)
    except (BadSignature, ValueError) as error:
        raise Failed(f"its signature is not by this secret: {error}") from error
    try:
        verify_webhook(secret, message["headers"], body + b" ")
    except BadSignature:
        return "Standard Webhooks' signature verified; a changed body is refused"
    raise Failed("its signature holds for another body too")


def streamed(trial: Trial) -> str:
    """Pictures are streamed by the function's own URL as they are stored."""
    if not trial.options.streaming_url:
        raise NotTried(
            "needs the output StreamingUrl (--streaming-url, STREAMING_URL; read from the stack with --stack)"
        )
    trial.need_demo()
    body = {
        "model": trial.model, "prompt": trial.prompt("[[latency=4]]"), "size": "1K", "stream": True,
        "sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 2},
    }  # fmt: skip
    began = time.monotonic()
    text, first = _stream(trial, f"{trial.options.streaming_url.rstrip('/')}/ark/api/v3/images/generations", body)
    took = time.monotonic() - began
    names = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    wanted = ["image_generation.partial_succeeded"] * 2 + ["image_generation.completed"]
    if names != wanted or not text.rstrip().endswith("data: [DONE]"):
        raise Failed(f"the stream's events were {names or text[:200]}")
    links = [
        json.loads(line[6:])["url"]
        for line in text.splitlines()
        if line.startswith('data: {"type":"image_generation.partial')
    ]
    if any(get(trial, link).status_code != 200 for link in links):
        raise Failed("a picture of the stream can't be fetched")
    return f"two pictures; the stream began after {first:.1f} s and ended after {took:.1f} s"


def open_inbox(trial: Trial) -> str:
    """The address of a new inbox. Raises `Failed`."""
    answer = trial.call("POST", "/demo/inbox")
    if answer.status_code != 201:
        raise Failed(f"POST /demo/inbox was answered {told(answer)}")
    return str(answer.json()["url"])


def received(trial: Trial, address: str) -> Json:
    """What came to an inbox. Raises `Failed` where nothing does in time."""

    def last() -> Any:
        answer = get(trial, address)
        if answer.status_code != 200:
            raise Failed(f"the inbox answered {told(answer)}")
        return answer.json()["last"]

    found: Json | None = trial.until(last)
    if found is None:
        raise Failed(f"nothing came to the inbox within {trial.options.patience:g} s")
    return found


def _attempts(trial: Trial, task_id: str) -> list[Json]:
    answer = trial.call("GET", f"/v1/tasks/{task_id}/webhook")
    if answer.status_code != 200:
        raise Failed(f"the webhook's log was answered {told(answer)}")
    attempts: list[Json] = answer.json()["attempts"]
    return [attempt for attempt in attempts if attempt["status"] is not None or attempt["error"]]


def _of_a_stranger(trial: Trial) -> tuple[Json, str]:
    """A webhook of an owner that was made for this run, with a secret of its own: nobody else's secret is touched."""
    make_stranger(trial)
    rotated = trial.call("POST", "/v1/account/webhook-secret", key=trial.stranger)
    if rotated.status_code != 201:
        raise Failed(f"a webhook secret was answered {told(rotated)}")
    secret = str(rotated.json()["secret"])
    trial.secrets.append(secret)
    address = open_inbox(trial)
    task = trial.post(key=trial.stranger, callback_url=address)
    trial.ended(task["task_id"], key=trial.stranger)
    message = received(trial, address)
    trial.call("DELETE", f"/v1/tasks/{task['task_id']}", key=trial.stranger)
    return message, secret


def _stream(trial: Trial, url: str, body: Json) -> tuple[str, float]:
    """A stream's text, and the seconds after which its first bytes came."""
    headers = {"authorization": f"Bearer {trial.options.key}"}
    began = time.monotonic()
    first = 0.0
    pieces: list[str] = []
    try:
        with trial.http.stream("POST", url, json=body, headers=headers, timeout=trial.options.patience) as answer:
            if answer.status_code != 200:
                answer.read()
                raise Failed(f"the stream was answered {told(answer)}")
            if task_id := answer.headers.get("x-darkroom-task-id"):
                trial.made.append(task_id)
            for piece in answer.iter_text():
                first = first or time.monotonic() - began
                pieces.append(piece)
    except httpx.HTTPError as error:
        raise Failed(f"the stream broke off ({type(error).__name__}) after {len(pieces)} pieces") from error
    return "".join(pieces), first


INBOX = Check(
    "inbox", inbox,
    "The demo's receiver of webhooks does not answer.",
    "the log group …/demo",
    needs=("model",),
)  # fmt: skip
DELIVERED = Check(
    "webhook", delivered,
    "Apps are not told when their pictures are there.",
    "`GET /v1/tasks/{id}/webhook`; the log groups …/notify and …/deliver; the queue WebhookQueue; the table's stream",
    needs=("picture",),
    wants=("inbox",),
)  # fmt: skip
SIGNED = Check(
    "webhook's signature", signed,
    "Apps can't tell our webhooks from anybody's. Where a secret was given it may be another owner's, or an older one.",
    "`GET /v1/account/webhook-secret` with the owner's key shows it",
    needs=("webhook",),
)  # fmt: skip
STREAMED = Check(
    "stream", streamed,
    "Calls that stream, or wait long, do not work. An organisation's policy may forbid public function URLs.",
    "the output StreamingUrl; the log group …/dialects; the function's permissions (InvokeFunctionUrl, InvokeFunction)",
    needs=("picture",),
)  # fmt: skip
