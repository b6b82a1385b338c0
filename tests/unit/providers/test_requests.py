"""What each provider is sent: every field where its page has it."""

import json
from typing import Any

import pytest

from darkroom.catalog.geometry import Expression, Pixels, Ratio, Resolution
from darkroom.providers.base import GenerationRequest, Refused, Ticket
from darkroom.providers.chanjing import Chanjing
from darkroom.providers.registry import adapter
from darkroom.tasks.request import Action
from darkroom.tasks.update import Status
from tests.unit.providers.samples import ScriptedUpstream, body, sample


def sent(provider: str, order: GenerationRequest, answer: str = "submit.answer") -> dict[str, Any]:
    upstream = ScriptedUpstream((200, sample(provider, answer)))
    adapter(provider).submit(order, upstream)
    return body(upstream.requests[0])


def test_qingbo_is_sent_what_its_page_shows() -> None:
    order = GenerationRequest(
        "seedream-5.0", "一只穿着宇航服的猫在月球上", Expression(ratio=Ratio(16, 9), resolution=Resolution.TWO_K),
        n=2, output_format="png", optimize_prompt="fast", web_search=True,
        callback_url="https://gateway.example/callbacks/qingbo/t/k", extra={"stream": True},
    )  # fmt: skip
    assert sent("qingbo", order) == json.loads(sample("qingbo", "submit.request"))


def test_evolink_is_sent_what_its_page_shows() -> None:
    order = GenerationRequest(
        "doubao-seedream-4.5", "a cat in a space suit on the moon", Expression(pixels=Pixels(2048, 2048)),
        callback_url="https://gateway.example/callbacks/evolink/t/k",
    )  # fmt: skip
    assert sent("evolink", order) == json.loads(sample("evolink", "submit.request"))


@pytest.mark.parametrize(
    ("prompt", "n", "said"),
    [("a fox", 3, True), ("a fox", 1, False), ("three foxes", 3, False), ("4 foxes", 4, False), ("三只狐狸", 3, False)],
)
def test_evolink_is_told_the_number_in_the_prompt_too(prompt: str, n: int, said: bool) -> None:
    order = GenerationRequest("doubao-seedream-4.5", prompt, Expression(resolution=Resolution.TWO_K), n=n)
    told = sent("evolink", order)
    assert told["prompt"] == (f"{prompt}\nGenerate {n} images." if said else prompt)
    assert told["size"] == "2K"


def test_chanjing_is_sent_what_its_page_shows() -> None:
    shape = Expression(ratio=Ratio(3, 4), resolution=Resolution.TWO_K)
    assert sent("chanjing", GenerationRequest("doubao-seedream-3.0-t2i", "一只猫", shape, n=2)) == json.loads(
        sample("chanjing", "submit.request")
    )


def test_deepspace_has_two_routes() -> None:
    shape = Expression(ratio=Ratio(16, 9), resolution=Resolution.TWO_K)
    assert sent("deepspace", GenerationRequest("Seedream-4.5", "a lighthouse", shape)) == json.loads(
        sample("deepspace", "submit.request")
    )
    order = GenerationRequest(
        "Seedream-4.5-Preferential", "a lighthouse", Expression(resolution=Resolution.TWO_K), watermark=False,
        output_format="png", synchronous=True,
    )  # fmt: skip
    upstream = ScriptedUpstream((200, sample("deepspace", "sync.answer")))
    update = adapter("deepspace").submit(order, upstream)
    assert body(upstream.requests[0]) == json.loads(sample("deepspace", "sync.request"))
    assert upstream.requests[0].long
    assert (update.status, len(update.images)) == (Status.COMPLETED, 1)


def test_acedata_is_sent_what_its_page_shows() -> None:
    order = GenerationRequest(
        "doubao-seedream-4-0-250828", "a lighthouse", Expression(resolution=Resolution.TWO_K), n=3,
        callback_url="https://gateway.example/callbacks/acedata/t/k",
    )  # fmt: skip
    assert sent("acedata", order) == json.loads(sample("acedata", "submit.request"))


def test_acedata_takes_one_image_or_several_and_is_asynchronous_without_a_callback() -> None:
    shape = Expression(adaptive=True)
    one = sent("acedata", GenerationRequest("m", "x", shape, action=Action.EDIT, image_urls=("https://a/1",), seed=7))
    assert (one["image"], one["size"], one["async"], one["seed"]) == ("https://a/1", "adaptive", True, 7)
    two = sent(
        "acedata", GenerationRequest("m", "x", shape, image_urls=("https://a/1", "https://a/2"), guidance_scale=2.5)
    )
    assert (two["image"], two["guidance_scale"]) == (["https://a/1", "https://a/2"], 2.5)


def test_acedata_answers_at_once_where_it_is_asked_to() -> None:
    order = GenerationRequest("m", "x", Expression(resolution=Resolution.TWO_K), synchronous=True)
    upstream = ScriptedUpstream((200, sample("acedata", "sync.answer")))
    update = adapter("acedata").submit(order, upstream)
    assert (update.status, len(update.images)) == (Status.COMPLETED, 2)
    assert "async" not in body(upstream.requests[0])


def test_qingbos_older_form_of_a_link_is_read_too() -> None:
    update = adapter("qingbo").read_callback(sample("qingbo", "query.completed.older"))
    assert [image.url for image in update.images] == ["https://files.qingbo.dev/a.png"]


def test_qingbo_can_be_told_to_stop() -> None:
    upstream = ScriptedUpstream((200, sample("qingbo", "cancel.answer")), (400, b'{"error": {"code": "x"}}'))
    assert adapter("qingbo").cancel(Ticket("task-1", "m"), upstream) is True
    assert adapter("qingbo").cancel(Ticket("task-1", "m"), upstream) is False
    assert upstream.requests[0].path == "/v1/tasks/task-1/cancel"


def test_one_call_asks_about_many_tasks() -> None:
    for provider, page in (("chanjing", "page.answer"), ("acedata", "batch.answer")):
        first = {"chanjing": "1947559a4a1d4f0d9a6a6a4a", "acedata": "93f11baf-845d-4aca-9c18-3cf8a6b1d3c1"}[provider]
        upstream = ScriptedUpstream((200, sample(provider, page)))
        tickets = [Ticket(name, "m") for name in (first, "second", "third")]
        found = adapter(provider).query(tickets, upstream)
        assert {name: update.status for name, update in found.items()} == {
            first: Status.COMPLETED,
            "second": Status.QUEUED if provider == "chanjing" else Status.PROCESSING,
        }
        assert len(upstream.requests) == 1


def test_chanjing_fetches_a_token_keeps_it_and_renews_a_refused_one() -> None:
    chanjing = Chanjing("chanjing")
    token = sample("chanjing", "token.answer")
    renewed = token.replace(b"token-1", b"token-2")
    accepted, refused = sample("chanjing", "submit.answer"), sample("chanjing", "error.200.10400")
    upstream = ScriptedUpstream(
        (200, token), (200, accepted), (200, refused), (200, renewed), (200, accepted), app_id="a", secret_key="s"
    )
    order = GenerationRequest("m", "x", Expression(ratio=Ratio(1, 1), resolution=Resolution.ONE_K))
    chanjing.submit(order, upstream)
    chanjing.submit(order, upstream)
    tokens = [request.headers.get("access_token") for request in upstream.requests]
    assert tokens == [None, "token-1", "token-1", None, "token-2"]


def test_without_a_token_nothing_was_submitted() -> None:
    upstream = ScriptedUpstream((200, sample("chanjing", "error.200.10400")), app_id="a", secret_key="wrong")
    with pytest.raises(Refused):
        Chanjing("chanjing").submit(GenerationRequest("m", "x", Expression()), upstream)
    assert len(upstream.requests) == 1
