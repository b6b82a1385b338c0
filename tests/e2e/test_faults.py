"""What goes wrong at providers and on the way, switched on in the simulators, and how each task still ends."""

import gzip
import json
import time
from typing import Any

import httpx
import pytest

from darkroom.catalog.shipped import shipped_catalog
from tests.e2e.conftest import Api


@pytest.mark.parametrize(
    "marker",
    ["callback_first", "callback_late_failure", "callback_double", "image_stale", "image_hops=2", "callback_delay=1"],
)
def test_a_harmless_oddity_harms_nothing(api: Api, marker: str) -> None:
    task = api.finish({"prompt": f"odd fox [[{marker}]]", "provider": "evolink"})
    assert task["status"] == "completed", task["error"]
    assert len(api.jobs("evolink", f"odd fox [[{marker}]]")) == 1


@pytest.mark.parametrize("garbage", ["empty", "text", "list", "wrong", "deep", "huge"])
def test_a_hostile_callback_changes_nothing_and_the_look_finds_the_picture(api: Api, garbage: str) -> None:
    task = api.finish({"prompt": f"hostile [[callback_garbage={garbage}]]", "provider": "evolink"})
    assert task["status"] == "completed", task["error"]


def test_an_image_that_cannot_be_stored_fails_by_itself(api: Api) -> None:
    markers = ["image_type=svg", "image_type=html", "image_missing", "image_truncated", "image_oversized"]
    posted = [api.post({"prompt": f"bad [[{marker}]]", "provider": "evolink"}).json() for marker in markers]
    for marker, accepted in zip(markers, posted, strict=True):
        task = api.wait(accepted["task_id"], patience=120)
        assert task["status"] == "failed", marker
        assert task["error"]["code"] == "image_unavailable"
        assert task["images"][0]["status"] == "failed"
        assert "url" not in task["images"][0]
        assert task["usage"]["credits_charged"] == "0.00"


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/x.png", "http://100.64.0.1/"]
)
def test_a_redirect_to_a_private_address_is_not_followed(api: Api, target: str) -> None:
    task = api.finish({"prompt": f"away [[image_redirect={target}]]", "provider": "evolink"}, patience=90)
    assert task["status"] == "failed"
    assert "not public" in task["error"]["message"]


def test_fewer_images_than_asked_are_what_is_charged(api: Api) -> None:
    task = api.finish({"prompt": "few [[fewer_images=2]]", "n": 4, "provider": "evolink"})
    assert task["status"] == "completed"
    assert task["usage"] == {"images": 2, "credits_reserved": "7.20", "credits_charged": "3.60"}


def test_an_outage_moves_the_task_to_the_next_offer(api: Api) -> None:
    url = f"{api.stack.simulators['evolink']}/_control/faults"
    httpx.post(url, json={"submit_status": 503}, trust_env=False)
    try:
        task = api.finish({"prompt": "moved fox", "provider": ["evolink", "qingbo"]})
    finally:
        httpx.delete(url, trust_env=False)
    assert task["status"] == "completed", task["error"]
    assert [(each["provider"], each["status"]) for each in task["attempts"]] == [
        ("evolink", "refused"),
        ("qingbo", "completed"),
    ]


@pytest.mark.parametrize("status", [429, 503])
def test_what_is_refused_for_now_is_repeated_later(api: Api, status: int) -> None:
    for provider in ("evolink", "chanjing")[: 2 if status == 429 else 1]:  # chanjing documents nothing like a 503
        url = f"{api.stack.simulators[provider]}/_control/faults"
        httpx.post(url, json={"submit_status": {"value": status, "times": 1}}, trust_env=False)
        model = "seedream-3.0" if provider == "chanjing" else "seedream-4.5"
        task = api.finish({"prompt": f"later {status}", "provider": provider, "model": model})
        assert task["status"] == "completed", task["error"]
        assert [each["status"] for each in task["attempts"]] == ["refused", "completed"]


@pytest.mark.parametrize("provider", ["evolink", "qingbo", "acedata"])
def test_a_lost_answer_is_never_submitted_again_and_the_callback_settles_it(api: Api, provider: str) -> None:
    prompt = "lost [[submit_lost]]"
    task = api.finish({"prompt": prompt, "provider": provider})
    assert task["status"] == "completed", task["error"]
    assert len(api.jobs(provider, prompt)) == 1


def test_a_lost_answer_of_a_provider_without_callbacks_ends_as_unknown(api: Api) -> None:
    task = api.finish({"prompt": "gone [[submit_lost]]", "provider": "chanjing", "model": "seedream-3.0"})
    assert (task["status"], task["error"]["code"]) == ("failed", "submission_unknown")
    assert len(api.jobs("chanjing", "gone [[submit_lost]]")) == 1


def test_a_provider_that_hangs_is_not_waited_for_and_not_asked_again(api: Api) -> None:
    begun = time.monotonic()
    answer = api.post({"prompt": "hanging [[submit_hang=40]]", "provider": ["evolink", "qingbo"]})
    assert answer.status_code == 202
    assert time.monotonic() - begun < 28, "longer than API Gateway waits"
    assert answer.json()["attempts"] == [{"provider": "evolink", "status": "unknown"}]
    assert api.client.post(f"/v1/tasks/{answer.json()['task_id']}/cancel").status_code == 200


@pytest.mark.parametrize("provider", ["evolink", "qingbo", "acedata"])
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_failure_after_the_job_was_made_is_no_reason_to_buy_it_again(api: Api, provider: str, status: int) -> None:
    prompt = f"made by {provider} and denied [[submit_own_error={status}]]"
    task = api.finish({"prompt": prompt, "provider": [provider, *({"evolink", "qingbo"} - {provider})]})
    assert task["status"] == "completed", task["error"]
    assert [each["provider"] for each in task["attempts"]] == [provider]
    jobs = [job for each in ("evolink", "qingbo", "acedata") for job in api.jobs(each, prompt)]
    assert len(jobs) == 1


def attempts_of(api: Api, task_id: str, patience: float = 60) -> list[dict[str, Any]]:
    """The attempts of a task, once there is one and what became of each is recorded."""
    ends_at = time.monotonic() + patience
    while True:
        attempts: list[dict[str, Any]] = api.client.get(f"/v1/tasks/{task_id}").json()["attempts"]
        if attempts and all(each["status"] != "sending" for each in attempts):
            return attempts
        assert time.monotonic() < ends_at, f"nobody was asked, or nobody answered: {attempts}"
        time.sleep(0.5)


def test_a_proxys_error_page_is_not_taken_for_a_refusal(api: Api) -> None:
    task_id = api.post({"prompt": "proxied [[submit_proxy_error=504]]", "provider": "evolink"}).json()["task_id"]
    # The failures of the tests before may have closed evolink to their owner for a moment.
    attempts = attempts_of(api, task_id)
    assert [each["status"] for each in attempts] == ["unknown"]
    assert api.client.post(f"/v1/tasks/{task_id}/cancel").status_code == 200


@pytest.mark.parametrize("provider", sorted(shipped_catalog().providers))
def test_refused_content_fails_at_once_and_nobody_else_is_asked(api: Api, provider: str) -> None:
    model = "seedream-3.0" if provider == "chanjing" else "seedream-4.5"
    size = {"kie": "1:1"}.get(provider, "2K")  # kie has a ratio always
    prompt = f"forbidden {provider} [[job_moderated]]"
    body = {"prompt": prompt, "provider": [provider], "model": model}
    task = api.finish(body if provider == "chanjing" else {**body, "size": size})
    assert (task["status"], task["error"]["code"]) == ("failed", "content_policy")
    assert task["error"]["retryable"] is False
    assert len(task["attempts"]) == 1


def test_a_callback_is_taken_packed_wrapped_shouted_and_with_a_slash_at_its_end(api: Api) -> None:
    answer = api.post({"prompt": "odd callback [[job_stuck]]", "provider": "evolink"}).json()
    job = api.job("evolink", "odd callback [[job_stuck]]")
    told = {"id": job["id"], "status": "ERROR", "error": {"code": "e-1", "message": "the easel fell over"}}
    body = gzip.compress(json.dumps({"code": 200, "msg": "ok", "data": told}).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert httpx.post(job["callback_url"] + "/", content=body, headers=headers, trust_env=False).status_code == 200
    task = api.wait(answer["task_id"])
    assert (task["status"], "the easel fell over" in task["error"]["message"]) == ("failed", True)


def test_completed_without_a_picture_is_asked_about_until_there_is_one(api: Api) -> None:
    answer = api.post({"prompt": "late picture [[latency=6]]", "provider": "evolink"}).json()
    job = api.job("evolink", "late picture [[latency=6]]")
    early = {"id": job["id"], "status": "completed", "results": []}
    assert httpx.post(job["callback_url"], json=early, trust_env=False).status_code == 200
    assert api.wait(answer["task_id"])["status"] == "completed"


def test_a_wrong_key_at_the_provider_says_whose_fault_it_is(api: Api) -> None:
    task = api.finish({"prompt": "keyless [[submit_status=401]]", "provider": "evolink"})
    assert (task["status"], task["error"]["code"]) == ("failed", "provider_auth")


def test_a_forged_callback_changes_nothing(api: Api) -> None:
    answer = api.post({"prompt": "stuck [[job_stuck]]", "provider": "evolink"}).json()
    task_id = answer["task_id"]
    (job,) = [job for job in api.jobs("evolink", "stuck [[job_stuck]]") if task_id in job["callback_url"]]
    body = {"id": job["id"], "status": "completed", "results": ["http://127.0.0.1:1/x.png"]}
    genuine = job["callback_url"]
    other = api.post({"prompt": "other [[job_stuck]]", "provider": "evolink"}).json()["task_id"]
    forged: list[tuple[str, Any]] = [
        (genuine[:-1] + ("A" if genuine[-1] != "A" else "B"), 403),
        (genuine.replace("/evolink/", "/qingbo/"), 403),
        (genuine.replace(task_id, other), 403),
        (genuine.replace("/evolink/", "/nobody/"), 404),
    ]
    for url, status in forged:
        assert httpx.post(url, json=body, trust_env=False).status_code == status
    # By the right address, but about another job than the one that was submitted.
    assert httpx.post(genuine, json={**body, "id": "task-unified-x"}, trust_env=False).status_code == 200
    seen = api.client.get(f"/v1/tasks/{task_id}").json()
    assert (seen["status"], seen["images"]) == ("processing", [])
    for each in (task_id, other):
        assert api.client.post(f"/v1/tasks/{each}/cancel").json()["status"] == "cancelled"
    # Late, after the end: still 200, and still nothing.
    assert httpx.post(genuine, json=body, trust_env=False).status_code == 200
    assert api.client.get(f"/v1/tasks/{task_id}").json()["status"] == "cancelled"


def test_a_callback_in_a_changed_format_is_kept_and_can_be_read_again(api: Api) -> None:
    task_id = api.post({"prompt": "kept [[job_stuck]]", "provider": "evolink"}).json()["task_id"]
    (job,) = [job for job in api.jobs("evolink", "kept [[job_stuck]]") if task_id in job["callback_url"]]
    changed = {"event": "image.done", "payload": {"portraits": ["http://127.0.0.1:1/a.png"]}}
    assert httpx.post(job["callback_url"], json=changed, trust_env=False).status_code == 200
    path = f"/v1/tasks/{task_id}/callbacks/replay"
    assert api.client.post(path).status_code == 403
    replayed = api.caller(api.stack.admin_key).post(path)
    assert replayed.json() == {"task_id": task_id, "callbacks": ["unreadable"]}
    api.client.post(f"/v1/tasks/{task_id}/cancel")


def test_a_task_that_never_ends_at_the_provider_is_cancelled_there(api: Api) -> None:
    prompt = "undone [[latency=600]]"
    task_id = api.post({"prompt": prompt, "provider": "qingbo"}).json()["task_id"]
    assert api.client.post(f"/v1/tasks/{task_id}/cancel").status_code == 200
    ends_at = time.monotonic() + 20
    while api.jobs("qingbo", prompt)[-1]["state"] != "cancelled":
        assert time.monotonic() < ends_at, "the provider was not told"
