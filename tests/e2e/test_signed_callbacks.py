"""Providers that sign their callbacks: what is genuine counts, what is not changes nothing, and nothing is lost by it."""

from typing import Any

import httpx
import pytest

from local.stack.stack import LocalStack, StackSettings
from tests.e2e.conftest import TIME_SCALE, Api

SIGNERS = ["fal", "replicate", "wavespeed"]
SIZE = {"model": "seedream-4.5", "size": "2048x2048"}


def control(api: Api, provider: str, path: str, **content: Any) -> None:
    url = f"{api.stack.simulators[provider]}/_control/{path}"
    assert httpx.post(url, json=content, trust_env=False).status_code == 200


def statuses(api: Api, provider: str, prompt: str) -> list[int]:
    """How the provider's tries to call back were answered."""
    (job,) = api.jobs(provider, prompt)
    return [delivery["status"] for delivery in job["deliveries"]]


@pytest.mark.parametrize("provider", [*SIGNERS, "kie"])
def test_a_genuine_one_ends_the_task(api: Api, provider: str) -> None:
    prompt = f"genuine at {provider}"
    task = api.finish({**_for(provider), "prompt": prompt, "provider": provider})
    assert task["status"] == "completed", task["error"]
    assert statuses(api, provider, prompt) == [200]


@pytest.mark.parametrize("provider", SIGNERS)
@pytest.mark.parametrize("fault", ["callback_forged", "callback_unsigned", "callback_old=400"])
def test_one_that_is_not_is_refused_and_the_look_finds_the_picture(api: Api, provider: str, fault: str) -> None:
    prompt = f"{provider} [[{fault}]]"
    task = api.finish({**SIZE, "prompt": prompt, "provider": provider})
    assert task["status"] == "completed", task["error"]
    assert set(statuses(api, provider, prompt)) == {403}
    (job,) = api.jobs(provider, prompt)
    assert set(job["downloads"].values()) == {1}


def test_a_key_that_is_rotated_in_the_middle_costs_no_picture(api: Api) -> None:
    api.finish({**SIZE, "prompt": "before the rotation", "provider": "fal"})
    control(api, "fal", "rotate")
    task = api.finish({**SIZE, "prompt": "after the rotation", "provider": "fal"})
    assert task["status"] == "completed", task["error"]


def test_without_the_keys_a_callback_is_kept_and_asked_about() -> None:
    settings = StackSettings.from_environment(
        DARKROOM_PORT="0", DARKROOM_TIME_SCALE=TIME_SCALE, DARKROOM_SIMULATOR_LATENCY="0.4"
    )
    with LocalStack(settings) as stack:  # one whose functions have no keys yet
        fresh = Api(stack)
        control(fresh, "fal", "faults", keys_status=503)
        task = fresh.finish({**SIZE, "prompt": "no keys", "provider": "fal"})
        assert task["status"] == "completed", task["error"]
        assert statuses(fresh, "fal", "no keys") == [200]
        again = fresh.caller(stack.admin_key).post(f"/v1/tasks/{task['task_id']}/callbacks/replay").json()
        assert len(again["callbacks"]) == 1, "it was kept as it came"


def _for(provider: str) -> dict[str, Any]:
    return {"model": "seedream-4.5", "size": "1:1"} if provider == "kie" else SIZE
