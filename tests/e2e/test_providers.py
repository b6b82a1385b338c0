"""Every shipped provider makes pictures, through the deployed template, and they lie in the bucket."""

import hashlib
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from darkroom.catalog.shipped import shipped_catalog
from tests.e2e.conftest import Api

ORDERS: list[tuple[str, dict[str, Any], tuple[int, int]]] = [
    ("qingbo", {"model": "seedream-4.5", "n": 3, "size": "16:9"}, (2560, 1440)),
    ("evolink", {"model": "seedream-4.5", "n": 4, "size": "2048x2048"}, (2048, 2048)),
    ("chanjing", {"model": "seedream-3.0", "n": 2, "size": "3:4"}, (864, 1152)),
    ("deepspace", {"model": "seedream-4.0", "n": 2, "size": "3:2", "resolution": "2K"}, (2496, 1664)),
    ("deepspace", {"model": "Seedream-4.5-Preferential", "size": "2K"}, (2048, 2048)),
    ("acedata", {"model": "seedream-4.0", "n": 4, "size": "1K"}, (1024, 1024)),
    ("acedata", {"model": "seedream-3.0", "seed": 7}, (1024, 1024)),
    ("ark", {"model": "seedream-5.5", "size": "2048x1024"}, (2048, 1024)),
    ("byteplus", {"model": "seedream-4.5", "n": 3, "size": "2K"}, (2048, 2048)),
    ("fal", {"model": "seedream-5.0-pro", "n": 2, "size": "1024x1024"}, (1024, 1024)),
    ("replicate", {"model": "seedream-4.5", "n": 2, "size": "16:9"}, (2560, 1440)),
    ("kie", {"model": "seedream-4.5", "size": "1:1"}, (2048, 2048)),
    ("wavespeed", {"model": "seedream-4.5", "size": "2048x2048"}, (2048, 2048)),
]


def test_no_shipped_provider_is_left_out() -> None:
    assert {provider for provider, _, _ in ORDERS} == set(shipped_catalog().providers)


@pytest.mark.parametrize(("provider", "order", "size"), ORDERS)
def test_a_provider_completes_a_task(api: Api, provider: str, order: dict[str, Any], size: tuple[int, int]) -> None:
    task = api.finish({**order, "provider": provider})
    assert task["status"] == "completed", task["error"]
    assert task["provider"] == provider
    assert task["attempts"] == [{"provider": provider, "status": "completed"}]
    assert [image["index"] for image in task["images"]] == list(range(order.get("n", 1)))
    for image in task["images"]:
        content = httpx.get(image["url"], trust_env=False).content
        assert (image["width"], image["height"]) == size
        assert Image.open(BytesIO(content)).size == size
        assert hashlib.sha256(content).hexdigest() == image["sha256"]
        assert len(content) == image["bytes"]


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("qingbo", {"model": "seedream-4.5", "extra": {"response_format": "b64_json"}}),
        ("acedata", {"model": "seedream-4.0", "size": "1K", "extra": {"response_format": "b64_json"}}),
    ],
)
def test_pictures_that_come_as_base64_are_stored_too(api: Api, provider: str, body: dict[str, Any]) -> None:
    task = api.finish({**body, "provider": provider})
    assert task["status"] == "completed", task["error"]
    assert httpx.get(task["images"][0]["url"], trust_env=False).status_code == 200


def test_a_reference_sent_as_data_reaches_the_provider_as_a_link(api: Api) -> None:
    import base64

    from tests.pictures import picture

    reference = picture("PNG", (32, 32))
    uri = f"data:image/png;base64,{base64.b64encode(reference).decode()}"
    prompt = "a fox like this one"
    task = api.finish({"prompt": prompt, "image_urls": [uri], "action": "edit", "provider": "evolink"})
    assert task["status"] == "completed", task["error"]
    (job,) = api.jobs("evolink", prompt)
    (link,) = job["request"]["image_urls"]
    assert httpx.get(link, trust_env=False).content == reference


def test_a_bad_link_is_not_handed_out(api: Api) -> None:
    task = api.finish({"provider": "evolink"})
    url = task["images"][0]["url"]
    other = url.replace("/0.", "/1.", 1)
    assert other != url
    assert httpx.get(other, trust_env=False).status_code == 403
    assert httpx.get(url.partition("?")[0], trust_env=False).status_code == 403
