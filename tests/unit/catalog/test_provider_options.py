"""What of `extra` reaches a provider: what its protocol documents, and nothing that decides price, number or place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.catalog.provider_options import OPTIONS, problem_with, taken_options
from darkroom.catalog.routing import NoOffer, plan
from darkroom.catalog.shipped import shipped_catalog
from darkroom.tasks.request import ImageRequest

PROVIDERS = ("qingbo", "evolink", "chanjing", "deepspace", "acedata")
DECIDED = [
    {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 15}}, {"n": 9},
    {"number_of_images": 4}, {"model": "dearer"}, {"callback_url": "https://elsewhere.example/"}, {"async": False},
    {"stream": True}, {"quality": "4K"}, {"size": "4K"}, {"clarity": 4096}, {"creation_type": 4}, {"tools": []},
    {"response_format": "url", "n": 2}, {"response_format": ["b64_json"]}, {"response_format": None}, {"N": 2},
]  # fmt: skip


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("extra", DECIDED, ids=str)
def test_what_decides_price_number_or_place_is_refused_by_its_name(provider: str, extra: dict[str, Any]) -> None:
    request = ImageRequest("seedream-4.5", "x", extra=extra, providers=(provider,))
    if provider == "chanjing":
        request = ImageRequest("seedream-3.0", "x", extra=extra, providers=(provider,))
    with pytest.raises(NoOffer, match="extra.") as refused:
        plan(request, shipped_catalog(), available=PROVIDERS)
    assert refused.value.param.startswith("extra.")


def test_an_option_leads_to_the_providers_that_take_it() -> None:
    request = ImageRequest("seedream-4.5", "x", extra={"response_format": "b64_json"})
    assert {choice.offer.provider for choice in plan(request, shipped_catalog(), available=PROVIDERS)} <= set(OPTIONS)


@given(
    st.dictionaries(
        st.text(max_size=8) | st.sampled_from(["n", "response_format"]), st.text(max_size=8) | st.integers()
    )
)
def test_nothing_else_ever_reaches_a_provider(extra: dict[str, Any]) -> None:
    for provider in PROVIDERS:
        taken = taken_options(provider, extra)
        assert taken.keys() <= OPTIONS.get(provider, {}).keys()
        assert all(problem_with(provider, name, value) is None for name, value in taken.items())
