"""What the dialects of the origin's own form share: its error words for a picture, its usage, its streamed events.

Volcengine Ark, image generation API: an item of a result can be an error while others succeeded; `output_tokens` is
the pictures' area by 256; a stream has one event a picture, then one that completes it.
"""

from collections.abc import Collection, Iterator

from darkroom.dialects.base import Event
from darkroom.dialects.calls import Json, Picture, Seen
from darkroom.dialects.refusals import Trouble, refusal_of
from darkroom.domain.failure import Failure
from darkroom.domain.update import Status

_PIXELS_A_TOKEN = 256


def usage(seen: Seen) -> Json:
    """How many pictures there are, and how many tokens the origin would count."""
    tokens = sum(picture.width * picture.height for picture in seen.stored) // _PIXELS_A_TOKEN
    return {"generated_images": len(seen.stored), "output_tokens": tokens, "total_tokens": tokens}


def failure_code(failure: Failure | None) -> str:
    """The origin's word for why a picture is not there."""
    trouble = refusal_of(failure).trouble
    if trouble is Trouble.CONTENT:
        return "OutputImageSensitiveContentDetected"
    return "InvalidParameter" if trouble is Trouble.BAD_FIELD else "InternalServiceError"


def events(seen: Seen, told: Collection[int]) -> Iterator[Event]:
    """An event for every picture but those that were told of, and the last one where the task has ended."""
    head = {"model": seen.model, "created": seen.now // 1000}
    for picture in (picture for picture in seen.pictures if picture.index not in told):
        if picture.failure is None:
            name = "image_generation.partial_succeeded"
            yield name, {"type": name, **head, "image_index": picture.index, **_shown(picture), "size": picture.size}
        else:
            name = "image_generation.partial_failed"
            error = {"code": failure_code(picture.failure), "message": picture.failure.message}
            yield name, {"type": name, **head, "image_index": picture.index, "error": error}
    if seen.task.status is Status.COMPLETED:
        name = "image_generation.completed"
        yield name, {"type": name, **head, "usage": usage(seen)}
    elif seen.task.status.terminal:
        message = seen.task.error.message if seen.task.error else "the task was cancelled"
        yield "error", {"error": {"code": failure_code(seen.task.error), "message": message}}


def _shown(picture: Picture) -> Json:
    return {"url": picture.url} if picture.base64 is None else {"b64_json": picture.base64}
