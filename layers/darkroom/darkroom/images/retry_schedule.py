"""How often the copying of an image is tried, and for how long there is anything to copy. Seconds of real time."""

IMAGE_WAITS = (2, 10, 30, 120)
"""Waits between the five attempts to copy one image."""

LINK_LIFE = 20 * 3600
"""How long an image that was made surely lives at its provider: links die after 24 h, less what went by before."""


def image_wait(attempt: int) -> float | None:
    """Seconds between attempt number `attempt` (from 1) to copy an image and the next, or None after the last."""
    return float(IMAGE_WAITS[attempt - 1]) if attempt <= len(IMAGE_WAITS) else None
