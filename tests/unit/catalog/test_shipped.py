"""The rows that ship: what is read at a cold start is what the files say, and every page of them holds together."""

from decimal import Decimal

import pytest

from darkroom.catalog.models import Feature, Offer
from darkroom.catalog.shipped import FILE, shipped_catalog
from darkroom.providers.registry import adapter
from local.catalog_rows import rendered

OFFERS = [offer for model in shipped_catalog().models for offer in model.offers]


def test_the_file_that_is_read_is_what_the_rows_say() -> None:
    assert FILE.read_text(encoding="utf-8") == rendered(), "run make catalog"


def test_every_offer_is_there_once() -> None:
    names = [(offer.model, offer.provider, offer.upstream_model) for offer in OFFERS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: f"{offer.provider}/{offer.upstream_model}")
def test_an_offer_costs_something_takes_a_while_and_can_do_something(offer: Offer) -> None:
    assert Decimal("0.1") < offer.price < 50, "in credits, of which an image costs a few"
    assert 1 <= offer.latency_seconds <= 900
    assert {Feature.EDIT, Feature.GENERATE} & offer.features
    assert Feature.EDIT not in offer.features or offer.max_images > 0
    speaks = adapter(offer.provider, shipped_catalog().providers[offer.provider].protocol)
    assert offer.synchronous or not speaks.traits.synchronous_only


def test_the_newest_models_are_sold_by_their_maker_and_go_by_its_names() -> None:
    catalog = shipped_catalog()
    for name, called in (
        ("seedream-5.5", "doubao-seedream-5-5-261028"),
        ("seedream-5.5", "seedream-5-5-261028"),
        ("seedream-5.0-pro", "doubao-seedream-5-0-pro-260628"),
        ("seedream-5.0-flash", "seedream-5-0-flash-260915"),
        ("seedream-5.0", "doubao-seedream-5-0-260128"),
        ("seedream-4.5", "seedream-4-5-251128"),
        ("seedream-4.0", "seedream-4-0-250828"),
        ("seedream-5.5", "dola-seedream-5-5-261028"),
        ("seedream-4.5", "doubao-seedream-4-5-251128"),
    ):
        model = catalog.find(called)
        assert model.name == name
        assert {"ark", "byteplus"} <= {offer.provider for offer in model.offers}


@pytest.mark.parametrize("name", ["seedream-3.0", "seededit-3.0"])
def test_a_model_that_its_maker_switched_off_has_a_date_and_a_replacement(name: str) -> None:
    model = shipped_catalog().find(name)
    assert model.retired == "2026-05-13"
    assert shipped_catalog().find(model.replacement).offers
    assert "ark" not in {offer.provider for offer in model.offers}
    assert model.offers, "others sell it"


def test_text_and_edits_go_where_each_is_done() -> None:
    """fal and wavespeed have two names for a model: one can do what the other can't."""
    for provider in ("fal", "wavespeed"):
        at = [offer for offer in OFFERS if offer.provider == provider]
        assert all(("edit" in offer.upstream_model) == (Feature.EDIT in offer.features) for offer in at)
