"""Puts the catalog's files together: `make catalog`. They are checked here, so that a cold start need not.

`catalog/rows/<provider>.toml` has a provider, its offers, and sizes that several of them share by name;
`catalog/rows/models.toml` the models.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

from darkroom.api.catalog_rows import ModelRow, OfferRow, ProviderRow, offer_key
from darkroom.catalog.shipped import FILE

ROWS = FILE.parent / "rows"
MODELS = ROWS / "models.toml"


def rendered() -> str:
    """All rows as the file has them. Raises `pydantic.ValidationError`, and `KeyError` for sizes that nobody names."""
    return json.dumps(rows(), indent=1, ensure_ascii=False) + "\n"


def rows() -> dict[str, dict[str, Any]]:
    """All rows, by kind and name."""
    providers: dict[str, Any] = {}
    offers: dict[str, Any] = {}
    for path in sorted(ROWS.glob("*.toml")):
        if path == MODELS:
            continue
        file = tomllib.loads(path.read_text(encoding="utf-8"))
        providers[path.stem] = ProviderRow.model_validate(file["provider"]).plain()
        for offer in _offers(path, file):
            offers[offer_key(offer)] = offer
    models = tomllib.loads(MODELS.read_text(encoding="utf-8"))["models"]
    named = {name: ModelRow.model_validate(row).plain() for name, row in models.items()}
    return {"providers": providers, "models": named, "offers": offers}


def _offers(path: Path, file: dict[str, Any]) -> list[dict[str, Any]]:
    sizes = file.get("sizes", {})
    made = []
    for offer in file.get("offers", []):
        full = {**offer, "provider": path.stem, "sizes": sizes[offer["sizes"]]}
        made.append(OfferRow.model_validate(full).plain())
    return made


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8")
