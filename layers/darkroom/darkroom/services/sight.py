"""How a task looks from a dialect: its pictures with fresh links, or the pictures themselves."""

import base64
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from darkroom.dialects.calls import Picture, Seen
from darkroom.domain.task import Image, ImageState, Task
from darkroom.services.clock import Clock

if TYPE_CHECKING:
    from darkroom.stores.links import LinkSigner
    from darkroom.stores.objects import ObjectStore


class AnswerTooLarge(Exception):
    """The pictures do not fit into an answer. `needed` and `limit` are bytes."""

    def __init__(self, needed: int, limit: int) -> None:
        super().__init__(f"{needed} bytes, and an answer carries {limit}")
        self.needed = needed
        self.limit = limit


class Sight:
    """Makes what dialects tell of tasks."""

    def __init__(
        self,
        *,
        links: "LinkSigner",
        objects: "Callable[[], ObjectStore]",
        estimate: Callable[[Task], float],
        public_url: str,
        clock: Clock,
    ) -> None:
        self._links = links
        self._objects = objects
        self._estimate = estimate
        self._public_url = public_url
        self._clock = clock

    def see(self, task: Task, dialect: str, *, limit: int = 0, told: Collection[int] = ()) -> Seen:
        """A task as it stands. With a `limit` in bytes, pictures come as base64 where the task asked for them.

        The pictures with the indices in `told` are known already: they come without base64. Raises `AnswerTooLarge`
        where the others do not fit.
        """
        now = self._clock()
        settled = [image for image in task.images if image.state is not ImageState.PENDING]
        whole: set[int] = set()
        if limit and task.entry and task.entry.base64:
            fresh = [image for image in settled if image.index not in told]
            _check_fits(fresh, limit)
            whole = {image.index for image in fresh}
        return Seen(
            task=task,
            now=now,
            pictures=tuple(self._picture(image, now, whole=image.index in whole) for image in settled),
            # An ended task is not waited for: who tells of its end reads no scores.
            estimate=0 if task.status.terminal else round(self._estimate(task)),
            here=f"{self._public_url}/{dialect}",
        )

    def _picture(self, image: Image, now: int, *, whole: bool) -> Picture:
        if image.stored is None:
            return Picture(image.index, failure=image.failure)
        made = Picture(image.index, width=image.stored.width, height=image.stored.height)
        if whole:
            return replace(made, base64=base64.b64encode(self._objects().read(image.stored.key)).decode())
        link = self._links.sign(image.stored.key, now)
        return replace(made, url=link.url, expires_at=link.expires_at)


def _check_fits(images: Iterable[Image], limit: int) -> None:
    """Base64 takes four bytes for three, and the rest of an answer some more."""
    needed = sum(image.stored.bytes * 4 // 3 + 256 for image in images if image.stored) + 2048
    if needed > limit:
        raise AnswerTooLarge(needed, limit)
