"""No body, however wrong, breaks a dialect: it is read, or refused with a reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.api.errors import ApiError
from darkroom.api.request import read_request
from darkroom.dialects.calls import Submission
from darkroom.dialects.refusals import Refusal
from darkroom.dialects.registry import DIALECTS, dialect
from darkroom.settings import Settings
from tests.unit.dialects.tasks import SUBMISSIONS, post

FIELDS = {
    "qingbo": [
        "model", "prompt", "action", "image_urls", "size", "resolution", "n", "watermark", "callback_url", "extra",
    ],
    "evolink": ["model", "prompt", "n", "size", "prompt_priority", "image_urls", "callback_url"],
    "chanjing": [
        "ref_prompt", "creation_type", "aspect_ratio", "clarity", "number_of_images", "model_code", "ref_img_url",
    ],
    "deepspace": [
        "model", "prompt", "size", "quality", "n", "image_urls", "prompt_priority", "image", "watermark",
        "output_format",
    ],
    "acedata": [
        "model", "prompt", "image", "size", "seed", "sequential_image_generation", "guidance_scale",
        "sequential_image_generation_options", "stream", "response_format", "watermark", "callback_url", "async",
        "output_format", "tools", "optimize_prompt_options", "background", "layer_decomposition",
    ],
    "openai": [
        "model", "prompt", "n", "size", "quality", "response_format", "style", "user", "background", "moderation",
        "output_compression", "output_format", "partial_images", "stream",
    ],
    "ark": [
        "model", "prompt", "image", "size", "seed", "guidance_scale", "sequential_image_generation",
        "sequential_image_generation_options", "stream", "response_format", "watermark", "optimize_prompt_options",
        "output_format", "tools",
    ],
}  # fmt: skip

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", DIALECTS)
@given(data=st.data())
@settings(max_examples=150)
def test_no_body_breaks_a_dialect(name: str, data: st.DataObject) -> None:
    path, valid = SUBMISSIONS[name]
    fields = st.sampled_from([*FIELDS[name], "surprise"])
    body = {**valid, **data.draw(st.dictionaries(fields, JSON_VALUES, max_size=4))}
    try:
        intent = dialect(name).read(post(path, body))
        assert isinstance(intent, Submission)
        read_request(intent.task, Settings({}))
    except (Refusal, ApiError) as refused:
        assert str(refused)
