"""The rows that ship with a release: `rows/*.toml`, checked and put together when it is built (`make catalog`)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from darkroom.catalog.loading import Rows, build
from darkroom.catalog.models import Catalog
from darkroom.settings import DEMO_PROVIDERS, Settings

FILE = Path(__file__).with_name("shipped.json")
_DEMO_SIZES = {
    "classes": ["1K", "2K"], "default": "1K", "bare_class": True,
    "pixels": {"min": 512 * 512, "max": 2048 * 2048, "max_ratio": 3},
}  # fmt: skip


@cache
def shipped_rows() -> Rows:
    """The rows of this release."""
    rows: Rows = json.loads(FILE.read_text(encoding="utf-8"))
    return rows


def rows_of(settings: Settings) -> Rows:
    """The shipped rows as this deployment has them: at the addresses that its parameters give, with the demo."""
    rows = shipped_rows()
    moved = {
        name: {**row, "base_url": address}
        for name, row in rows["providers"].items()
        if row and (address := settings.provider_address(name))
    }
    return with_demo({**rows, "providers": {**rows["providers"], **moved}}, settings.demo_base_url)


def with_demo(rows: Rows, base_url: str) -> Rows:
    """Rows with the demo's: a model of its own, so that no real model's task ever goes there. It costs nothing."""
    if not base_url:
        return rows
    # A task that the first refuses goes to the second.
    providers = {name: {"protocol": "evolink", "base_url": f"{base_url}/demo/{name}"} for name in DEMO_PROVIDERS}
    offers = {f"demo|{name}|demo-picture": _demo_offer(name, 3 + place) for place, name in enumerate(DEMO_PROVIDERS)}
    return {
        "providers": {**rows["providers"], **providers},
        "models": {**rows["models"], "demo": {}},
        "offers": {**rows["offers"], **offers},
    }


def _demo_offer(provider: str, seconds: int) -> dict[str, Any]:
    return {
        "model": "demo", "provider": provider, "upstream_model": "demo-picture", "price": "0", "seconds": seconds,
        "sizes": _DEMO_SIZES, "features": ["generate", "edit"], "max_n": 4,
    }  # fmt: skip


@cache
def shipped_catalog() -> Catalog:
    """The catalog of this release alone, without any row of a deployment's own. Raises for a row that is broken."""

    def complain(kind: str, name: str, error: Exception) -> None:
        raise ValueError(f"{kind} {name}: {error}") from error

    return build(shipped_rows(), complain)
