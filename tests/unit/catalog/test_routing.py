"""Who is asked, in which order, and what is said where nobody can."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.catalog.models import Catalog, Feature, Model, Offer, UnknownModel
from darkroom.catalog.routing import Choice, NoOffer, plan
from darkroom.catalog.shipped import shipped_catalog
from darkroom.providers.registry import PROTOCOLS
from darkroom.tasks.request import Action, ImageRequest, Strategy

PROVIDERS = ("qingbo", "evolink", "chanjing", "deepspace", "acedata")
ALL = frozenset(PROVIDERS)
"""Those that this is told of; the rules are the same for any others."""


def planned(available: frozenset[str] = ALL, **fields: Any) -> list[str]:
    request = ImageRequest(**{"model": "seedream-4.5", "prompt": "x", **fields})
    return [
        f"{choice.offer.provider}/{choice.offer.upstream_model}"
        for choice in plan(request, shipped_catalog(), available=available)
    ]


def refused(available: frozenset[str] = ALL, **fields: Any) -> tuple[str, str]:
    with pytest.raises(NoOffer) as caught:
        planned(available, **fields)
    return caught.value.param, str(caught.value)


def test_a_model_goes_by_every_name_that_a_provider_has_for_it() -> None:
    for model in shipped_catalog().models:
        for name in (model.name, *model.aliases, model.name.upper()):
            assert shipped_catalog().find(name) is model
    with pytest.raises(UnknownModel, match="use seedream-5"):
        shipped_catalog().find("dall-e-3")


def test_two_models_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match="names both"):
        Catalog([Model("a", ["x"], tuple), Model("b", ["X"], tuple)])


def test_every_offer_belongs_to_a_provider_with_an_adapter_and_every_provider_sells_something() -> None:
    catalog = shipped_catalog()
    sold = {offer.provider for model in catalog.models for offer in model.offers}
    assert sold == set(catalog.providers)
    assert {provider.protocol for provider in catalog.providers.values()} <= set(PROTOCOLS)


def test_the_cheapest_comes_first_unless_told_otherwise() -> None:
    def prices(choices: tuple[Choice, ...]) -> list[Any]:
        return [choice.offer.price for choice in choices]

    request = ImageRequest("seedream-4.5", "x")
    cheapest = plan(request, shipped_catalog(), available=ALL)
    assert prices(cheapest) == sorted(prices(cheapest))
    fastest = plan(replace(request, strategy=Strategy.FASTEST), shipped_catalog(), available=ALL)
    waits = [choice.offer.latency_seconds for choice in fastest]
    assert waits == sorted(waits)


def test_named_providers_are_asked_in_their_order_and_no_others() -> None:
    assert planned(providers=("acedata", "qingbo")) == ["acedata/doubao-seedream-4-5-251128", "qingbo/seedream-4.5"]


def test_within_a_provider_the_offer_that_was_named_comes_first() -> None:
    assert planned(providers=("deepspace",))[0] == "deepspace/Seedream-4.5"
    named = planned(providers=("deepspace",), model="Seedream-4.5-Preferential")
    assert named[0] == "deepspace/Seedream-4.5-Preferential"


def test_only_providers_with_a_key_are_asked() -> None:
    assert planned(frozenset({"qingbo"})) == ["qingbo/seedream-4.5"]
    param, message = refused(frozenset({"qingbo"}), providers=("evolink",))
    assert (param, message) == ("provider", "this deployment has no key for evolink: use qingbo")


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"model": "seedream-4.0", "size": "3K"}, "size", "3K with seedream-4.0: use 1K, 2K or 4K"),
        ({"resolution": "1K"}, "resolution", "1K with seedream-4.5: use 2K or 4K"),
        ({"n": 15, "image_urls": ("https://a/1",)}, "n", "use at most 15"),
        ({"n": 5, "providers": ("chanjing",)}, "n", "use at most 4"),
        ({"action": Action.EDIT}, "image_urls", "needs an image"),
        ({"model": "seedream-3.0", "image_urls": ("https://a/1",)}, "image_urls", "takes no reference"),
        ({"model": "seededit-3.0"}, "image_urls", "only edits"),
        ({"seed": 5}, "seed", "can't be set"),
        ({"web_search": True}, "web_search", "can't be set"),
        ({"providers": ("nobody",)}, "provider", "use acedata, ark, byteplus, chanjing"),
        ({"model": "seedream-3.0", "providers": ("qingbo",)}, "provider", "does not sell seedream-3.0"),
        ({"model": "gpt"}, "model", "use seedream-5.5"),
        ({"size": "5000x5000"}, "size", "with seedream-4.5"),
        ({"size": "wide"}, "size", "use a ratio"),
        ({"size": "4K", "resolution": "2K"}, "resolution", "contradict"),
    ],
)
def test_a_refusal_names_the_field_and_what_could_be(fields: dict[str, Any], param: str, words: str) -> None:
    told, message = refused(**fields)
    assert told == param
    assert words in message


def test_the_watermark_goes_only_where_it_can() -> None:
    assert all(not name.startswith("evolink") for name in planned(watermark=False))


REQUESTS = st.builds(
    ImageRequest,
    model=st.sampled_from([model.name for model in shipped_catalog().models]),
    prompt=st.text(min_size=1, max_size=30),
    n=st.integers(1, 15),
    size=st.none() | st.sampled_from(["1:1", "16:9", "4:5", "2K", "3K", "4K", "2048x2048", "adaptive", "1000x1000"]),
    image_urls=st.lists(st.just("https://a/1"), max_size=14).map(tuple),
    watermark=st.booleans(),
    seed=st.sampled_from([-1, 5]),
    web_search=st.booleans(),
    output_format=st.sampled_from([None, "jpeg", "png"]),
    optimize_prompt=st.sampled_from(["standard", "fast"]),
    strategy=st.sampled_from(list(Strategy)),
    providers=st.lists(st.sampled_from(PROVIDERS), unique=True, max_size=3).map(tuple),
)


def can(offer: Offer, request: ImageRequest) -> bool:
    """The rules once more, said the other way round."""
    wants = {
        Feature.SEED: request.seed != -1,
        Feature.WEB_SEARCH: request.web_search,
        Feature.OUTPUT_FORMAT: request.output_format == "png",
        Feature.FAST_PROMPT: request.optimize_prompt == "fast",
        Feature.WATERMARK_OFF: not request.watermark,
        Feature.EDIT: bool(request.image_urls),
        Feature.GENERATE: not request.image_urls,
    }
    return (
        all(feature in offer.features for feature, wanted in wants.items() if wanted)
        and request.n <= offer.max_n
        and len(request.image_urls) <= offer.max_images
    )


@given(REQUESTS)
def test_a_plan_has_only_offers_that_can_do_it(request: ImageRequest) -> None:
    try:
        choices = plan(request, shipped_catalog(), available=ALL)
    except NoOffer as error:
        assert error.param
        assert str(error)
        return
    assert choices
    assert all(can(choice.offer, request) for choice in choices)
    assert len({(choice.offer.provider, choice.offer.upstream_model) for choice in choices}) == len(choices)
    if request.providers:
        order = [request.providers.index(choice.offer.provider) for choice in choices]
        assert order == sorted(order)
