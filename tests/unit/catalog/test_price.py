"""What an offer costs: by the image, by its pixels, by what is given along; and what a task is charged in the end."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.accounts.money import reserve
from darkroom.catalog.geometry import Expression, Pixels, Ratio, Resolution
from darkroom.catalog.price import Price, read_price
from darkroom.tasks.charge import cost, upstream_cost, usage_at_the_end
from darkroom.tasks.rates import Rates, read_rates
from darkroom.tasks.record import from_record, to_record
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Image, ImageState, PlannedOffer, StoredImage, Task, Usage

# BytePlus's list price of Seedream 5.5, in dollars, at 50 credits a dollar: by area, exact sizes dearer, each reference.
FIVE_FIVE: dict[str, Any] = {
    "image": "0.035", "bands": [{"up_to_pixels": 2_601_123, "image": "0.020"}], "exact": "0.035", "reference": "0.008",
    "rate": "50", "currency": "USD",
}  # fmt: skip
ONE_K, TWO_K = Expression(resolution=Resolution.ONE_K), Expression(resolution=Resolution.TWO_K)


def rates(shape: Expression, *, references: int = 0, price: Any = None) -> Rates:
    return read_price(price or FIVE_FIVE).rates(shape, references=references, web_search=False)


def test_a_plain_price_is_a_price_an_image() -> None:
    assert read_price("1.80") == Price(Decimal("1.80"))
    assert rates(TWO_K, references=3, price="1.80") == Rates(Decimal("1.80"))


@pytest.mark.parametrize(
    ("shape", "references", "worst"),
    [
        (ONE_K, 0, "1.000"),
        (TWO_K, 0, "1.750"),
        (TWO_K, 2, "2.550"),
        (ONE_K, 2, "1.800"),
        (Expression(ratio=Ratio(1, 1), resolution=Resolution.ONE_AND_A_HALF_K), 0, "1.000"),
        (Expression(pixels=Pixels(1024, 1024)), 0, "1.750"),
        (Expression(adaptive=True), 0, "1.750"),
    ],
)
def test_the_worst_case_goes_by_the_size_that_was_asked_for(shape: Expression, references: int, worst: str) -> None:
    assert rates(shape, references=references).worst(1) == Decimal(worst)


def test_references_are_free_up_to_their_number_and_a_search_costs_once() -> None:
    pro = {"image": "0.09", "reference": "0.003", "free_references": 1, "web_search": "0.04"}
    made = read_price(pro).rates(TWO_K, references=3, web_search=True)
    assert (made.image, made.fixed) == (Decimal("0.09"), Decimal("0.046"))
    assert read_price(pro).rates(TWO_K, references=1, web_search=False).fixed == 0


def stored(index: int, side: int) -> Image:
    return Image(index, ImageState.STORED, "https://p.example/1", StoredImage("k", "image/png", 1, side, side, "s"))


def task(offer: PlannedOffer, *images: Image, n: int = 1) -> Task:
    return Task(
        "t", "o", ImageRequest("m", "p", n=n), "f", (offer,), 1, 2, 3, "c", nonce="x", images=images,
        usage=Usage(reserved=reserve([offer], n)),
    )  # fmt: skip


def planned(shape: Expression, references: int = 0) -> PlannedOffer:
    made = rates(shape, references=references)
    return PlannedOffer("p", "u", False, made.image, rates=made, cost=rates(shape, references=references))


def test_what_came_is_charged_by_its_own_pixels() -> None:
    """Two references at 2K, one picture of 2K and one that came smaller: 0.035 + 0.020 + 2 x 0.008 dollars."""
    ended = task(planned(TWO_K, references=2), stored(0, 2048), stored(1, 1024), n=2)
    usage = usage_at_the_end(ended)
    assert usage.charged == usage.upstream_cost == Decimal("3.550")
    assert ended.usage.reserved == Decimal("4.300")


def test_a_failed_copy_is_not_charged_and_has_cost_us_all_the_same() -> None:
    lost = Image(0, ImageState.FAILED, "https://p.example/1")
    usage = usage_at_the_end(task(planned(ONE_K), lost))
    assert (usage.charged, usage.upstream_cost) == (Decimal(0), Decimal("1.000"))
    assert cost(task(planned(ONE_K)), 0) == upstream_cost(task(planned(ONE_K)), 0) == 0


MONEY = st.decimals(0, 1000, places=4)


@given(MONEY, MONEY, st.lists(st.tuples(st.integers(1, 20_000_000), MONEY), max_size=3), st.lists(st.integers(1, 5000)))
def test_no_end_costs_more_than_was_held_back(
    image: Decimal, fixed: Decimal, bands: list[tuple[int, Decimal]], sides: list[int]
) -> None:
    within = tuple(sorted((most, min(price, image)) for most, price in bands))
    offer = PlannedOffer("p", "u", False, image, rates=Rates(image, fixed, within))
    ended = task(offer, *(stored(at, side) for at, side in enumerate(sides)), n=3)
    assert usage_at_the_end(ended).charged <= ended.usage.reserved


def test_rates_are_recorded_exactly_and_a_record_without_them_has_none() -> None:
    before = task(planned(TWO_K, references=2), stored(0, 2048))
    ended = replace(before, usage=usage_at_the_end(before))
    record = to_record(ended)
    assert from_record(record).plan == ended.plan
    assert from_record(record).usage == ended.usage
    record["plan"] = [
        {name: value for name, value in each.items() if name not in {"rates", "cost"}} for each in record["plan"]
    ]
    assert from_record(record).offer.rates is None
    assert read_rates(None) is None
