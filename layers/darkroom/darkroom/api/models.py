"""The catalog as `GET /v1/models` shows it."""

from typing import Any

from darkroom.accounts.money import format_credits
from darkroom.catalog.models import Catalog, Model, Offer
from darkroom.catalog.score import percentile
from darkroom.catalog.score_store import DAYS
from darkroom.catalog.scorecard import Scorecard


def render_catalog(catalog: Catalog, scorecard: Scorecard, owner: str) -> dict[str, Any]:
    """All models with offers, limits and prices, how each offer did lately, and whether it is asked for this owner."""
    return {
        "object": "list",
        "data": [
            {
                "id": model.name,
                "object": "model",
                "aliases": list(model.aliases),
                **_retirement(model),
                "offers": [
                    {**_offer(offer), "enabled": catalog.enabled(offer.provider), **_measured(offer, scorecard, owner)}
                    for offer in model.offers
                ],
            }
            for model in catalog.models
        ],
    }


def _retirement(model: Model) -> dict[str, Any]:
    """From which day on its maker no longer serves a model, and what to use instead."""
    return {"retired": model.retired, "replacement": model.replacement or None} if model.retired else {}


def _measured(offer: Offer, scorecard: Scorecard, owner: str) -> dict[str, Any]:
    score = scorecard.score(offer)
    expected = score.called_back + score.unheard
    tasks = score.completed + score.failed
    return {
        "breaker": scorecard.state_of(offer.provider, owner).value,
        "measured": {
            "days": DAYS,
            "completed": score.completed,
            "failed": score.failed,
            "failure_rate": round(score.failed / tasks, 4) if tasks else None,
            "seconds_p50": percentile(score.steps, 0.5),
            "seconds_p95": percentile(score.steps, 0.95),
            "callback_seconds_p95": percentile(score.callback_steps, 0.95),
            "callbacks_lost": score.unheard,
            "callback_loss_rate": round(score.unheard / expected, 4) if expected else None,
            "images_asked": score.asked,
            "images_delivered": score.images,
            "credits_per_delivered_image": None if score.price is None else format_credits(round(score.price, 6)),
        },
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
