"""The catalog: which models there are, who sells them, and what each offer can do."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from darkroom.catalog.geometry import SizeForms
from darkroom.catalog.price import Price
from darkroom.catalog.provider import Provider


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
    """One model at one provider. `price` is the most credits an image costs, `latency_seconds` the usual time to the
    pictures. `prices` is what an owner pays in full, `costs` what the provider takes from us, where that is known.
    """

    model: str
    provider: str
    upstream_model: str
    price: Decimal
    latency_seconds: float
    forms: SizeForms
    features: frozenset[Feature]
    prices: Price
    synchronous: bool = False
    max_n: int = 15
    max_images: int = 14
    max_prompt: int = 4000
    costs: Price | None = None


class UnknownModel(ValueError):
    """No model has this name; the message lists those that there are."""


class Model:
    """A model with everything that it is called and everybody who sells it.

    `aliases` are in any case of letters. `retired` is the day (`2026-05-13`) from which its maker no longer serves it,
    `replacement` what to use instead.
    """

    def __init__(
        self,
        name: str,
        aliases: Iterable[str],
        read: Callable[[], tuple[Offer, ...]],
        *,
        sold: Iterable[tuple[str, str]] = (),
        retired: str = "",
        replacement: str = "",
    ) -> None:
        """`read` makes the offers when they are first asked for; `sold` is who sells it and under what name."""
        self.name = name
        self.sold = tuple(sold)
        self.aliases = tuple(aliases)
        self.retired = retired
        self.replacement = replacement
        self._read = read

    @cached_property
    def offers(self) -> tuple[Offer, ...]:
        """Everybody's offers, in the catalog's order."""
        return self._read()

    def also_called(self, aliases: Iterable[str]) -> "Model":
        """The same model with more names."""
        return Model(
            self.name,
            [*self.aliases, *aliases],
            self._read,
            sold=self.sold,
            retired=self.retired,
            replacement=self.replacement,
        )


class Catalog:
    """All models, and the providers who sell them. Raises `ValueError` for a name that two models claim."""

    def __init__(self, models: Iterable[Model], providers: Iterable[Provider] = ()) -> None:
        self.models = tuple(models)
        self.providers = {provider.name: provider for provider in providers}
        self._by_name: dict[str, Model] = {}
        self._sold: dict[tuple[str, str], Model] = {}
        for model in self.models:
            for name in (model.name, *model.aliases):
                known = self._by_name.setdefault(name.lower(), model)
                if known is not model:
                    raise ValueError(f"{name!r} names both {known.name} and {model.name}")
            self._sold |= dict.fromkeys(model.sold, model)

    @property
    def sellers(self) -> list[str]:
        """The providers that sell anything, by name."""
        return sorted({provider for provider, _ in self._sold})

    def find(self, name: str) -> Model:
        """A model by its name, or by any name that a provider uses for it. Raises `UnknownModel`."""
        model = self._by_name.get(name.strip().lower())
        if model is None:
            known = ", ".join(model.name for model in self.models)
            raise UnknownModel(f"no model is called {name[:80]!r}: use {known}")
        return model

    def offer(self, provider: str, upstream_model: str) -> Offer | None:
        """One offer, by who sells it and under what name."""
        model = self._sold.get((provider, upstream_model))
        offers = model.offers if model else ()
        return next(
            (each for each in offers if (each.provider, each.upstream_model) == (provider, upstream_model)), None
        )

    def enabled(self, provider: str) -> bool:
        """Whether new submissions go to a provider."""
        found = self.providers.get(provider)
        return found is not None and found.enabled

    def with_aliases(self, aliases: Mapping[str, str]) -> "Catalog":
        """The catalog with more names, each for a model that is called by the name beside it.

        Raises `UnknownModel`, and `ValueError` for a name that is another model's.
        """
        if not aliases:
            return self
        named: dict[str, list[str]] = {model.name: [] for model in self.models}
        for alias, name in aliases.items():
            named[self.find(name).name].append(alias)
        return Catalog((model.also_called(named[model.name]) for model in self.models), self.providers.values())
