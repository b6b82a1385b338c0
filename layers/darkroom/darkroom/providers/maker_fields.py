"""The fields of the maker's API, as it and those who pass requests on to it take them, each only where it is asked for.

Source: volcengine.com/docs/82379/1541523 (image generation API).
"""

from typing import Any

from darkroom.providers.base import GenerationRequest


def maker_fields(generation: GenerationRequest) -> dict[str, Any]:
    """References, the group and the options of a generation. Several pictures are a set of related ones there, and
    `max_images` is a limit, not a promise."""
    fields: dict[str, Any] = {}
    if generation.image_urls:
        fields["image"] = generation.image_urls[0] if len(generation.image_urls) == 1 else list(generation.image_urls)
    if generation.n > 1:
        fields["sequential_image_generation"] = "auto"
        fields["sequential_image_generation_options"] = {"max_images": generation.n}
    if generation.seed != -1:
        fields["seed"] = generation.seed
    if generation.guidance_scale is not None:
        fields["guidance_scale"] = generation.guidance_scale
    if generation.output_format:
        fields["output_format"] = generation.output_format
    if generation.web_search:
        fields["tools"] = [{"type": "web_search"}]
    if generation.optimize_prompt != "standard":
        fields["optimize_prompt_options"] = {"mode": generation.optimize_prompt}
    return fields
