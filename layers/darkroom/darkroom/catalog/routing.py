"""Choosing who makes the pictures: every offer that can do a request, best first, or why there is none."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from darkroom.catalog.geometry import Expression, GeometryError, Shape, express, parse_resolution, parse_size
from darkroom.catalog.models import Catalog, Feature, Model, Offer, UnknownModel
from darkroom.catalog.provider_options import problem_with
from darkroom.tasks.request import MAX_IMAGES_TOGETHER, Action, ImageRequest, Strategy


class NoOffer(ValueError):
    """Nobody can do the request. `param` is the field that excludes the last of them; the message says what could."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


class SwitchedOff(NoOffer):
    """Those who could do the request are switched off by the operator, for as long as that takes."""

    def __init__(self, providers: str, model: str) -> None:
        super().__init__(f"{model} is not made at the moment: {providers} is switched off here", "model")


@dataclass(frozen=True, slots=True)
class Choice:
    """An offer that can do the request, and the size in its words."""

    offer: Offer
    shape: Expression


@dataclass(frozen=True, slots=True)
class _Obstacle:
    param: str
    message: str
    rank: int
    """How far the offer came: the obstacle of the offer that came furthest is the one to tell."""


def plan(
    request: ImageRequest,
    catalog: Catalog,
    *,
    available: Collection[str],
    seconds: Callable[[Offer], float] = lambda offer: offer.latency_seconds,
) -> tuple[Choice, ...]:
    """Every available offer that can do a request, in the order in which to try them. Raises `NoOffer`.

    `seconds` tells how long an offer takes: measured, if it was.
    """
    try:
        model = catalog.find(request.model)
    except UnknownModel as error:
        raise NoOffer(str(error), "model") from error
    _check_together(request)
    shape = shape_of(request)
    choices: list[Choice] = []
    obstacles: list[_Obstacle] = []
    for offer in _candidates(request, model, catalog, available):
        found = _examine(request, shape, offer, catalog.providers[offer.provider].protocol)
        if isinstance(found, Choice):
            choices.append(found)
        else:
            obstacles.append(found)
    if not choices:
        worst = max(obstacles, key=lambda obstacle: obstacle.rank)
        raise NoOffer(worst.message, worst.param)
    return tuple(_ordered(choices, request, lambda choice: (_price(choice, request), seconds(choice.offer))))


def _price(choice: Choice, request: ImageRequest) -> float:
    """What a whole request costs by an offer, at the most."""
    rates = choice.offer.prices.rates(choice.shape, references=len(request.image_urls), web_search=request.web_search)
    return float(rates.worst(request.n))


def shape_of(request: ImageRequest) -> Shape:
    """The size that a request asks for. Raises `NoOffer` where its words can't be read or contradict each other."""
    param = "size"
    try:
        size = parse_size(request.size) if request.size is not None else None
        param = "resolution"
        resolution = parse_resolution(request.resolution) if request.resolution is not None else None
        return Shape(size, resolution)
    except GeometryError as error:
        raise NoOffer(str(error), param) from error


def _check_together(request: ImageRequest) -> None:
    together = len(request.image_urls) + request.n
    if together > MAX_IMAGES_TOGETHER:
        raise NoOffer(
            f"{len(request.image_urls)} references and n = {request.n} are {together} images together: "
            f"use at most {MAX_IMAGES_TOGETHER}",
            "n",
        )
    if request.action is Action.EDIT and not request.image_urls:
        raise NoOffer("action edit needs an image to edit: give it in image_urls", "image_urls")


def _candidates(request: ImageRequest, model: Model, catalog: Catalog, available: Collection[str]) -> Sequence[Offer]:
    """The model's offers at the providers that were named (or at all), as far as there is a key for them."""
    for provider in request.providers:
        if provider not in catalog.sellers:
            raise NoOffer(f"no provider is called {provider[:80]!r}: use {_list(catalog.sellers)}", "provider")
    offers = [offer for offer in model.offers if not request.providers or offer.provider in request.providers]
    if not offers:
        sellers = sorted({offer.provider for offer in model.offers})
        raise NoOffer(f"{_list(request.providers)} does not sell {model.name}: use {_list(sellers)}", "provider")
    on = [offer for offer in offers if catalog.enabled(offer.provider)]
    if offers and not on:
        raise SwitchedOff(_list(sorted({offer.provider for offer in offers})), model.name)
    reachable = [offer for offer in on if offer.provider in available]
    if not reachable:
        sellers = sorted({offer.provider for offer in model.offers} & set(available))
        could = f"use {_list(sellers)}" if sellers else "this deployment has no key for any provider that sells it"
        raise NoOffer(
            f"this deployment has no key for {_list(sorted({offer.provider for offer in on}))}: {could}",
            "provider",
        )
    return reachable


def _examine(request: ImageRequest, shape: Shape, offer: Offer, protocol: str) -> Choice | _Obstacle:
    """Whether one offer can do a request; if not, the first thing in its way."""
    checks = (
        _lacking_action(request, offer),
        _lacking_feature(request, offer),
        _lacking_option(request, protocol),
        _too_many(request, offer),
        _too_long(request, offer),
    )
    for rank, obstacle in enumerate(checks):
        if obstacle:
            return _Obstacle(*obstacle, rank=rank)
    try:
        return Choice(offer, express(shape, offer.forms))
    except GeometryError as error:
        said, _, could = str(error).partition(": ")
        param = "resolution" if request.resolution and said == request.resolution else "size"
        return _Obstacle(param, f"{said} with {offer.model}: {could}", rank=len(checks))


def _lacking_action(request: ImageRequest, offer: Offer) -> tuple[str, str] | None:
    if request.image_urls or request.action is Action.EDIT:
        if Feature.EDIT not in offer.features or offer.max_images == 0:
            return "image_urls", f"{offer.model} takes no reference images: use seedream-4.0 or newer"
    elif Feature.GENERATE not in offer.features:
        return "image_urls", f"{offer.model} only edits: give the image in image_urls"
    return None


def _lacking_feature(request: ImageRequest, offer: Offer) -> tuple[str, str] | None:
    needs = (
        (Feature.SEED, request.seed != -1),
        (Feature.GUIDANCE, request.guidance_scale is not None),
        (Feature.WEB_SEARCH, request.web_search),
        (Feature.OUTPUT_FORMAT, request.output_format == "png"),
        (Feature.FAST_PROMPT, request.optimize_prompt != "standard"),
        (Feature.WATERMARK_OFF, not request.watermark),
    )
    for feature, needed in needs:
        if needed and feature not in offer.features:
            where = f"{offer.model} at {offer.provider}"
            return feature.value, f"{feature.value} can't be set with {where}: leave it at its default"
    return None


def _lacking_option(request: ImageRequest, protocol: str) -> tuple[str, str] | None:
    for name, value in request.extra.items():
        if problem := problem_with(protocol, name, value):
            return f"extra.{name[:80]}", f"extra.{name[:80]} {problem}"
    return None


def _too_many(request: ImageRequest, offer: Offer) -> tuple[str, str] | None:
    if request.n > offer.max_n:
        return "n", f"n = {request.n} with {offer.model} at {offer.provider}: use at most {offer.max_n}"
    if len(request.image_urls) > offer.max_images:
        return (
            "image_urls",
            f"{len(request.image_urls)} references with {offer.model} at {offer.provider}: "
            f"use at most {offer.max_images}",
        )
    return None


def _too_long(request: ImageRequest, offer: Offer) -> tuple[str, str] | None:
    if len(request.prompt) > offer.max_prompt:
        length = len(request.prompt)
        return (
            "prompt",
            f"a prompt of {length} characters at {offer.provider}: use at most {offer.max_prompt}",
        )
    return None


def _ordered(
    choices: Sequence[Choice], request: ImageRequest, merits: Callable[[Choice], tuple[float, float]]
) -> Iterable[Choice]:
    """Best first: by the order in which providers were named, then by the strategy, then as the catalog has them."""
    if not request.providers:
        return sorted(choices, key=lambda choice: _by_strategy(choice, request.strategy, merits))
    rank = {provider: place for place, provider in enumerate(request.providers)}

    def key(choice: Choice) -> tuple[int, bool, bool]:
        # Within one provider, the offer that was asked for by its own name comes first, synchronous ones last.
        named = choice.offer.upstream_model.lower() == request.model.lower()
        return rank[choice.offer.provider], not named, choice.offer.synchronous

    return sorted(choices, key=key)


def _by_strategy(
    choice: Choice, strategy: Strategy, merits: Callable[[Choice], tuple[float, float]]
) -> tuple[float, ...]:
    offer = choice.offer
    price, seconds = merits(choice)
    # A synchronous form keeps a function waiting for the picture: between equals it comes last.
    match strategy:
        case Strategy.CHEAPEST:
            return price, seconds, offer.synchronous
        case Strategy.FASTEST:
            return seconds, price, offer.synchronous
        case Strategy.LISTED:
            return (offer.synchronous,)


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
