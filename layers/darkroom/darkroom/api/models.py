"""The catalog as `GET /v1/models` shows it."""

from typing import Any

from darkroom.domain.catalog import Offer, catalog
from darkroom.domain.money import format_credits


def render_catalog() -> dict[str, Any]:
    """All models with their offers, limits and prices."""
    return {
        "object": "list",
        "data": [
            {
                "id": model.name,
                "object": "model",
                "aliases": list(model.aliases),
                "offers": [_offer(offer) for offer in model.offers],
            }
            for model in catalog().models
        ],
    }


def _offer(offer: Offer) -> dict[str, Any]:
    forms = offer.forms
    return {
        "provider": offer.provider,
        "upstream_model": offer.upstream_model,
        "credits_per_image": format_credits(offer.price),
        "usual_seconds": offer.latency_seconds,
        "synchronous": offer.synchronous,
        "features": sorted(offer.features),
        "max_n": offer.max_n,
        "max_image_urls": offer.max_images,
        "max_prompt": offer.max_prompt,
        "sizes": {
            "ratios": [str(ratio) for ratio in sorted(forms.ratios)],
            "resolutions": sorted(forms.resolutions),
            "default_resolution": forms.default.value if forms.resolutions else None,
            "pixels": (
                {
                    "min": forms.pixels.min_area,
                    "max": forms.pixels.max_area,
                    "max_ratio": forms.pixels.max_quotient,
                }
                if forms.pixels
                else None
            ),
            "adaptive": forms.adaptive,
        },
    }
