"""Checks of who is let in, and with how much: address, key, forged callbacks, other owners, sizes."""

import base64
import secrets
import time
from email.utils import parsedate_to_datetime

from darkroom_client.verification.findings import Check, Failed, NotTried
from darkroom_client.verification.image_bytes import noise
from darkroom_client.verification.trial import DEMO, Trial, told

CLOCK_TOLERANCE = 60
"""Seconds by which the clocks may differ: a webhook's signature is refused at five minutes."""
FITTING, TOO_LARGE = 3_000_000, 5_000_000
"""Bytes of a reference that fits into an event of Lambda's, and of one that does not once it is base64 (AWS: 6 MB)."""


def address(trial: Trial) -> str:
    """The API answers at its address, and knows what time it is."""
    began = time.monotonic()
    answer = trial.call("GET", "/health", key="")
    took = time.monotonic() - began
    if answer.status_code != 200:
        raise Failed(f"GET /health was answered {told(answer)}")
    stamp = answer.headers.get("date")
    apart = abs(parsedate_to_datetime(stamp).timestamp() - time.time()) if stamp else 0.0
    if apart > CLOCK_TOLERANCE:
        raise Failed(f"its clock and this machine's are {apart:.0f} s apart")
    return f"answers in {took:.2f} s"


def key(trial: Trial) -> str:
    """The key is known."""
    answer = trial.call("GET", "/v1/account")
    if answer.status_code != 200:
        raise Failed(f"the key was answered {told(answer)}")
    if trial.call("GET", "/v1/account", key="").status_code != 401:
        raise Failed("the account is shown without a key too")
    return f"of the owner {answer.json()['owner']}"


def model(trial: Trial) -> str:
    """Somebody sells the model that is tried with."""
    answer = trial.call("GET", "/v1/models")
    if answer.status_code != 200:
        raise Failed(f"GET /v1/models was answered {told(answer)}")
    known = {name: entry["offers"] for entry in answer.json()["data"] for name in (entry["id"], *entry["aliases"])}
    if trial.model not in known:
        wanted = trial.options.model
        raise Failed(f"no model is called {wanted}" if wanted else "it has no demo, and no other model was named")
    trial.demo = trial.model == DEMO
    sellers = ", ".join(offer["provider"] for offer in known[trial.model])
    return f"{trial.model}, at {sellers}" + ("" if trial.demo else " (its pictures are paid for)")


def forged(trial: Trial) -> str:
    """A callback with a token of nobody is refused and changes nothing."""
    task = trial.post("[[latency=20]][[callback_drop]]") if trial.demo else trial.task
    assert task is not None  # by `needs`
    task_id = task["task_id"]
    before = len(trial.events(task_id))
    body = {"id": "forged", "status": "completed", "results": ["https://attacker.example/forged.png"]}
    path = f"/callbacks/{task['provider']}/{task_id}/{secrets.token_urlsafe(32)}"
    answer = trial.call("POST", path, key="", json=body)
    after = trial.look(task_id)
    images = [image.get("sha256") for image in after["images"]]
    if answer.status_code != 403:
        raise Failed(f"a forged callback was answered {told(answer)}")
    # An open task goes on by itself meanwhile; what must not be is that it took the forged callback's word.
    if images != [image.get("sha256") for image in task["images"]]:
        raise Failed("a forged callback was refused, and gave the task images all the same")
    if not trial.demo and len(trial.events(task_id)) != before:
        raise Failed("a forged callback was refused, and left its mark on the task all the same")
    return "answered 403, nothing changed"


def stranger(trial: Trial) -> str:
    """Another owner's key finds nothing of ours."""
    if not trial.options.admin_key:
        raise NotTried("needs an admin key (ADMIN_KEY, --admin-key) to make a second owner's key")
    assert trial.task is not None  # by `needs`
    make_stranger(trial)
    task_id = trial.task["task_id"]
    for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/webhook"), ("POST", "/cancel"), ("DELETE", "")):
        answer = trial.call(method, f"/v1/tasks/{task_id}{path}", key=trial.stranger)
        if answer.status_code != 404:
            raise Failed(f"another owner's {method} of the task{path} was answered {told(answer)}, not 404")
    listed = trial.call("GET", "/v1/tasks", key=trial.stranger).json()["data"]
    if listed:
        raise Failed(f"another owner's list has {len(listed)} tasks in it")
    return "404 to another owner's key, however it asks"


def make_stranger(trial: Trial) -> None:
    """Make a second owner's key, once. It is disabled at the end."""
    if trial.stranger:
        return
    body = {"owner": trial.owner, "name": "darkroom verify", "requests_per_second": 50}
    answer = trial.call("POST", "/v1/admin/keys", key=trial.options.admin_key, json=body)
    if answer.status_code not in {200, 201}:
        raise Failed(f"a second owner's key could not be made: {told(answer)}")
    made = answer.json()
    trial.stranger, trial.stranger_id = made["api_key"], made["key_id"]
    trial.secrets.append(trial.stranger)


def sizes(trial: Trial) -> str:
    """A large reference is taken, and a too large one refused in words."""
    # No size is so small: should the body get through after all, no task comes of it.
    body = {"model": trial.model, "prompt": trial.prompt(), "size": "1x1", "image_urls": [_reference(TOO_LARGE)]}
    answer = trial.call("POST", "/v1/tasks", json=body)
    if answer.status_code != 413:
        raise Failed(f"a reference of {TOO_LARGE:,} bytes as data was answered {told(answer)}, not 413")
    said = told(answer).partition(": ")[2]
    if len(said) < 10:
        raise Failed("a too large body is refused without a word")
    if not trial.demo:
        return "5 MB as data: 413 (3 MB were not tried: a real provider is paid)"
    task = trial.post("[[latency=20]][[callback_drop]]", image_urls=[_reference(FITTING)])
    return f"3 MB as data: taken as {task['task_id']}; 5 MB: 413, {said[:60]!r}"


def _reference(size: int) -> str:
    """A real picture of about so many bytes, as a data URI."""
    side = int((size / 3) ** 0.5)
    return f"data:image/png;base64,{base64.b64encode(noise(side, side, b'darkroom')).decode()}"


ADDRESS = Check(
    "address", address,
    "Nothing answers there, or something else does: the address is wrong, the stack is gone, or its functions break.",
    "the stack's output ApiUrl; the log group …/status",
)  # fmt: skip
KEY = Check(
    "key", key,
    "The key is unknown, disabled or of another deployment. Nothing else can be tried without one.",
    "`darkroom keys list` with an admin key; `make deploy` makes the first keys and shows them once",
    needs=("address",),
)  # fmt: skip
MODEL = Check(
    "model", model,
    "There is nothing to try with. The demo makes pictures without any provider's key.",
    "deploy with the parameter DemoProvider=true; or give a real --model (seedream-4.5): its pictures are paid for",
    needs=("key",),
)  # fmt: skip
FORGED = Check(
    "forged callback", forged,
    "Whoever knows a task's id could end it and put pictures into it.",
    "docs/security.md; the log group …/callback",
    needs=("picture",),
)  # fmt: skip
STRANGER = Check(
    "another owner", stranger,
    "One owner's key reads or changes another's tasks.",
    "docs/security.md; the log groups …/status and …/submit",
    needs=("picture",),
)  # fmt: skip
SIZES = Check(
    "sizes", sizes,
    "What fits is not taken, or what does not is answered by something that says nothing of what to do.",
    "docs/api.md; the log groups …/access and …/submit",
    needs=("model",),
)  # fmt: skip
