"""What a posted task may say."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.api.errors import ApiError
from darkroom.api.request import NewTask, fingerprint, read_request
from darkroom.settings import Settings
from darkroom.tasks.request import Action, ImageRequest, Strategy
from tests.pictures import picture

LEAST = {"model": "seedream-4.5", "prompt": "a fox"}
DATA_URI = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"


def read(**fields: Any) -> ImageRequest:
    return read_request({**LEAST, **fields}, Settings({}))


def refused(**fields: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read_request({k: v for k, v in {**LEAST, **fields}.items() if v is not ...}, Settings({}))
    assert caught.value.status == 422
    return caught.value


def test_little_is_needed_and_the_rest_has_its_defaults() -> None:
    assert read() == ImageRequest("seedream-4.5", "a fox")


def test_everything_arrives_where_it_belongs() -> None:
    request = read(
        action="edit", image_urls=["https://a.example/1.png", DATA_URI], size="16:9", resolution="2K", n=3,
        watermark=False, seed=7, guidance_scale=5, output_format="png", optimize_prompt="fast", web_search=True,
        provider=["qingbo", "evolink"], strategy="fastest", callback_url="https://app.example/h",
        metadata={"order": "17"}, extra={"a": [1, {"b": None}]}, deadline_seconds=90,
    )  # fmt: skip
    untouched = {name for name in ImageRequest.__slots__ if getattr(request, name) == getattr(read(), name)}
    assert untouched == {"model", "prompt"}, "a field that is taken and gets lost on its way"
    assert (request.action, request.strategy, request.providers) == (
        Action.EDIT,
        Strategy.FASTEST,
        ("qingbo", "evolink"),
    )
    assert (request.guidance_scale, request.seed, request.watermark) == (5.0, 7, False)
    assert request.image_urls == ("https://a.example/1.png", DATA_URI)
    assert read(provider="qingbo").providers == ("qingbo",)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ...}, "prompt"), ({"model": ...}, "model"), ({"prompt": "  \n"}, "prompt"), ({"prompt": 5}, "prompt"),
        ({"prompt": "x" * 4001}, "prompt"), ({"model": ""}, "model"), ({"action": "draw"}, "action"),
        ({"n": 0}, "n"), ({"n": 16}, "n"), ({"n": 1.0}, "n"), ({"n": "1"}, "n"), ({"n": True}, "n"),
        ({"watermark": 1}, "watermark"), ({"watermark": "true"}, "watermark"), ({"seed": -2}, "seed"),
        ({"seed": 2**31}, "seed"), ({"guidance_scale": 0.5}, "guidance_scale"), ({"guidance_scale": "5"}, "guidance_scale"),
        ({"guidance_scale": True}, "guidance_scale"), ({"output_format": "gif"}, "output_format"),
        ({"optimize_prompt": "slow"}, "optimize_prompt"), ({"strategy": "best"}, "strategy"), ({"size": "big"}, "size"),
        ({"resolution": "9K"}, "resolution"), ({"deadline_seconds": 9}, "deadline_seconds"),
        ({"deadline_seconds": 86401}, "deadline_seconds"), ({"deadline_seconds": "60"}, "deadline_seconds"), ({"provider": []}, "provider"), ({"provider": ["a", "a"]}, "provider"),
        ({"provider": ""}, "provider"), ({"provider": 5}, "provider"), ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"k" * 65: "v"}}, "metadata." + "k" * 65), ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"metadata": {str(i): "" for i in range(17)}}, "metadata"), ({"extra": []}, "extra"),
        ({"extra": {"a": "x" * 20000}}, "extra"), ({"image_urls": ["x"] * 15}, "image_urls"),
        ({"image_urls": ["https://a/1", "nope"]}, "image_urls[1]"), ({"image_urls": "https://a/1"}, "image_urls"),
        ({"image_urls": ["data:text/html;base64,AAAA"]}, "image_urls[0]"),
        ({"image_urls": ["data:image/png;base64,@@@"]}, "image_urls[0]"),
        ({"image_urls": ["data:image/svg+xml;base64,AAAA"]}, "image_urls[0]"),
        ({"image_urls": ["https://u:p@a.example/1"]}, "image_urls[0]"),
        ({"callback_url": "http://app.example/"}, "callback_url"), ({"callback_url": "https://10.1.1.1/"}, "callback_url"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_named(fields: dict[str, Any], param: str) -> None:
    error = refused(**fields)
    assert error.param == param
    assert param.partition("[")[0].partition(".")[0] in error.message


@pytest.mark.parametrize("field", ["metadata", "image_urls", "provider"])
def test_entries_are_counted_before_any_of_them_is_looked_at(field: str) -> None:
    """Half a million of them took more memory than the function has."""
    many: Any = {str(number): 5 for number in range(500_000)} if field == "metadata" else [5] * 500_000
    error = refused(**{field: many})
    assert (error.status, error.param) == (422, field)
    assert "500000" in error.message


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "x" * 4000}, {"n": 15}, {"n": 1}, {"seed": -1}, {"seed": 2**31 - 1}, {"guidance_scale": 1},
        {"guidance_scale": 10.0}, {"metadata": {str(i): "v" * 512 for i in range(16)}}, {"metadata": {"k" * 64: ""}},
        {"image_urls": ["https://a.example/1"] * 14}, {"callback_url": "https://app.example/h"}, {"size": "adaptive"},
        {"deadline_seconds": 10}, {"deadline_seconds": 86400},
    ],
)  # fmt: skip
def test_the_limits_themselves_are_within(fields: dict[str, Any]) -> None:
    assert read(**fields)


def test_a_misspelt_field_is_told_from_an_unknown_one() -> None:
    assert refused(promt="x", prompt=...).message == "unknown field 'promt': did you mean 'prompt'?"
    assert "go under 'extra'" in refused(zzz=1).message


def test_a_fingerprint_sees_what_was_said_and_not_how() -> None:
    one = fingerprint({"a": 1, "b": {"c": 2, "d": 3}})
    assert one == fingerprint({"b": {"d": 3, "c": 2}, "a": 1})
    assert one != fingerprint({"a": 1, "b": {"c": 2, "d": 4}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(sorted(NewTask.model_fields)) | st.text(max_size=6), JSON, max_size=6)


@settings(max_examples=300, deadline=None)
@given(BODIES)
def test_any_body_is_a_request_or_one_readable_refusal(body: dict[str, Any]) -> None:
    try:
        request = read_request({**LEAST, **body}, Settings({}))
    except ApiError as error:
        assert error.status == 422
        assert error.message
        assert json.dumps(error.envelope("r"))
        return
    assert request.prompt.strip()
    assert len(request.image_urls) <= 14
