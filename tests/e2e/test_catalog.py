"""An operator's day with the catalog, on a running stack of its own and without a restart."""

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.paths import ROOT
from local.stack.stack import SIMULATOR_KEY, LocalStack, StackSettings
from tests.e2e.conftest import TIME_SCALE, Api
from tests.e2e.test_documents import blocks
from tests.pictures import picture

PAGE = ROOT / "docs" / "catalog.md"
SOON = 15
"""Seconds within which a change has surely reached every function (ten, and what a busy machine adds)."""


@pytest.fixture(scope="module")
def deployment() -> Iterator[Api]:
    settings = StackSettings.from_environment(
        DARKROOM_PORT="0", DARKROOM_TIME_SCALE=TIME_SCALE, DARKROOM_SIMULATOR_LATENCY="0.4"
    )
    with LocalStack(settings) as stack:
        yield Api(stack)


@pytest.fixture
def own(deployment: Api) -> Iterator[Api]:
    yield deployment
    catalog: dict[str, Any] = {"providers": {}, "models": {}, "offers": {}}
    assert deployment.caller(deployment.stack.admin_key).put("/v1/admin/catalog", json=catalog).status_code == 200


def darkroom(api: Api, *words: str, **environment: str) -> str:
    command = [sys.executable, "-m", "darkroom_client.command.main", *words]
    settings = {
        **os.environ, "PYTHONPATH": str(ROOT / "client" / "src"), "DARKROOM_URL": api.stack.base_url,
        "DARKROOM_KEY": api.stack.admin_key, **environment,
    }  # fmt: skip
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def soon(what: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + SOON
    while not what():
        assert time.monotonic() < ends_at, "a change is in force within ten seconds"
        time.sleep(0.3)


def provider_of(api: Api, **body: Any) -> str:
    return str(api.finish({"size": "2K", **body})["provider"])


def test_a_reseller_is_added_sells_and_goes_while_everything_runs(own: Api) -> None:
    address = own.stack.simulators["evolink"]
    darkroom(
        own, "catalog", "provider", "add", "reseller", "--protocol", "evolink", "--base-url", address,
        "--key-env", "RESELLER_KEY", RESELLER_KEY=SIMULATOR_KEY,
    )  # fmt: skip
    darkroom(own, "catalog", "sell", "seedream-4.5", "reseller", "--as", "doubao-seedream-4.5", "--like", "evolink",
             "--price", "0.30", "--cost", "0.25")  # fmt: skip
    assert "0.30" in darkroom(own, "catalog", "show", "seedream-4.5")
    soon(lambda: provider_of(own) == "reseller")
    done = own.finish({"size": "2K", "n": 2})
    assert (done["status"], done["provider"], done["usage"]["credits_charged"]) == ("completed", "reseller", "0.60")
    slow = own.post({"size": "2K", "prompt": "a slow fox [[latency=4]]"}).json()
    assert slow["attempts"][0]["provider"] == "reseller"
    darkroom(own, "catalog", "provider", "remove", "reseller")
    soon(lambda: provider_of(own) != "reseller")
    ended = own.wait(slow["task_id"])
    assert (ended["status"], ended["provider"]) == ("completed", "reseller"), "what is on its way ends as it would have"
    assert "removed" in darkroom(own, "catalog", "history")


def test_a_provider_is_switched_off_in_the_middle_of_a_load_and_nothing_fails(own: Api) -> None:
    posted = [own.post({"size": "2K", "prompt": f"fox {n} [[latency=1]]"}).json()["task_id"] for n in range(6)]
    darkroom(own, "catalog", "provider", "disable", "evolink")
    posted += [own.post({"size": "2K", "prompt": f"fox {n}"}).json()["task_id"] for n in range(6)]
    ended = [own.wait(task_id) for task_id in posted]
    assert {task["status"] for task in ended} == {"completed"}
    soon(lambda: provider_of(own) != "evolink")
    soon(lambda: own.post({"size": "2K", "provider": "evolink"}).status_code == 503)
    darkroom(own, "catalog", "provider", "enable", "evolink")
    soon(lambda: own.post({"size": "2K", "provider": "evolink"}).status_code == 202)


def test_a_model_that_came_out_yesterday_is_sold_today(own: Api) -> None:
    darkroom(own, "catalog", "model", "seedream-5.5", "--alias", "doubao-seedream-5-5-261028")
    darkroom(own, "catalog", "sell", "seedream-5.5", "evolink", "--as", "doubao-seedream-5.5", "--like", "evolink",
             "--like-model", "seedream-4.0", "--price", "2.40")  # fmt: skip
    soon(lambda: own.post({"model": "doubao-seedream-5-5-261028"}).status_code == 202)
    shown = own.client.get("/v1/models").json()["data"]
    assert "seedream-5.5" in {model["id"] for model in shown}


def test_the_lines_of_the_page_work(own: Api) -> None:
    environment = {
        **os.environ, "DARKROOM_URL": own.stack.base_url, "DARKROOM_ADMIN_KEY": own.stack.admin_key,
        "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT / "client" / "src"),
    }  # fmt: skip
    lines = "\n".join(each for language, each in blocks(PAGE) if language == "sh")
    bare = 'darkroom() { "$PYTHON" -m darkroom_client.command.main "$@"; }\n'
    environment["PYTHON"] = sys.executable
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", bare + lines], env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "price: 1.80 → 2.10" in darkroom(own, "catalog", "history", "--limit", "100")


def test_a_reseller_in_openais_form_makes_pictures_edits_files_and_has_a_queue(own: Api) -> None:
    darkroom(
        own, "catalog", "provider", "add", "shop", "--protocol", "openai-images", "--base-url",
        own.stack.simulators["openai-images"],         "--key-env", "SHOP_KEY", SHOP_KEY=SIMULATOR_KEY,
    )  # fmt: skip
    for upstream in ("seedream-at-shop", "seedream-at-shop-queued"):
        darkroom(own, "catalog", "sell", "seedream-4.5", "shop", "--as", upstream, "--like", "byteplus",
                 "--price", "0.30")  # fmt: skip
    soon(lambda: own.post({"size": "2048x2048", "provider": "shop"}).status_code == 202)
    made = own.finish({"size": "2048x2048", "provider": "shop", "prompt": "at once", "n": 2})
    assert (made["status"], len(made["images"])) == ("completed", 2), made["error"]
    queued = own.finish({"size": "2048x2048", "provider": "shop", "model": "seedream-at-shop-queued"})
    assert queued["status"] == "completed", queued["error"]
    uri = f"data:image/png;base64,{base64.b64encode(picture('PNG', (32, 32))).decode()}"
    edit = {"size": "2048x2048", "provider": "shop", "prompt": "redder", "action": "edit", "image_urls": [uri, uri]}
    edited = own.finish(edit)
    assert edited["status"] == "completed", edited["error"]
    assert own.job("openai-images", "redder")["request"]["files"] == [len(picture("PNG", (32, 32)))] * 2, (
        "the files themselves, not links to them"
    )
