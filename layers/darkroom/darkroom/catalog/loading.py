"""The catalog made of its rows: JSON values that were checked when they were written.

A row that can't be read here all the same (another release wrote it) is left out, and told of; the rest holds.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from darkroom.aws.forward_compatibility import known
from darkroom.catalog.geometry import PixelRange, Ratio, Resolution, SizeForms, parse_size
from darkroom.catalog.models import Catalog, Feature, Model, Offer
from darkroom.catalog.price import read_price
from darkroom.catalog.provider import SYNCHRONOUS_PROTOCOLS, Provider

Row = Mapping[str, Any]
Rows = Mapping[str, Mapping[str, Row | None]]
"""By kind (`providers`, `models`, `offers`) and name. Of an overlay, None takes a row away."""
KINDS = ("providers", "models", "offers")
Complain = Callable[[str, str, Exception], None]
"""Told of a row that was left out: its kind, its name, and why."""


def laid_over(shipped: Rows, own: Rows) -> dict[str, dict[str, Row]]:
    """The rows in force: the deployment's own before those that ship, and none that it took away.

    A shipped offer goes with its provider and with its model.
    """
    merged = {kind: {**shipped.get(kind, {}), **own.get(kind, {})} for kind in KINDS}
    rows = {kind: {name: row for name, row in found.items() if row is not None} for kind, found in merged.items()}
    rows["offers"] = {
        key: row
        for key, row in rows["offers"].items()
        if key in own.get("offers", {}) or (row["provider"] in rows["providers"] and row["model"] in rows["models"])
    }
    return rows


def build(rows: Rows, complain: Complain) -> Catalog:
    """The catalog of these rows."""
    made = [_tried("providers", name, complain, _provider, name, row) for name, row in _of(rows, "providers")]
    providers = sorted((provider for provider in made if provider), key=lambda each: each.rank)
    sold = _sold(rows, [provider.name for provider in providers], complain)
    names = _Names(complain)
    for name in sold:
        names.claim(name, name)
    waiting = frozenset(each.name for each in providers if each.protocol in SYNCHRONOUS_PROTOCOLS)
    models = [_model(name, row, sold[name], names, waiting, complain) for name, row in _of(rows, "models")]
    return Catalog(models, providers)


def _sold(rows: Rows, providers: Sequence[str], complain: Complain) -> dict[str, list[tuple[str, Row]]]:
    """The rows of the offers by model, in the order of the providers."""
    rank = {name: place for place, name in enumerate(providers)}
    found: dict[str, list[tuple[str, Row]]] = {name: [] for name, _ in _of(rows, "models")}
    for key, row in _of(rows, "offers"):
        if row.get("provider") in rank and row.get("model") in found:
            found[row["model"]].append((key, row))
        else:
            complain("offers", key, LookupError("its provider or its model is not there"))
    return {name: sorted(offers, key=lambda each: rank[each[1]["provider"]]) for name, offers in found.items()}


class _Names:
    """What the models are called: the first who claims a name has it."""

    def __init__(self, complain: Complain) -> None:
        self._complain = complain
        self._owners: dict[str, str] = {}

    def claim(self, name: str, model: str) -> bool:
        owner = self._owners.setdefault(name.lower(), model)
        if owner != model:
            self._complain("models", model, ValueError(f"{name!r} is a name of {owner}"))
        return owner == model


def _of(rows: Rows, kind: str) -> Iterable[tuple[str, Row]]:
    return ((name, row) for name, row in rows.get(kind, {}).items() if row is not None)


def _tried(kind: str, name: str, complain: Complain, make: Callable[..., Any], *given: Any) -> Any:
    try:
        return make(*given)
    except (ArithmeticError, AttributeError, KeyError, LookupError, TypeError, ValueError) as error:
        complain(kind, name, error)
        return None


def _provider(name: str, row: Row) -> Provider:
    return Provider(**{**known(Provider, row), "name": name})


def _model(
    name: str,
    row: Row,
    rows: Sequence[tuple[str, Row]],
    names: _Names,
    waiting: Collection[str],
    complain: Complain,
) -> Model:
    """A model whose offers are read when somebody asks for them: most requests are about one.

    `waiting` are the providers whose every answer is to be waited for.
    """

    def read() -> tuple[Offer, ...]:
        made = (_tried("offers", key, complain, _offer, each, each.get("provider") in waiting) for key, each in rows)
        return tuple(offer for offer in made if offer)

    sold = [(str(each["provider"]), str(each.get("upstream_model", ""))) for _, each in rows]
    called = dict.fromkeys([*row.get("aliases", ()), *(upstream for _, upstream in sold)])
    aliases = [alias for alias in called if names.claim(alias, name)]
    about = {field: str(row.get(field, "")) for field in ("retired", "replacement")}
    return Model(name, aliases, read, sold=sold, **about)


def _offer(row: Row, waits: bool) -> Offer:
    price = read_price(row["price"])
    read = {
        "forms": read_sizes(row["sizes"]),
        "features": frozenset(Feature(feature) for feature in row["features"]),
        "prices": price,
        "synchronous": waits or bool(row.get("synchronous")),
        "costs": read_price(row["cost"]) if "cost" in row else None,
        "price": price.image,
        "latency_seconds": float(row["seconds"]),
        "max_images": row.get("max_image_urls", 14),
    }
    return Offer(**{**known(Offer, row), **read})


def read_sizes(row: Row) -> SizeForms:
    """The sizes of an offer. Raises `GeometryError` (a `ValueError`) for what is no size."""
    classes = frozenset(Resolution(each) for each in row.get("classes", ()))
    forms = SizeForms(
        classes,
        Resolution(row["default"]) if classes else Resolution.ONE_K,
        frozenset(ratio for each in row.get("ratios", ()) if isinstance(ratio := parse_size(each), Ratio)),
        accepts_class=row.get("bare_class", False),
        adaptive=row.get("adaptive", False),
    )
    pixels = row.get("pixels")
    return (
        replace(forms, pixels=PixelRange(pixels["min"], pixels["max"], pixels.get("max_ratio", 16)))
        if pixels
        else forms
    )
