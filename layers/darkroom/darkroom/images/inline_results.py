"""Pictures that came inside an answer, as base64: stored in the bucket before anything is recorded of them."""

from dataclasses import replace

from darkroom.images.object_store import STORED, ObjectStore, result_key
from darkroom.providers.reading.picture_data import BrokenData, picture_bytes
from darkroom.tasks.failure import ErrorCode, Failure
from darkroom.tasks.request import MAX_IMAGES_TOGETHER
from darkroom.tasks.task import Task
from darkroom.tasks.update import MadeImage, Status, Update


def store_inline_result(update: Update, task: Task, objects: ObjectStore, *, last: bool = False) -> Update:
    """The update with every base64 picture replaced by a link to where its bytes now lie.

    One that is broken is that image's own failure; where no picture is left, the whole update is in doubt, unless this
    was the `last` that will ever be heard of it.
    """
    if not any(image.base64 for image in update.images):
        return update
    taken = update.images[:MAX_IMAGES_TOGETHER]
    kept = [_store_inline(image, index, task, objects) for index, image in enumerate(taken)]
    if not last and all(image.failure for image in kept):
        return replace(update, status=Status.PROCESSING, progress=None, images=(), doubt="its base64 is broken")
    return replace(update, images=tuple(kept))


def _store_inline(image: MadeImage, index: int, task: Task, objects: ObjectStore) -> MadeImage:
    if not image.base64:
        return image
    try:
        content = picture_bytes(image.base64)
    except BrokenData:
        broken = Failure(ErrorCode.IMAGE_UNAVAILABLE, "The provider's answer carried broken base64 in its place.")
        return MadeImage(failure=broken)
    key = result_key(task, len(task.attempts), index)
    objects.put(key, content)
    return MadeImage(url=STORED + key)
