"""Sizes, converted exactly or refused with what could be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.catalog.geometry import (
    COMPUTED_RATIOS,
    PUBLISHED_RATIOS,
    SQUARE,
    Adaptive,
    Expression,
    GeometryError,
    Pixels,
    Ratio,
    Resolution,
    Shape,
    SizeForms,
    classify,
    express,
    parse_resolution,
    parse_size,
    pixels_for,
    sizes_of,
)
from darkroom.catalog.shipped import shipped_catalog

OFFERS = [offer for model in shipped_catalog().models for offer in model.offers]
RATIOS = st.sampled_from(sorted(PUBLISHED_RATIOS | COMPUTED_RATIOS))
RESOLUTIONS = st.sampled_from(list(Resolution))
PIXELS = st.builds(Pixels, st.integers(1, 9999), st.integers(1, 9999))
SIZES = st.one_of(RATIOS, RESOLUTIONS, PIXELS, st.just(Adaptive.ADAPTIVE))
FORMS = st.sampled_from([offer.forms for offer in OFFERS])


@given(SIZES)
def test_a_size_is_read_as_it_is_written(size: Ratio | Pixels | Resolution | Adaptive) -> None:
    assert parse_size(str(size)) == size


@pytest.mark.parametrize("text", ["", "0:1", "1:0", "16:9:1", "100000x1", "2048", "5K", "x", "1e3x5", "-1:2", "١:٢"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(GeometryError, match="use a ratio"):
        parse_size(text)


def test_a_resolution_may_be_written_small() -> None:
    assert parse_resolution("2k") is Resolution.TWO_K
    with pytest.raises(GeometryError):
        parse_resolution("8K")


def test_the_makers_table_stands() -> None:
    assert pixels_for(SQUARE, Resolution.TWO_K) == Pixels(2048, 2048)
    assert pixels_for(Ratio(16, 9), Resolution.TWO_K) == Pixels(2560, 1440)
    assert pixels_for(Ratio(21, 9), Resolution.FOUR_K) == Pixels(6240, 2656)
    assert pixels_for(Ratio(3, 4), Resolution.ONE_K) == Pixels(864, 1152)


@given(RATIOS, RESOLUTIONS)
def test_pixels_keep_to_their_class_and_ratio(ratio: Ratio, resolution: Resolution) -> None:
    pixels = pixels_for(ratio, resolution)
    assert pixels.width % 8 == pixels.height % 8 == 0
    assert pixels.area <= 1.02 * resolution.side**2
    assert pixels.area >= 0.85 * resolution.side**2
    assert abs(pixels.width / pixels.height / (ratio.width / ratio.height) - 1) < 0.02


@given(RATIOS, RESOLUTIONS)
def test_pixels_lead_back_to_their_ratio_and_class(ratio: Ratio, resolution: Resolution) -> None:
    assert classify(pixels_for(ratio, resolution)) == (ratio, resolution)


@given(SIZES, st.none() | RESOLUTIONS)
def test_a_shape_contradicts_itself_only_where_it_names_two_sizes(
    size: Ratio | Pixels | Resolution | Adaptive, resolution: Resolution | None
) -> None:
    try:
        Shape(size, resolution)
    except GeometryError as error:
        assert resolution is not None
        assert not isinstance(size, Ratio)
        assert "contradict" in str(error)


def pixels_of(expression: Expression) -> Pixels | None:
    """What an offer will make of an expression, where it is fixed."""
    if expression.pixels:
        return expression.pixels
    if expression.ratio and expression.resolution:
        return pixels_for(expression.ratio, expression.resolution)
    return None


@given(PIXELS | st.builds(pixels_for, RATIOS, RESOLUTIONS), FORMS)
def test_pixels_are_never_rounded(pixels: Pixels, forms: SizeForms) -> None:
    try:
        expression = express(Shape(pixels), forms)
    except GeometryError as error:
        assert error.alternatives
        return
    made = pixels_of(expression)
    assert made == pixels or (made is None and classify(pixels) == (SQUARE, expression.resolution))


@given(RATIOS, RESOLUTIONS, FORMS)
def test_a_ratio_in_a_class_stays_what_it_is(ratio: Ratio, resolution: Resolution, forms: SizeForms) -> None:
    try:
        expression = express(Shape(ratio, resolution), forms)
    except GeometryError:
        return
    made = pixels_of(expression)
    assert made == pixels_for(ratio, resolution) or (ratio == SQUARE and expression.resolution is resolution)


@given(FORMS)
def test_what_is_offered_instead_can_be_had(forms: SizeForms) -> None:
    for text in sizes_of(forms):
        assert express(Shape(parse_size(text)), forms)


@given(FORMS)
def test_without_a_size_every_offer_has_one(forms: SizeForms) -> None:
    assert express(Shape(), forms) != Expression()


@given(st.builds(Shape, SIZES), FORMS)
def test_an_expression_is_one_that_the_offer_knows(shape: Shape, forms: SizeForms) -> None:
    try:
        expression = express(shape, forms)
    except GeometryError as error:
        assert str(error)
        assert error.alternatives
        return
    if expression.ratio:
        assert expression.ratio in forms.ratios
        assert expression.resolution in forms.resolutions
    elif expression.pixels:
        assert forms.pixels is not None
        assert expression.pixels in forms.pixels
    elif expression.resolution:
        assert forms.accepts_class
        assert expression.resolution in forms.resolutions
    else:
        assert expression.adaptive
        assert forms.adaptive
