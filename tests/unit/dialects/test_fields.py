"""What each documented field of a dialect does, and what is refused as its provider would refuse it."""

from typing import Any

import pytest

from darkroom.api.request import read_request
from darkroom.catalog.shipped import shipped_catalog
from darkroom.dialects.calls import Form, LookUpMany, Submission, TokenRequest
from darkroom.dialects.openai_sizes import fitted
from darkroom.dialects.refusals import ErrorKind, Refusal
from darkroom.dialects.registry import dialect
from darkroom.settings import Settings
from tests.unit.dialects.tasks import MODELS, SUBMISSIONS, post

REFERENCE = "https://files.example/fox.png"
DATA = "data:image/png;base64,iVBORw0KGgo="
NOTHING: dict[str, Any] = {}

EFFECTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("qingbo", {}, {"size": "1:1"}),
    ("qingbo", {"size": "16:9", "resolution": "4K", "n": 3}, {"size": "16:9", "resolution": "4K", "n": 3}),
    ("qingbo", {"action": "edit", "image_urls": [REFERENCE]}, {"action": "edit", "image_urls": [REFERENCE]}),
    ("qingbo", {"watermark": False, "callback_url": REFERENCE}, {"watermark": False, "callback_url": REFERENCE}),
    ("qingbo", {"extra": {"output_format": "png"}}, {"output_format": "png"}),
    ("qingbo", {"extra": {"optimize_prompt_options": {"mode": "fast"}}}, {"optimize_prompt": "fast"}),
    ("qingbo", {"extra": {"tools": [{"type": "web_search"}]}}, {"web_search": True}),
    ("qingbo", {"extra": {"stream": False}, "size": None}, {"size": "1:1"}),
    ("evolink", {"size": "3072x2048"}, {"size": "3072x2048"}),
    ("evolink", {"size": "4K", "n": 4}, {"size": "4K", "n": 4}),
    ("evolink", {"size": "16:9"}, {"size": "16:9"}),
    ("evolink", {"image_urls": [REFERENCE]}, {"image_urls": [REFERENCE]}),
    ("evolink", {}, {"optimize_prompt": "standard"}),
    ("evolink", {"prompt_priority": "fast"}, {"optimize_prompt": "fast"}),
    ("chanjing", {}, {"size": "1:1", "resolution": "2K", "n": 1}),
    ("chanjing", {"clarity": 4096, "aspect_ratio": "16:9"}, {"size": "16:9", "resolution": "4K"}),
    ("chanjing", {"clarity": 1024}, {"resolution": "1K"}),
    ("chanjing", {"ref_img_url": [REFERENCE], "number_of_images": 4}, {"image_urls": [REFERENCE], "n": 4}),
    ("deepspace", {"size": "16:9", "quality": "4K", "n": 2}, {"size": "16:9", "resolution": "4K", "n": 2}),
    ("deepspace", {"prompt_priority": "fast"}, {"optimize_prompt": "fast"}),
    ("deepspace", {"image_urls": [REFERENCE]}, {"image_urls": [REFERENCE]}),
    ("deepspace", {"model": "Seedream-4.5-Preferential", "size": "4K", "image": REFERENCE},
     {"size": "4K", "image_urls": [REFERENCE]}),
    ("deepspace", {"model": "Seedream-4.5-Preferential", "watermark": False, "output_format": "png"},
     {"watermark": False, "output_format": "png"}),
    ("acedata", {"seed": 7, "guidance_scale": 3.5}, {"seed": 7, "guidance_scale": 3.5}),
    ("acedata", {"image": REFERENCE}, {"image_urls": [REFERENCE]}),
    ("acedata", {"image": [REFERENCE, DATA], "output_format": "png", "watermark": False},
     {"image_urls": [REFERENCE, DATA], "output_format": "png", "watermark": False}),
    ("acedata", {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 4}},
     {"n": 4}),
    ("acedata", {"sequential_image_generation": "auto", "image": [REFERENCE] * 3}, {"n": 12}),
    ("acedata", {"tools": [{"type": "web_search"}], "optimize_prompt_options": {"mode": "fast"}},
     {"web_search": True, "optimize_prompt": "fast"}),
    ("openai", {"size": "1024x1536", "n": 10}, {"size": "2:3", "resolution": "2K", "n": 10}),
    ("openai", {"size": "1024x1024"}, {"size": "1:1", "resolution": "2K"}),
    ("openai", {"size": "512x512", "model": "seedream-5.0"}, {"size": "1:1", "resolution": "2K"}),
    ("openai", {"size": "1792x1024"}, {"size": "16:9", "resolution": "2K"}),
    ("openai", {"size": "1024x1024", "model": "seedream-4.0"}, {"size": "1024x1024"}),
    ("openai", {"size": "512x512", "model": "seedream-3.0"}, {"size": "512x512"}),
    ("openai", {"size": "256x256", "model": "seedream-4.0"}, {"size": "1:1", "resolution": "1K"}),
    ("openai", {"size": "2560x1440"}, {"size": "2560x1440"}),
    ("openai", {"size": "auto", "quality": "low"}, {"optimize_prompt": "fast"}),
    ("openai", {"user": "u-17", "output_format": "png"}, {"metadata": {"user": "u-17"}, "output_format": "png"}),
    ("ark", {"size": "2048x2048", "seed": 1, "guidance_scale": 2.5},
     {"size": "2048x2048", "seed": 1, "guidance_scale": 2.5}),
    ("ark", {"image": [REFERENCE], "sequential_image_generation": "auto"}, {"image_urls": [REFERENCE], "n": 14}),
    ("ark", {"optimize_prompt_options": {"mode": "standard", "thinking": "auto"}}, {"optimize_prompt": "standard"}),
    ("ark", {"watermark": False, "output_format": "png"}, {"watermark": False, "output_format": "png"}),
]  # fmt: skip

# A dialect, the fields, the name that is blamed, and the trouble where it is not the field itself.
REFUSED: list[tuple[str, dict[str, Any], str, ErrorKind]] = [
    ("qingbo", {"size": "7:1"}, "size", ErrorKind.BAD_FIELD),
    ("qingbo", {"prompt": ""}, "prompt", ErrorKind.MISSING_FIELD),
    ("qingbo", {"extra": "png"}, "extra", ErrorKind.BAD_FIELD),
    ("qingbo", {"extra": {"seed": 1}}, "extra.seed", ErrorKind.BAD_FIELD),
    ("qingbo", {"extra": {"stream": True}}, "", ErrorKind.NO_STREAM),
    ("qingbo", {"extra": {"tools": ["x"]}}, "extra.tools", ErrorKind.BAD_FIELD),
    ("qingbo", {"extra": {"optimize_prompt_options": {"mode": "slow"}}}, "extra.optimize_prompt_options.mode",
     ErrorKind.BAD_FIELD),
    ("evolink", {"model": None}, "model", ErrorKind.MISSING_FIELD),
    ("evolink", {"prompt": "x" * 2001}, "prompt", ErrorKind.BAD_FIELD),
    ("evolink", {"size": "16/9"}, "size", ErrorKind.BAD_FIELD),
    ("evolink", {"prompt_priority": "slow"}, "prompt_priority", ErrorKind.BAD_FIELD),
    ("chanjing", {"creation_type": 4}, "creation_type", ErrorKind.BAD_FIELD),
    ("chanjing", {"clarity": 3000}, "clarity", ErrorKind.BAD_FIELD),
    ("chanjing", {"number_of_images": 5}, "number_of_images", ErrorKind.BAD_FIELD),
    ("chanjing", {"aspect_ratio": "2:1"}, "aspect_ratio", ErrorKind.BAD_FIELD),
    ("chanjing", {"ref_img_url": [7]}, "ref_img_url", ErrorKind.BAD_FIELD),
    ("chanjing", {"ref_prompt": ""}, "ref_prompt", ErrorKind.MISSING_FIELD),
    ("deepspace", {"quality": "8K"}, "quality", ErrorKind.BAD_FIELD),
    ("deepspace", {"watermark": False}, "watermark", ErrorKind.BAD_FIELD),
    ("deepspace", {"model": "Seedream-4.5-Preferential", "n": 2}, "n", ErrorKind.BAD_FIELD),
    ("deepspace", {"model": "Seedream-4.5-Preferential", "size": "16:9"}, "size", ErrorKind.BAD_FIELD),
    ("acedata", {"async": "yes"}, "async", ErrorKind.BAD_FIELD),
    ("acedata", {"stream": True}, "stream", ErrorKind.BAD_FIELD),
    ("acedata", {"response_format": "hex"}, "response_format", ErrorKind.BAD_FIELD),
    ("acedata", {"sequential_image_generation": "on"}, "sequential_image_generation", ErrorKind.BAD_FIELD),
    ("acedata", {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 16}},
     "sequential_image_generation_options.max_images", ErrorKind.BAD_FIELD),
    ("acedata", {"layer_decomposition": True}, "layer_decomposition", ErrorKind.BAD_FIELD),
    ("openai", {"n": 11}, "n", ErrorKind.BAD_FIELD),
    ("openai", {"stream": "yes"}, "stream", ErrorKind.BAD_FIELD),
    ("openai", {"background": "transparent"}, "background", ErrorKind.BAD_FIELD),
    ("openai", {"output_compression": 50}, "output_compression", ErrorKind.BAD_FIELD),
    ("openai", {"output_format": "webp"}, "output_format", ErrorKind.BAD_FIELD),
    ("openai", {"surprise": 1}, "surprise", ErrorKind.BAD_FIELD),
    ("ark", {"image": {"url": "x"}}, "image", ErrorKind.BAD_FIELD),
    ("ark", {"background": "transparent"}, "background", ErrorKind.BAD_FIELD),
    ("ark", {"optimize_prompt_options": {"thinking": "enabled"}}, "optimize_prompt_options.thinking",
     ErrorKind.BAD_FIELD),
]  # fmt: skip


def read(name: str, fields: dict[str, Any], **headers: str) -> Submission:
    path, body = SUBMISSIONS[name]
    intent = dialect(name).read(post(path, {**body, **fields}, **headers))
    assert isinstance(intent, Submission)
    return intent


@pytest.mark.parametrize(("name", "fields", "effect"), EFFECTS)
def test_a_field_has_its_effect(name: str, fields: dict[str, Any], effect: dict[str, Any]) -> None:
    intent = read(name, fields)
    body = fitted(intent.task, shipped_catalog()) if intent.fits_size else intent.task
    request = read_request(body, Settings({}))
    for field, value in effect.items():
        assert body[field] == value
        told = getattr(request, field)
        assert list(told) == value if isinstance(value, list) else told == value
    assert intent.ignored == ()


@pytest.mark.parametrize(("name", "fields", "param", "trouble"), REFUSED)
def test_what_a_field_may_not_be_is_refused_by_its_name(
    name: str, fields: dict[str, Any], param: str, trouble: ErrorKind
) -> None:
    with pytest.raises(Refusal) as refused:
        read(name, fields)
    assert refused.value.kind is trouble
    assert (refused.value.param or "") == param
    answer = dialect(name).refuse(refused.value, "trace")
    assert answer.status == (200 if name == "chanjing" else 400)


@pytest.mark.parametrize("name", ["qingbo", "evolink", "chanjing", "deepspace", "acedata", "ark"])
def test_a_field_that_the_provider_does_not_know_is_ignored_and_said_so(name: str) -> None:
    assert read(name, {"surprise": 1}).ignored == ("surprise",)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("qingbo", {"extra": {"response_format": "b64_json"}}),
        ("acedata", {"response_format": "b64_json"}),
        ("openai", {"response_format": "b64_json"}),
        ("ark", {"response_format": "b64_json"}),
    ],
)
def test_pictures_come_as_base64_where_they_are_asked_for_so(name: str, fields: dict[str, Any]) -> None:
    assert read(name, fields).base64
    assert not read(name, NOTHING).base64


@pytest.mark.parametrize(
    ("name", "path", "fields", "form"),
    [
        ("qingbo", "/v1/tasks", {}, Form.AT_ONCE),
        ("qingbo", "/v1/tasks/sync", {}, Form.WAITING),
        ("evolink", "/v1/images/generations", {}, Form.AT_ONCE),
        ("deepspace", "/v1/images/generations", {}, Form.AT_ONCE),
        ("deepspace", "/v1/images/generations", {"model": "seedream-4.5-preferential"}, Form.WAITING),
        ("acedata", "/seedream/images", {"async": False}, Form.WAITING),
        ("acedata", "/seedream/images", {"async": True}, Form.AT_ONCE),
        ("acedata", "/seedream/images", {"async": False, "callback_url": REFERENCE}, Form.AT_ONCE),
        ("acedata", "/seedream/images", {"async": False, "stream": True}, Form.STREAMING),
        ("openai", "/v1/images/generations", {}, Form.WAITING),
        ("ark", "/api/v3/images/generations", {}, Form.WAITING),
        ("ark", "/api/v3/images/generations", {"stream": True}, Form.STREAMING),
    ],
)
def test_a_submission_is_answered_in_the_form_that_it_asks_for(
    name: str, path: str, fields: dict[str, Any], form: Form
) -> None:
    intent = dialect(name).read(post(path, {**SUBMISSIONS[name][1], **fields}))
    assert isinstance(intent, Submission)
    assert intent.form is form


def test_acedata_streams_lines_to_who_accepts_them() -> None:
    fields = {"async": False, "stream": True}
    assert read("acedata", fields, accept="application/x-ndjson").lines
    assert not read("acedata", fields).lines


def test_what_acedata_repeats_of_a_request_has_no_image_in_it() -> None:
    echo = read("acedata", {"image": [DATA, REFERENCE]}).echo
    assert echo["image"] == ["data:image/png;base64", REFERENCE]
    assert echo["model"] == MODELS["acedata"]


def test_openai_has_a_model_for_who_names_none() -> None:
    intent = dialect("openai").read(post("/v1/images/generations", {"prompt": "a fox"}))
    assert isinstance(intent, Submission)
    assert intent.task["model"] == intent.model == "seedream-4.5"


PAGE = "/open/v1/ai_creation/task/page"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"type": 3}, LookUpMany(None)),
        ({"type": 3, "page": 2, "page_size": 10, "is_success": True}, LookUpMany(None, 2, 10, completed_only=True)),
        ({"type": 3, "unique_ids": ["a", "b", "a"]}, LookUpMany(("a", "b"))),
    ],
)
def test_chanjing_reads_pages(body: dict[str, Any], wanted: LookUpMany) -> None:
    assert dialect("chanjing").read(post(PAGE, body)) == wanted


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (PAGE, {"type": 1}, "type"),
        (PAGE, {"type": 3, "page": 0}, "page"),
        (PAGE, {"type": 3, "page_size": 51}, "page_size"),
        (PAGE, {"type": 3, "page": 100}, "page_size"),
        (PAGE, {"type": 3, "unique_ids": [str(i) for i in range(51)]}, "unique_ids"),
        ("/open/v1/access_token", {"app_id": "x"}, "secret_key"),
    ],
)
def test_chanjing_refuses_what_it_has_no_room_for(path: str, body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as refused:
        dialect("chanjing").read(post(path, body))
    assert refused.value.param == param


def test_chanjing_exchanges_a_key_for_a_token() -> None:
    intent = dialect("chanjing").read(post("/open/v1/access_token", {"app_id": "x", "secret_key": "dk_1"}))
    assert intent == TokenRequest("dk_1")
    answer = dialect("chanjing").token("dat_1", 86400, "trace")
    assert answer.body["data"] == {"access_token": "dat_1", "expire_in": 86400}


def test_acedata_reads_batches() -> None:
    spoken = dialect("acedata")
    read_batch = spoken.read(post("/seedream/tasks", {"action": "retrieve_batch", "ids": ["a", "b", "a"]}))
    assert read_batch == LookUpMany(("a", "b"))
    for body, param in (
        ({"action": "retrieve_batch", "ids": [str(i) for i in range(101)]}, "ids"),
        ({"action": "retrieve_batch"}, "ids"),
        ({"action": "retrieve"}, "id"),
        ({"action": "delete", "id": "a"}, "action"),
    ):
        with pytest.raises(Refusal) as refused:
            spoken.read(post("/seedream/tasks", body))
        assert refused.value.param == param
