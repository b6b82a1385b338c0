"""Checks of one picture's life: accepted, called back, stored, fetched by its link, not made twice, removed."""

import hashlib
import time
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx

from darkroom_client.verification.findings import Check, Failed, NotTried
from darkroom_client.verification.image_bytes import NotAPicture, size_of
from darkroom_client.verification.trial import Json, Trial, told

MOST_PICTURES = 3
"""Pictures that are made until one is called back: where callbacks work, the first."""


def accepted(trial: Trial) -> str:
    """A task is accepted at once, while its picture is still to be made."""
    trial.posted = {"idempotency_key": trial.owner, "metadata": {"verify": trial.owner}}
    if trial.inbox or trial.options.webhook:
        trial.posted["callback_url"] = trial.inbox or trial.options.webhook
    began = time.monotonic()
    trial.task = trial.post(**trial.posted)
    trial.times["accept"] = round(time.monotonic() - began, 3)
    return f"{trial.task['task_id']} in {trial.times['accept']:.2f} s, at {trial.task['provider']}"


def idempotent(trial: Trial) -> str:
    """The same key is the same task; with another body it is a conflict."""
    assert trial.task is not None  # by `needs`
    again = trial.post(**trial.posted)
    if again["task_id"] != trial.task["task_id"]:
        raise Failed(f"the same Idempotency-Key made a second task, {again['task_id']}")
    answer = trial.call(
        "POST", "/v1/tasks", json={"model": trial.model, "prompt": "another"}, headers={"idempotency-key": trial.owner}
    )
    if answer.status_code != 409:
        raise Failed(f"another body with the same Idempotency-Key was answered {told(answer)}, not 409")
    return "the same key twice is one task; with another body 409"


def picture(trial: Trial) -> str:
    """The task ends with its pictures stored."""
    assert trial.task is not None  # by `needs`
    trial.task = task = trial.ended(trial.task["task_id"])
    if task["status"] != "completed":
        raise Failed(f"the task is {task['status']}: {(task['error'] or {}).get('message', '')}")
    (stored, *_) = [image for image in task["images"] if image["status"] == "stored"]
    return f"{stored['width']}x{stored['height']}, {stored['bytes']:,} bytes, in the bucket"


def called_back(trial: Trial) -> str:
    """The end was told by the provider's callback. One that a look was faster than may happen; three in turn not."""
    assert trial.task is not None  # by `needs`
    task_id = trial.task["task_id"]
    for left in reversed(range(MOST_PICTURES)):
        events = trial.events(task_id)
        if not any(event["details"].get("callback") for event in events if event["what"] == "submitting"):
            raise NotTried(
                f"{trial.task['provider']} was given no callback address (it has no callbacks, or can't reach one)"
            )
        made = _first(events, "images_made")
        if made["cause"] == "callback":
            began, stored = _first(events, "submitting"), _first(events, "image_stored")
            trial.times["accept to callback"] = _seconds(began, made)
            trial.times["callback to stored"] = _seconds(made, stored)
            return f"came {trial.times['accept to callback']:.1f} s after the submission"
        if left:
            task_id = trial.ended(trial.post()["task_id"])["task_id"]
    raise Failed(f"{MOST_PICTURES} pictures in turn were found by looks: no callback had come by then")


def fetched(trial: Trial) -> str:
    """The link leads to the whole picture, as the task describes it."""
    assert trial.task is not None  # by `needs`
    image = trial.task["images"][0]
    answer = get(trial, image["url"])
    if answer.status_code != 200:
        raise Failed(f"the link was answered {answer.status_code}")
    content = answer.content
    if hashlib.sha256(content).hexdigest() != image["sha256"] or len(content) != image["bytes"]:
        raise Failed(f"{len(content):,} bytes came whose SHA-256 is not the task's")
    if answer.headers.get("content-type") != image["content_type"]:
        raise Failed(f"it comes as {answer.headers.get('content-type')}, the task says {image['content_type']}")
    try:
        size = size_of(content)
    except NotAPicture as error:
        raise Failed(f"what came is no picture: {error}") from error
    if size != (image["width"], image["height"]):
        raise Failed(f"the picture is {size[0]}x{size[1]}, the task says {image['width']}x{image['height']}")
    trial.picture = content
    return f"a whole {image['content_type'].partition('/')[2].upper()}, SHA-256 as told"


def guarded(trial: Trial) -> str:
    """A link is good as it is, and neither without its signature nor for longer."""
    assert trial.task is not None  # by `needs`
    url = trial.task["images"][0]["url"]
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    longer = {**query, "X-Amz-Expires": "604800"}
    for what, changed in (("no signature", {}), ("a longer life", longer)):
        answer = get(trial, urlunsplit((*parts[:3], urlencode(changed), "")))
        if answer.status_code == 200:
            raise Failed(f"the picture is given out by a link with {what}")
    return f"refused without its signature, and with a longer life than its {query.get('X-Amz-Expires', '?')} s"


def removed(trial: Trial) -> str:
    """What this run made is removed, and gone at once."""
    if trial.options.keep:
        raise NotTried("the tasks are kept, as was asked for")
    for task_id in trial.made:
        answer = trial.call("DELETE", f"/v1/tasks/{task_id}")
        if answer.status_code == 409:  # it is open still
            trial.call("POST", f"/v1/tasks/{task_id}/cancel")
            answer = trial.call("DELETE", f"/v1/tasks/{task_id}")
        if answer.status_code not in {200, 204, 404}:
            raise Failed(f"the deletion of {task_id} was answered {told(answer)}")
        if trial.call("GET", f"/v1/tasks/{task_id}").status_code != 404:
            raise Failed(f"{task_id} is there after its deletion")
    if trial.picture and trial.task and get(trial, trial.task["images"][0]["url"]).status_code == 200:
        raise Failed("the picture is there after its task's deletion")
    return f"{len(trial.made)} tasks and their pictures"


def get(trial: Trial, url: str) -> httpx.Response:
    """Fetch a link, without any key."""
    try:
        return trial.http.get(url)
    except httpx.HTTPError as error:
        raise Failed(f"{urlsplit(url).netloc} gave no answer to the link ({type(error).__name__})") from error


def _first(events: list[Json], what: str) -> Json:
    found = next((event for event in events if event["what"] == what), None)
    if found is None:
        raise Failed(f"the task's events have no {what}")
    return found


def _seconds(one: Json, other: Json) -> float:
    return round((int(other["at"]) - int(one["at"])) / 1000, 3)


ACCEPTED = Check(
    "accept", accepted,
    "Tasks are not taken: a limit or the balance of the key stands against it, or the function `submit` breaks.",
    "the message; the log group …/submit; the account's Lambda concurrency (new accounts have 10)",
    needs=("model",),
)  # fmt: skip
IDEMPOTENT = Check(
    "idempotency", idempotent,
    "A client that tries again pays twice.",
    "the log group …/submit",
    needs=("accept",),
)  # fmt: skip
PICTURE = Check(
    "picture", picture,
    "Pictures are made and not stored, or the provider fails.",
    "`darkroom events TASK`; the log groups …/ingest and …/track; `darkroom dead-letters list`",
    needs=("accept",),
)  # fmt: skip
CALLED_BACK = Check(
    "callback", called_back,
    "Callbacks do not arrive: every task waits for a look instead, which takes longer. The address that providers are "
    "given (PublicUrl, else the API's own) does not lead to this API, or something turns POST /callbacks/… away.",
    "the parameter PublicUrl, its DNS, certificate and mapping; a WAF before it; the log groups …/access, …/callback",
    needs=("picture",),
)  # fmt: skip
FETCHED = Check(
    "stored picture", fetched,
    "What a user gets by the link is not what was made.",
    "the bucket's policy and encryption; the log group …/ingest",
    needs=("picture",),
)  # fmt: skip
GUARDED = Check(
    "link", guarded,
    "Pictures can be had without a link that we signed: the bucket is public.",
    "the bucket's public access block and policy",
    needs=("stored picture",),
)  # fmt: skip
REMOVED = Check(
    "deletion", removed,
    "Records or pictures outlive their deletion.",
    "the log group …/submit",
    needs=("key",),
)  # fmt: skip
