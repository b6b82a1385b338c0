"""What the maker, the resellers in OpenAI's form, fal, replicate, kie and wavespeed are sent, and what theirs means."""

import json
from typing import Any

import pytest

from darkroom.catalog.geometry import Expression, Pixels, Ratio, Resolution
from darkroom.providers.base import FormFile, GenerationRequest, OutcomeUnknown, QueryFailed, Refused, Ticket
from darkroom.providers.registry import adapter
from darkroom.tasks.failure import Disposition, ErrorCode
from darkroom.tasks.request import Action
from darkroom.tasks.update import Status
from tests.unit.providers.samples import KEY, ScriptedUpstream, body, sample

SQUARE = Expression(pixels=Pixels(2048, 2048))
TWO_K = Expression(resolution=Resolution.TWO_K)
LINKS = ("https://a.example/1.png", "https://a.example/2.png")


def submitted(provider: str, generation: GenerationRequest, answer: str = "submit.answer") -> ScriptedUpstream:
    upstream = ScriptedUpstream((200, sample(provider, answer)))
    adapter(provider, provider).submit(generation, upstream)
    return upstream


def shown(provider: str) -> Any:
    return json.loads(sample(provider, "submit.request"))


def test_the_maker_is_sent_what_its_page_shows_and_answers_with_pictures() -> None:
    order = GenerationRequest("doubao-seedream-4-5-251128", "a lighthouse", SQUARE, n=2, synchronous=True)
    upstream = submitted("ark", order, "sync.answer")
    assert body(upstream.requests[0]) == shown("ark")
    assert (upstream.requests[0].path, upstream.requests[0].long) == ("/images/generations", True)


def test_the_maker_is_sent_no_field_that_a_model_does_not_know() -> None:
    """5.0 Pro, Flash and 5.5 answer 400 to a field that they have not (docs.byteplus.com/en/docs/ModelArk)."""
    one = body(submitted("ark", GenerationRequest("m", "x", TWO_K, synchronous=True), "sync.answer").requests[0])
    assert set(one) == {"model", "prompt", "response_format", "size", "watermark"}
    order = GenerationRequest(
        "m", "x", TWO_K, action=Action.EDIT, image_urls=LINKS[:1], seed=7, guidance_scale=2.5, output_format="png",
        web_search=True, optimize_prompt="fast", watermark=False, synchronous=True,
        extra={"response_format": "b64_json", "model": "another"},
    )  # fmt: skip
    full = body(submitted("ark", order, "sync.answer").requests[0])
    assert full == {
        "model": "m", "prompt": "x", "size": "2K", "image": LINKS[0], "seed": 7, "guidance_scale": 2.5,
        "output_format": "png", "tools": [{"type": "web_search"}], "optimize_prompt_options": {"mode": "fast"},
        "watermark": False, "response_format": "b64_json",
    }  # fmt: skip


def test_a_group_that_was_made_in_part_is_what_was_made() -> None:
    order = GenerationRequest("m", "x", TWO_K, n=3, synchronous=True)
    content = json.loads(sample("ark", "sync.partial"))
    update = adapter("ark").submit(order, ScriptedUpstream((200, json.dumps(content).encode())))
    assert update.status is Status.COMPLETED
    assert len([image for image in update.images if image.url]) == len(
        [entry for entry in content["data"] if "url" in entry]
    )


@pytest.mark.parametrize(
    ("status", "code", "means"),
    [
        (500, "InternalServiceError", Disposition.ELSEWHERE),
        (500, "ContentSecurityDetectionError", Disposition.ELSEWHERE),
        (404, "ModelNotOpen", Disposition.ELSEWHERE),
        (429, "SetLimitExceeded", Disposition.ELSEWHERE),
        (403, "AccountOverdueError", Disposition.ELSEWHERE),
        (429, "ModelAccountIpmRateLimitExceeded", Disposition.LATER),
        (400, "OutputImageSensitiveContentDetected.PolicyViolation", Disposition.FINAL),
    ],
)
def test_what_the_maker_refuses_is_known_by_its_code(status: int, code: str, means: Disposition) -> None:
    answer = json.dumps({"error": {"code": code, "message": "Request id: 1", "type": "x"}}).encode()
    with pytest.raises(Refused) as caught:
        adapter("ark").submit(GenerationRequest("m", "x", TWO_K, synchronous=True), ScriptedUpstream((status, answer)))
    assert caught.value.failure.disposition is means


def test_a_500_that_is_not_the_makers_own_is_no_word_about_pictures() -> None:
    for answer in (b"<html>", b"{}", b'{"error": {"code": "Strange", "message": "x"}}'):
        with pytest.raises(OutcomeUnknown):
            adapter("ark").submit(GenerationRequest("m", "x", TWO_K, synchronous=True), ScriptedUpstream((500, answer)))


def test_a_reseller_takes_a_generation_as_json_and_an_edit_as_a_form_or_by_links() -> None:
    order = GenerationRequest("m", "x", SQUARE, n=2, synchronous=True)
    sent = submitted("openai-images", order, "sync.answer").requests[0]
    assert (sent.path, body(sent)) == (
        "/images/generations",
        {"model": "m", "prompt": "x", "n": 2, "size": "2048x2048"},
    )
    edit = GenerationRequest("m", "x", SQUARE, image_urls=LINKS, watermark=False, seed=7, synchronous=True)
    sent = submitted("openai-images", edit, "sync.answer").requests[0]
    assert (sent.path, sent.json) == ("/images/edits", None)
    assert sent.files == tuple(FormFile("image[]", link) for link in LINKS)
    assert sent.form == {"model": "m", "prompt": "x", "n": "1", "size": "2048x2048", "watermark": "false", "seed": "7"}
    sent = submitted("openai-images-by-link", edit, "sync.answer").requests[0]
    assert (sent.path, body(sent)["image"]) == ("/images/generations", list(LINKS))


def test_a_resellers_job_is_asked_about_where_it_said() -> None:
    order = GenerationRequest("m", "x", SQUARE, synchronous=True)
    for link, path in (
        ("https://provider.example/queue/7", "/queue/7"),
        ("https://evil.example/queue/7", ""),
        ("", ""),
    ):
        answer = json.dumps({"id": "job_7", "status": "queued", "status_url": link}).encode()
        update = adapter("shop", "openai-images").submit(order, ScriptedUpstream((202, answer)))
        assert (update.status.terminal, update.upstream_id, update.poll_path) == (False, "job_7", path)
        upstream = ScriptedUpstream((200, sample("openai-images", "query.processing")))
        adapter("shop", "openai-images").query([Ticket("job_7", "m", update.poll_path)], upstream)
        assert upstream.requests[0].path == (path or "/jobs/job_7")
        assert upstream.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("provider", "order", "path", "query"),
    [
        (
            "fal", GenerationRequest("bytedance/seedream/v5.5/edit", "a lighthouse", SQUARE, callback_url="https://g/c"),
            "/bytedance/seedream/v5.5/edit", {"fal_webhook": "https://g/c"},
        ),
        (
            "replicate",
            GenerationRequest(
                "bytedance/seedream-4.5", "a lighthouse", Expression(ratio=Ratio(3, 2), resolution=Resolution.TWO_K),
                callback_url="https://gateway.example/callbacks/replicate/t/k",
            ),
            "/models/bytedance/seedream-4.5/predictions", {},
        ),
        (
            "kie",
            GenerationRequest(
                "seedream/4.5-text-to-image", "a lighthouse", Expression(ratio=Ratio(1, 1), resolution=Resolution.TWO_K),
                callback_url="https://gateway.example/callbacks/kie/t/k",
            ),
            "/jobs/createTask", {},
        ),
        (
            "wavespeed",
            GenerationRequest("bytedance/seedream-v4.5", "a lighthouse", SQUARE, callback_url="https://g/c"),
            "/bytedance/seedream-v4.5", {"webhook": "https://g/c"},
        ),
    ],
)  # fmt: skip
def test_each_is_sent_what_its_page_shows(
    provider: str, order: GenerationRequest, path: str, query: dict[str, str]
) -> None:
    sent = submitted(provider, order).requests[0]
    assert (sent.path, sent.query, body(sent)) == (path, query, shown(provider))


def test_each_has_words_of_its_own_for_references_and_numbers() -> None:
    several = GenerationRequest("m", "x", TWO_K, image_urls=LINKS, n=3, output_format="png")
    fal = body(submitted("fal", several).requests[0])
    assert (fal["image_urls"], fal["num_images"], fal["image_size"]) == (list(LINKS), 3, "auto_2K")
    replicate = body(submitted("replicate", several).requests[0])["input"]
    assert (replicate["image_input"], replicate["max_images"], replicate["size"]) == (list(LINKS), 3, "2K")
    assert replicate["sequential_image_generation"] == "auto"
    kie = body(submitted("kie", several).requests[0])["input"]
    assert (kie["image_urls"], kie["output_format"]) == (list(LINKS), "png")
    wavespeed = body(submitted("wavespeed", several).requests[0])
    assert (wavespeed["images"], wavespeed["max_images"], wavespeed["resolution"]) == (list(LINKS), 3, "2k")


def test_fal_and_replicate_can_be_told_to_stop() -> None:
    upstream = ScriptedUpstream((202, b"{}"), (400, b'{"status": "ALREADY_COMPLETED"}'), (503, b""))
    ticket = Ticket("r-1", "bytedance/seedream/v5.5", "/bytedance/seedream/requests/r-1")
    assert adapter("fal").cancel(ticket, upstream) is True
    assert adapter("fal").cancel(ticket, upstream) is False
    with pytest.raises(QueryFailed):
        adapter("fal").cancel(ticket, upstream)
    assert upstream.requests[0].path == "/bytedance/seedream/requests/r-1/cancel"
    assert upstream.requests[0].headers["authorization"] == f"Key {KEY}"
    upstream = ScriptedUpstream((200, b'{"status": "canceled"}'), (200, b'{"status": "succeeded"}'), (404, b"{}"))
    assert adapter("replicate").cancel(Ticket("p-1", "m"), upstream) is True
    assert adapter("replicate").cancel(Ticket("p-1", "m"), upstream) is False
    with pytest.raises(QueryFailed):
        adapter("replicate").cancel(Ticket("p-1", "m"), upstream)


def test_what_fal_says_of_content_and_of_outages_is_told_apart() -> None:
    update = adapter("fal").read_callback(sample("fal", "callback.failed"))
    assert update.failure is not None
    assert update.failure.code is ErrorCode.CONTENT_POLICY
    content = json.loads(sample("fal", "callback.failed"))
    content["payload"]["detail"][0]["type"] = "downstream_service_error"
    update = adapter("fal").read_callback(json.dumps(content).encode())
    assert update.failure is not None
    assert update.failure.disposition is Disposition.ELSEWHERE


@pytest.mark.parametrize("provider", ["replicate", "kie", "wavespeed"])
def test_a_refusal_of_content_is_final_wherever_it_is_told(provider: str) -> None:
    update = adapter(provider).read_callback(sample(provider, "callback.failed"))
    assert update.failure is not None
    assert (update.failure.code, update.failure.disposition) == (ErrorCode.CONTENT_POLICY, Disposition.FINAL)


def test_a_status_that_fal_cannot_tell_now_decides_nothing() -> None:
    over = b'{"status": "COMPLETED", "request_id": "r-1"}'
    for status in (401, 404, 429, 502, 503, 504):
        with pytest.raises(QueryFailed):
            adapter("fal").query([Ticket("r-1", "a/b")], ScriptedUpstream((200, over), (status, b"{}")))
