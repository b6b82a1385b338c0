"""Many tasks at once, with callbacks doubled and dropped: every one ends, stored once."""

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.e2e.conftest import Api


def set_faults(api: Api, provider: str, faults: dict[str, Any] | None) -> None:
    url = f"{api.stack.simulators[provider]}/_control/faults"
    answer = httpx.post(url, json=faults, trust_env=False) if faults else httpx.delete(url, trust_env=False)
    answer.raise_for_status()


def finish_all(api: Api, bodies: list[dict[str, Any]], at_once: int = 16) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(api.post, bodies))
    assert {answer.status_code for answer in answers} == {202}, Counter(answer.status_code for answer in answers)
    ids = [answer.json()["task_id"] for answer in answers]
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda task_id: api.wait(task_id, 150), ids))


def images_counted(api: Api) -> int:
    """The images that the owner's usage says."""
    counted: int = api.client.get("/v1/usage").json()["total"]["images"]
    return counted


def called_back_twice(api: Api, marker: str, patience: float = 60) -> list[dict[str, Any]]:
    """The jobs, once each of them had two callbacks taken: the second may come after the task's end."""
    ends_at = time.monotonic() + patience
    while True:
        jobs = api.jobs("evolink", marker)
        taken = [sum(each["status"] == 200 for each in job["deliveries"]) for job in jobs]
        if min(taken) >= 2:
            return jobs
        assert time.monotonic() < ends_at, f"callbacks taken: {Counter(taken)}"
        time.sleep(0.5)


def test_a_herd_of_tasks_with_every_callback_twice_are_stored_once(api: Api) -> None:
    marker = "herd of foxes"
    before = images_counted(api)
    set_faults(api, "evolink", {"callback_double": True})
    try:
        tasks = finish_all(
            api, [{"prompt": marker, "provider": "evolink", "model": "seedream-3.0"} for _ in range(120)]
        )
    finally:
        set_faults(api, "evolink", None)
    assert Counter(task["status"] for task in tasks) == {"completed": 120}
    jobs = called_back_twice(api, marker)
    assert len(jobs) == 120
    s3 = api.stack.emulator.client("s3")
    for task in tasks:
        (image,) = task["images"]
        found = s3.list_objects_v2(Bucket=api.stack.outputs["Bucket"], Prefix=f"tasks/local/{task['task_id']}/")
        (stored,) = found["Contents"]
        assert re.fullmatch(r"0\.[0-9a-f]{16}\.jpg", stored["Key"].rpartition("/")[2])
        assert stored["Size"] == image["bytes"]
    after = images_counted(api)
    assert after - before == 120, "an image was charged more or less than once"


def test_of_a_hundred_tasks_none_hangs_when_every_fifth_callback_is_dropped(api: Api) -> None:
    faults = {"callback_drop": {"every": 5}, "callback_double": {"every": 4}}
    set_faults(api, "evolink", faults)
    try:
        body = {"prompt": "a lossy fox", "provider": "evolink", "model": "seedream-3.0"}
        tasks = finish_all(api, [body for _ in range(100)])
    finally:
        set_faults(api, "evolink", None)
    assert Counter(task["status"] for task in tasks) == {"completed": 100}
    silent = [job for job in api.jobs("evolink", "a lossy fox") if not job["deliveries"]]
    assert len(silent) == 20


def test_one_intent_is_one_job_however_often_the_client_gives_up(api: Api) -> None:
    body = {"prompt": "one patient fox [[submit_delay=0.5]]", "provider": "evolink", "model": "seedream-4.5"}
    headers = {"idempotency-key": "one-intent"}
    for _ in range(3):
        try:
            api.client.post("/v1/tasks", json=body, headers=headers, timeout=0.2)
        except httpx.TimeoutException:
            continue
    last = api.client.post("/v1/tasks", json=body, headers=headers, timeout=20)
    assert last.status_code == 202
    task = api.wait(last.json()["task_id"])
    assert task["status"] == "completed"
    assert len(api.jobs("evolink", "one patient fox")) == 1
