"""Pictures that came inside an answer, as base64: put aside in the bucket before anything is recorded of them."""

import base64
import binascii
from dataclasses import replace

from darkroom.domain.failure import ErrorCode, Failure
from darkroom.domain.request import MAX_IMAGES_TOGETHER
from darkroom.domain.task import Task
from darkroom.domain.update import MadeImage, Update
from darkroom.stores.objects import STORED, ObjectStore, result_key


def put_aside(update: Update, task: Task, objects: ObjectStore) -> Update:
    """The update with every base64 picture replaced by a link to where its bytes now lie."""
    if not any(image.base64 for image in update.images):
        return update
    taken = update.images[:MAX_IMAGES_TOGETHER]
    kept = [_put_aside(image, index, task, objects) for index, image in enumerate(taken)]
    return replace(update, images=tuple(kept))


def _put_aside(image: MadeImage, index: int, task: Task, objects: ObjectStore) -> MadeImage:
    if not image.base64:
        return image
    try:
        content = base64.b64decode(image.base64, validate=True)
    except (binascii.Error, ValueError):
        broken = Failure(ErrorCode.IMAGE_UNAVAILABLE, "The provider's answer carried broken base64 in its place.")
        return MadeImage(failure=broken)
    key = result_key(task, len(task.attempts), index)
    objects.put(key, content)
    return MadeImage(url=STORED + key)
