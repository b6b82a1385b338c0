"""The model's own options, which several dialects take in the origin's form: prompt optimisation, tools, sequences."""

from collections.abc import Mapping
from typing import Any

from darkroom.dialects.base import bad_field, choose
from darkroom.dialects.calls import Json
from darkroom.tasks.request import MAX_IMAGES_TOGETHER


def optimize_prompt(options: Any, field: str = "optimize_prompt_options") -> Json:
    """`{"mode": "standard" | "fast"}` as our `optimize_prompt`."""
    if options is None:
        return {}
    if not isinstance(options, Mapping) or set(options) - {"mode", "thinking"}:
        raise bad_field(f'{field} must be an object such as {{"mode": "fast"}}', field)
    if options.get("thinking") not in (None, "auto"):
        raise bad_field(f"{field}.thinking can't be set here: leave it out", f"{field}.thinking")
    mode = options.get("mode")
    if mode not in (None, "standard", "fast"):
        raise bad_field(f"{field}.mode must be one of standard, fast", f"{field}.mode")
    return {"optimize_prompt": mode} if mode else {}


def tools(given: Any, field: str = "tools") -> Json:
    """`[{"type": "web_search"}]` as our `web_search`."""
    if given is None or given == []:
        return {}
    if given != [{"type": "web_search"}]:
        raise bad_field(f'{field} must be [{{"type": "web_search"}}] or be left out', field)
    return {"web_search": True}


def sequence(body: Mapping[str, Any], references: int) -> Json:
    """`sequential_image_generation` and its options as our `n`: the most pictures that may come.

    Without `max_images` the model may make as many as its limit leaves room for (Ark, image generation API).
    """
    mode = choose(body, "sequential_image_generation", ("auto", "disabled"), "disabled")
    field = "sequential_image_generation_options"
    options = body.get(field)
    if options is not None and (not isinstance(options, Mapping) or set(options) - {"max_images"}):
        raise bad_field(f'{field} must be an object such as {{"max_images": 4}}', field)
    if mode == "disabled":
        return {}
    most = (options or {}).get("max_images")
    if most is None:
        return {"n": max(1, MAX_IMAGES_TOGETHER - references)}
    if type(most) is not int or not 1 <= most <= MAX_IMAGES_TOGETHER:
        raise bad_field(f"{field}.max_images must be a whole number from 1 to 15", f"{field}.max_images")
    return {"n": most}


def no_layers(body: Mapping[str, Any]) -> None:
    """Layers and transparency belong to models that nobody sells here. Raises `Refusal` where they are asked for."""
    if body.get("layer_decomposition"):
        raise bad_field("layer_decomposition is not offered by any model here: leave it out", "layer_decomposition")
    if body.get("background") not in (None, "auto", "opaque"):
        raise bad_field("background must be opaque or be left out", "background")
