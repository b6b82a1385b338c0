"""Clients that others publish, as they are, with nothing changed but the address and the key."""

import asyncio
import json
import os
import subprocess
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import acedatacloud
import openai
import pytest
from acedatacloud._runtime import errors as acedata_errors
from PIL import Image
from volcenginesdkarkruntime import Ark
from volcenginesdkarkruntime._exceptions import ArkAuthenticationError, ArkBadRequestError, ArkNotFoundError
from volcenginesdkarkruntime.types.images import SequentialImageGenerationOptions

from local.paths import ROOT
from tests.e2e.conftest import Api
from tests.e2e.dialect_clients import content

ORIGINS_MODEL = "doubao-seedream-4-5-251128"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def size_of(picture: str) -> tuple[int, int]:
    return Image.open(BytesIO(content(picture))).size


# OpenAI's own SDK


@pytest.fixture
def openai_client(api: Api) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{api.stack.base_url}/openai/v1", api_key=api.stack.api_key) as client:
        yield client


def test_openais_sdk_makes_pictures(openai_client: openai.OpenAI) -> None:
    made = openai_client.images.generate(model="seedream-4.5", prompt="a fox", size="2048x2048", n=2)
    assert [size_of(str(image.url)) for image in made.data or ()] == [(2048, 2048)] * 2
    made = openai_client.images.generate(model="seedream-3.0", prompt="a fox", response_format="b64_json")
    assert made.data
    assert made.data[0].b64_json
    assert size_of(made.data[0].b64_json) == (1024, 1024)


def test_openais_sdk_lists_models(openai_client: openai.OpenAI) -> None:
    names = [model.id for model in openai_client.models.list()]
    assert openai_client.models.retrieve(names[0]).id == names[0]


def test_openais_sdk_raises_its_own_errors(api: Api, openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        openai_client.images.generate(model="gpt-image-1", prompt="a fox")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as bad:
        openai_client.images.generate(model="seedream-4.5", prompt="a fox", background="transparent")
    assert bad.value.param == "background"
    with pytest.raises(openai.AuthenticationError) as stranger:
        openai_client.with_options(api_key="dk_wrong").images.generate(model="seedream-4.5", prompt="a fox")
    assert stranger.value.code == "invalid_api_key"


def test_a_call_that_openais_sdk_repeats_is_one_task(api: Api, openai_client: openai.OpenAI) -> None:
    prompt = "a fox that takes its time"
    # Shorter than the picture takes: the SDK gives up on the answer and asks again, by itself.
    impatient = openai_client.with_options(timeout=2.5, max_retries=5)
    made = impatient.images.generate(model="seedream-4.5", prompt=f"{prompt} [[latency=6]]")
    assert made.data
    assert size_of(str(made.data[0].url))
    assert sum(len(api.jobs(provider, prompt)) for provider in api.stack.simulators) == 1


@pytest.mark.parametrize("size", ["1024x1024", "512x512", "1536x1024", "1024x1792"])
def test_openais_own_sizes_and_style_are_taken_by_every_model(openai_client: openai.OpenAI, size: str) -> None:
    """Defaults of LangChain, LlamaIndex, Semantic Kernel, NextChat and Open WebUI."""
    generate: Any = openai_client.images.with_raw_response.generate
    raw = generate(model="seedream-4.5", prompt="a fox", size=size, style="vivid")
    made = raw.parse()
    width, height = size_of(str(made.data[0].url))
    wanted_width, wanted_height = map(int, size.split("x"))
    assert abs(width / height - wanted_width / wanted_height) < 0.1
    assert raw.headers["x-darkroom-size"] == made.size == f"{width}x{height}"
    assert raw.headers["x-darkroom-ignored"] == "style"


def test_what_gpt_image_clients_read_is_there(openai_client: openai.OpenAI) -> None:
    """What LibreChat and Dify's tool send, and read."""
    made = openai_client.images.generate(
        model="seedream-4.5", prompt="a fox", n=1, background="auto", output_format="jpeg", quality="auto", size="auto"
    )
    assert made.data
    assert made.data[0].b64_json
    assert size_of(made.data[0].b64_json)
    assert made.usage
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens


def test_openais_sdk_streams(api: Api, openai_client: openai.OpenAI) -> None:
    for address in (api.stack.base_url, api.stack.streaming.url):
        client = openai_client.with_options(base_url=f"{address}/openai/v1")
        with client.images.generate(model="seedream-4.0", prompt="a fox", size="1024x1024", stream=True) as events:
            (done,) = list(events)
        assert done.type == "image_generation.completed"
        assert size_of(done.b64_json) == (1024, 1024)


def test_openais_sdk_edits_pictures(openai_client: openai.OpenAI) -> None:
    file = BytesIO()
    Image.new("RGB", (640, 480), (9, 99, 200)).save(file, "PNG")
    for image in (("in.png", file.getvalue(), "image/png"), [("a.png", file.getvalue()), ("b.png", file.getvalue())]):
        made = openai_client.images.edit(model="seedream-4.5", image=image, prompt="make it blue", size="1024x1024")
        assert made.data
        assert size_of(str(made.data[0].url)) == (2048, 2048)
    with pytest.raises(openai.BadRequestError) as masked:
        openai_client.images.edit(image=file.getvalue(), mask=file.getvalue(), prompt="blue")
    assert masked.value.param == "mask"
    with warnings.catch_warnings(action="ignore"), pytest.raises(openai.NotFoundError, match="edits"):
        openai_client.images.create_variation(image=file.getvalue())


def test_equal_calls_at_once_that_openais_sdk_gives_up_on_are_as_many_pictures(api: Api) -> None:
    prompt = "three foxes at once"

    async def variants() -> list[str]:
        address = f"{api.stack.base_url}/openai/v1"
        async with openai.AsyncOpenAI(base_url=address, api_key=api.stack.api_key, timeout=3, max_retries=6) as client:
            ask = [client.images.generate(model="seedream-4.5", prompt=f"{prompt} [[latency=8]]") for _ in range(3)]
            return [str(made.data[0].url) for made in await asyncio.gather(*ask) if made.data]

    links = {link.partition("?")[0] for link in asyncio.run(variants())}
    assert len(links) == 3
    assert sum(len(api.jobs(provider, prompt)) for provider in api.stack.simulators) == 3


def test_a_task_that_came_to_nothing_is_not_made_again_by_openais_sdk(api: Api, openai_client: openai.OpenAI) -> None:
    prompt = "a fox that fails [[job_fail]]"
    with pytest.raises(openai.APIStatusError) as failed:
        openai_client.images.generate(model="seedream-4.5", prompt=prompt)
    assert failed.value.response.headers["x-should-retry"] == "false"
    jobs = [job for provider in api.stack.simulators for job in api.jobs(provider, prompt)]
    assert len({job["callback_url"].split("/")[-2] for job in jobs}) == 1, "one task, whoever was asked for it"


def test_a_client_of_azures_finds_its_way(api: Api) -> None:
    client = openai.AzureOpenAI(azure_endpoint=api.stack.base_url, api_key=api.stack.api_key, api_version="2025-04-01")
    made = client.images.generate(model="seedream-4.5", prompt="a fox")
    assert made.data
    assert made.data[0].url


# The origin's own SDK


def ark(api: Api, *, streaming: bool = False, key: str = "") -> Ark:
    address = api.stack.streaming.url if streaming else api.stack.base_url
    return Ark(base_url=f"{address}/ark/api/v3", api_key=key or api.stack.api_key)


def test_the_origins_sdk_makes_pictures(api: Api) -> None:
    made = ark(api).images.generate(model=ORIGINS_MODEL, prompt="a fox", size="2K", watermark=False)
    assert size_of(made.data[0].url) == (2048, 2048)
    assert made.usage.generated_images == 1


def test_the_origins_sdk_streams(api: Api) -> None:
    stream = ark(api, streaming=True).images.generate(
        model=ORIGINS_MODEL,
        prompt="four seasons",
        sequential_image_generation="auto",
        sequential_image_generation_options=SequentialImageGenerationOptions(max_images=2),
        stream=True,
    )
    events = list(stream)
    assert [event.type for event in events] == [
        "image_generation.partial_succeeded",
        "image_generation.partial_succeeded",
        "image_generation.completed",
    ]
    assert all(size_of(event.url) for event in events[:2])


def test_a_call_that_the_origins_sdk_repeats_is_one_task(api: Api) -> None:
    prompt = "a fox for the impatient"
    # Environments are warm: a call that has not begun when its client gives up is one that nobody can know of.
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: ark(api).images.generate(model=ORIGINS_MODEL, prompt=f"fox {n}"), range(4)))
    client = Ark(base_url=f"{api.stack.base_url}/ark/api/v3", api_key=api.stack.api_key, timeout=6, max_retries=5)
    made = client.images.generate(model=ORIGINS_MODEL, prompt=f"{prompt} [[latency=14]]")
    assert size_of(made.data[0].url)
    assert sum(len(api.jobs(provider, prompt)) for provider in api.stack.simulators) == 1


@pytest.mark.parametrize(
    "model", ["seedream-4-5-251128", "seedream-4-0-250828", "seedream-5-0-260128", "doubao-seedream-5-0-lite-260128"]
)
def test_byteplus_names_of_models_are_known(api: Api, model: str) -> None:
    assert size_of(ark(api).images.generate(model=model, prompt="a fox", size="2K").data[0].url) == (2048, 2048)


def test_the_origins_sdk_raises_its_own_errors(api: Api) -> None:
    with pytest.raises(ArkNotFoundError):
        ark(api).images.generate(model="doubao-nothing", prompt="a fox")
    with pytest.raises(ArkBadRequestError):
        ark(api).images.generate(model=ORIGINS_MODEL, prompt="a fox", size="1x1")
    with pytest.raises(ArkAuthenticationError):
        ark(api, key="dk_wrong").images.generate(model=ORIGINS_MODEL, prompt="a fox")


# Acedata's SDK and its command


def acedata(api: Api, key: str = "") -> acedatacloud.AceDataCloud:
    return acedatacloud.AceDataCloud(api_token=key or api.stack.api_key, base_url=f"{api.stack.base_url}/acedata")


def test_acedatas_sdk_makes_pictures(api: Api) -> None:
    handle = acedata(api).seedream.generate(model=ORIGINS_MODEL, prompt="a fox", size="2K")
    handle.wait(poll_interval=0.2, max_wait=60)
    assert [size_of(url) for url in handle.urls()] == [(2048, 2048)]
    handle = acedata(api).seedream.generate(model=ORIGINS_MODEL, prompt="a fox", size="2K", async_=False)
    assert handle.id


def test_acedatas_asynchronous_sdk_makes_pictures(api: Api) -> None:
    async def make() -> list[str]:
        client = acedatacloud.AsyncAceDataCloud(api_token=api.stack.api_key, base_url=f"{api.stack.base_url}/acedata")
        # A link in the request is no picture, while the task runs.
        slow, hook = "a fox [[latency=3]]", "http://127.0.0.1:9/hook"
        handle = await client.seedream.generate(model=ORIGINS_MODEL, prompt=slow, callback_url=hook)
        await handle.wait(poll_interval=0.2, max_wait=60)
        return list(handle.urls())

    (url,) = asyncio.run(make())
    assert size_of(url)


def test_acedatas_sdk_raises_its_own_errors(api: Api) -> None:
    with pytest.raises(acedata_errors.AuthenticationError):
        acedata(api, "dk_wrong").seedream.generate(model=ORIGINS_MODEL, prompt="a fox")
    with pytest.raises(acedata_errors.APIError, match="pixels"):
        acedata(api).seedream.generate(model=ORIGINS_MODEL, prompt="a fox", size="1x1")


def seedream(api: Api, *arguments: str, streaming: bool = False) -> subprocess.CompletedProcess[str]:
    """Run acedata's command."""
    address = api.stack.streaming.url if streaming else api.stack.base_url
    environment = {
        **os.environ,
        "COLUMNS": "10000",  # it breaks its JSON to fit the terminal
        "ACEDATACLOUD_API_BASE_URL": f"{address}/acedata",
        "ACEDATACLOUD_API_TOKEN": api.stack.api_key,
    }
    command = [str(ROOT / ".venv" / "bin" / "seedream"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)


def test_acedatas_command_makes_pictures(api: Api) -> None:
    done = seedream(api, "generate", "a fox", "-m", ORIGINS_MODEL, "--json")
    assert done.returncode == 0, done.stderr
    (image,) = json.loads(done.stdout)["data"]
    assert size_of(image["image_url"])
    task_id = json.loads(seedream(api, "generate", "a fox", "-m", ORIGINS_MODEL, "--async", "--json").stdout)["task_id"]
    waited = seedream(api, "wait", task_id, "--interval", "1", "--json")
    assert waited.returncode == 0, waited.stderr
    assert json.loads(waited.stdout)["response"]["success"]


def test_acedatas_command_streams(api: Api) -> None:
    done = seedream(api, "generate", "a fox", "-m", ORIGINS_MODEL, "--stream", "--json", streaming=True)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "image_generation.completed" in done.stdout
