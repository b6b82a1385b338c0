"""What the dialects of the origin's own form share: its error words for a picture, its usage, its streamed events.

Volcengine Ark, image generation API: an item of a result can be an error while others succeeded; `output_tokens` is
the pictures' area by 256; a stream has one event a picture, then one that completes it.
"""

from collections.abc import Collection, Iterator

from darkroom.dialects.base import Event
from darkroom.dialects.calls import Json, Picture, TaskView
from darkroom.dialects.refusals import ErrorKind, refusal_of
from darkroom.tasks.failure import Failure
from darkroom.tasks.update import Status

_PIXELS_A_TOKEN = 256


def usage(view: TaskView) -> Json:
    """How many pictures there are, and how many tokens the origin would count."""
    tokens = sum(picture.width * picture.height for picture in view.stored) // _PIXELS_A_TOKEN
    return {"generated_images": len(view.stored), "output_tokens": tokens, "total_tokens": tokens}


def failure_code(failure: Failure | None) -> str:
    """The origin's word for why a picture is not there."""
    kind = refusal_of(failure).kind
    if kind is ErrorKind.CONTENT:
        return "OutputImageSensitiveContentDetected"
    return "InvalidParameter" if kind is ErrorKind.BAD_FIELD else "InternalServiceError"


def events(view: TaskView, told: Collection[int]) -> Iterator[Event]:
    """An event for every picture but those that were told of, and the last one where the task has ended."""
    head = {"model": view.model, "created": view.now // 1000}
    for picture in (picture for picture in view.pictures if picture.index not in told):
        if picture.failure is None:
            name = "image_generation.partial_succeeded"
            yield name, {"type": name, **head, "image_index": picture.index, **_shown(picture), "size": picture.size}
        else:
            name = "image_generation.partial_failed"
            error = {"code": failure_code(picture.failure), "message": picture.failure.message}
            yield name, {"type": name, **head, "image_index": picture.index, "error": error}
    if view.task.status is Status.COMPLETED:
        name = "image_generation.completed"
        yield name, {"type": name, **head, "usage": usage(view)}
    elif view.task.status.terminal:
        message = view.task.error.message if view.task.error else "the task was cancelled"
        yield "error", {"error": {"code": failure_code(view.task.error), "message": message}}


def _shown(picture: Picture) -> Json:
    return {"url": picture.url} if picture.base64 is None else {"b64_json": picture.base64}
