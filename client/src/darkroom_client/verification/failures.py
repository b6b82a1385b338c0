"""Checks of what happens when things go wrong on purpose. All of them need the demo, which can be told to do so."""

import time

from darkroom_client.verification.findings import Check, Failed
from darkroom_client.verification.trial import Trial, told


def failover(trial: Trial) -> str:
    """A task that the first provider refuses is made by the second."""
    trial.need_demo()
    posted = trial.post("[[refuse=demo]]", provider=["demo", "demo-b"])
    task = trial.ended(posted["task_id"])
    states = [(attempt["provider"], attempt["status"]) for attempt in task["attempts"]]
    if task["status"] != "completed" or states != [("demo", "refused"), ("demo-b", "completed")]:
        raise Failed(f"the task is {task['status']} after {states}")
    return "refused by demo, made by demo-b"


def cancelled(trial: Trial) -> str:
    """A cancelled task stays cancelled, whatever its provider says later."""
    trial.need_demo()
    task_id = trial.post("[[latency=6]]")["task_id"]
    answer = trial.call("POST", f"/v1/tasks/{task_id}/cancel")
    if answer.status_code != 200 or answer.json()["status"] != "cancelled":
        raise Failed(f"the cancellation was answered {told(answer)}")
    again = trial.call("POST", f"/v1/tasks/{task_id}/cancel")
    if again.status_code != 409:
        raise Failed(f"a second cancellation was answered {told(again)}, not 409")
    late = trial.until(lambda: _verdicts(trial, task_id) or None, patience=min(30.0, trial.options.patience))
    after = trial.look(task_id)
    if after["status"] != "cancelled" or after["images"]:
        raise Failed(f"its provider's callback made it {after['status']} again")
    return "cancelled at once; the late callback changed nothing" if late else "cancelled at once"


def lost(trial: Trial) -> str:
    """A task whose callback never comes is found by a look."""
    trial.need_demo()
    began = time.monotonic()
    posted = trial.post("[[callback_drop]]")
    task = trial.ended(posted["task_id"])
    if task["status"] != "completed":
        raise Failed(f"the task is {task['status']}: {(task['error'] or {}).get('message', '')}")
    made = next((event for event in trial.events(task["task_id"]) if event["what"] == "images_made"), None)
    if made is None or made["cause"] != "look":
        raise Failed(f"it was ended by a {made['cause'] if made else 'nothing'}, though no callback was sent")
    trial.times["lost callback to end"] = round(time.monotonic() - began, 3)
    return f"found by a look, {trial.times['lost callback to end']:.0f} s after the submission"


def replayed(trial: Trial) -> str:
    """The same callback twice counts once."""
    trial.need_demo()
    posted = trial.post("[[callback_double]]", n=2)
    task = trial.ended(posted["task_id"])
    if task["status"] != "completed" or len(task["images"]) != 2:
        raise Failed(f"the task is {task['status']} with {len(task['images'])} images of 2")
    verdicts = trial.until(lambda: _verdicts(trial, task["task_id"]) or None, patience=30) or []
    if set(verdicts) != {"unchanged"}:  # both, where a look was faster than the first
        raise Failed(f"the second callback was read as {verdicts or 'nothing: it never came'}")
    if trial.options.admin_key:
        path = f"/v1/tasks/{task['task_id']}/callbacks/replay"
        answer = trial.call("POST", path, key=trial.options.admin_key)
        if answer.status_code != 200 or set(answer.json()["callbacks"]) != {"unchanged"}:
            raise Failed(f"reading the kept callbacks again was answered {told(answer)}")
    if trial.look(task["task_id"])["images"][0]["sha256"] != task["images"][0]["sha256"]:
        raise Failed("a repeated callback changed the pictures")
    return "the second one changed nothing" + (", nor did the kept ones" if trial.options.admin_key else "")


def _verdicts(trial: Trial, task_id: str) -> list[str]:
    """What became of the callbacks that changed nothing."""
    return [event["details"]["verdict"] for event in trial.events(task_id) if event["what"] == "callback"]


FAILOVER = Check(
    "failover", failover,
    "When a provider is out its tasks fail, though another sells the same.",
    "`darkroom events TASK`; the log groups …/submit and …/generate; the queue GenerateQueue",
    needs=("picture",),
)  # fmt: skip
CANCELLED = Check(
    "cancel", cancelled,
    "A cancelled task comes to life again, and is charged.",
    "`darkroom events TASK`; the log groups …/submit and …/callback",
    needs=("picture",),
)  # fmt: skip
LOST = Check(
    "lost callback", lost,
    "A task whose callback is lost hangs until its deadline: the looks do not run.",
    "the log group …/track; the queue LookQueue and its event source mapping; the alarm LoopsStopped",
    needs=("picture",),
)  # fmt: skip
REPLAYED = Check(
    "replayed callback", replayed,
    "A callback that comes twice counts twice.",
    "`darkroom events TASK`; the log group …/callback",
    needs=("callback",),
)  # fmt: skip
