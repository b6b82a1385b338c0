"""The catalog: which models there are, who sells them, and what each offer can do."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from functools import cache

from darkroom.catalog.geometry import SizeForms
from darkroom.tasks.task import Task


class Feature(StrEnum):
    """Something that not every offer can do. A request needs it where it departs from the default."""

    GENERATE = "generate"
    EDIT = "edit"
    WATERMARK_OFF = "watermark"
    SEED = "seed"
    GUIDANCE = "guidance_scale"
    OUTPUT_FORMAT = "output_format"
    FAST_PROMPT = "optimize_prompt"
    WEB_SEARCH = "web_search"


@dataclass(frozen=True, slots=True)
class Offer:
    """One model at one provider. `price` is credits per image, `latency_seconds` the usual time to the pictures."""

    model: str
    provider: str
    upstream_model: str
    price: Decimal
    latency_seconds: float
    forms: SizeForms
    features: frozenset[Feature]
    synchronous: bool = False
    max_n: int = 15
    max_images: int = 14
    max_prompt: int = 4000


_OTHERS = re.compile(r"(?i)seedream.{0,10}(?:pro|flash)")


class UnknownModel(ValueError):
    """No model has this name; the message lists those that there are."""


class Model:
    """A model with everything that it is called and everybody who sells it."""

    def __init__(self, name: str, aliases: Iterable[str], offers: Iterable[Offer]) -> None:
        self.name = name
        self.offers = tuple(offers)
        upstream = [offer.upstream_model for offer in self.offers]
        self.aliases = tuple(dict.fromkeys([*aliases, *upstream]))


class Catalog:
    """All models."""

    def __init__(self, models: Iterable[Model]) -> None:
        self.models = tuple(models)
        self._by_name: dict[str, Model] = {}
        self._offers: dict[tuple[str, str], Offer] = {}
        for model in self.models:
            for name in (model.name, *model.aliases):
                known = self._by_name.setdefault(name.lower(), model)
                if known is not model:
                    raise ValueError(f"{name!r} names both {known.name} and {model.name}")
            for offer in model.offers:
                self._offers[offer.provider, offer.upstream_model] = offer

    def find(self, name: str) -> Model:
        """A model by its name, or by any name that a provider uses for it. Raises `UnknownModel`."""
        model = self._by_name.get(name.strip().lower())
        if model is None:
            known = ", ".join(model.name for model in self.models)
            other = " (pro and flash are models of their own, which nobody here sells)" if _OTHERS.search(name) else ""
            raise UnknownModel(f"no model is called {name[:80]!r}{other}: use {known}")
        return model

    def offer(self, provider: str, upstream_model: str) -> Offer | None:
        """One offer, by who sells it and under what name."""
        return self._offers.get((provider, upstream_model))

    def usual_latency(self, task: Task) -> float:
        """Seconds that a task's offer in use usually takes."""
        offer = self.offer(task.offer.provider, task.offer.upstream_model)
        return offer.latency_seconds if offer else 30.0

    def with_aliases(self, aliases: Mapping[str, str]) -> "Catalog":
        """The catalog with more names, each for a model that is called by the name beside it.

        Raises `UnknownModel`, and `ValueError` for a name that is another model's.
        """
        named: dict[str, list[str]] = {model.name: [] for model in self.models}
        for alias, name in aliases.items():
            named[self.find(name).name].append(alias)
        return Catalog(Model(model.name, [*model.aliases, *named[model.name]], model.offers) for model in self.models)

    def with_prices(self, prices: Mapping[str, Decimal]) -> "Catalog":
        """The catalog with other prices, by `<provider>/<upstream model>`."""
        return Catalog(
            Model(
                model.name,
                model.aliases,
                [
                    replace(offer, price=prices.get(f"{offer.provider}/{offer.upstream_model}", offer.price))
                    for offer in model.offers
                ],
            )
            for model in self.models
        )


@cache
def catalog() -> Catalog:
    """The catalog of this deployment."""
    from darkroom.catalog.offers import MODELS
    from darkroom.settings import Settings

    settings = Settings.from_environment()
    if not settings.demo_base_url:
        return Catalog(MODELS).with_aliases(settings.model_aliases)
    from darkroom.catalog.demo_offers import DEMO

    return Catalog((*MODELS, DEMO)).with_aliases(settings.model_aliases)
