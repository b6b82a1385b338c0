"""The sizes that OpenAI's own models have, and its clients send whatever model they speak to.

(OpenAI, "Create image", `size`: 256x256 to 1024x1024 of dall-e-2, 1792x1024 of dall-e-3, 1536x1024 of gpt-image-1.)
"""

from collections.abc import Mapping
from typing import Any

from darkroom.catalog.geometry import GeometryError, Ratio, Resolution, Shape, SizeForms, express, parse_size
from darkroom.catalog.models import Catalog, UnknownModel

_RATIOS: Mapping[str, Ratio] = {
    "256x256": Ratio(1, 1),
    "512x512": Ratio(1, 1),
    "1024x1024": Ratio(1, 1),
    "1536x1024": Ratio(3, 2),
    "1024x1536": Ratio(2, 3),
    "1792x1024": Ratio(16, 9),
    "1024x1792": Ratio(9, 16),
}


def fitted(task: Mapping[str, Any], catalog: Catalog) -> Mapping[str, Any]:
    """A task's body with its size, one of OpenAI's, as one that its model makes."""
    size = task.get("size")
    return {**task, **size_fields(catalog, str(task.get("model")), size)} if isinstance(size, str) else task


def size_fields(catalog: Catalog, model: str, size: str) -> dict[str, str]:
    """Our `size` and `resolution` for a size of OpenAI's.

    A model that makes those pixels makes them; of another, the ratio in its smallest class is what comes nearest. Any
    other size, and one of an unknown model, stays what it is.
    """
    ratio = _RATIOS.get(size)
    if ratio is None:
        return {"size": size}
    try:
        forms = [offer.forms for offer in catalog.find(model).offers]
    except UnknownModel:
        return {"size": size}
    if any(_can(Shape(parse_size(size)), each) for each in forms):
        return {"size": size}
    for resolution in Resolution:
        if any(_can(Shape(ratio, resolution), each) for each in forms):
            return {"size": str(ratio), "resolution": resolution.value}
    return {"size": str(ratio)}


def _can(shape: Shape, forms: SizeForms) -> bool:
    try:
        express(shape, forms)
    except GeometryError:
        return False
    return True
