"""How a task looks from a dialect: its pictures with fresh links, or the pictures themselves."""

import base64
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from darkroom.clock import Clock
from darkroom.dialects.calls import Picture, TaskView
from darkroom.tasks.task import Image, ImageState, Task

if TYPE_CHECKING:
    from darkroom.images.links import LinkSigner
    from darkroom.images.object_store import ObjectStore


class AnswerTooLarge(Exception):
    """The pictures do not fit into an answer. `needed` and `limit` are bytes."""

    def __init__(self, needed: int, limit: int) -> None:
        super().__init__(f"{needed} bytes, and an answer carries {limit}")
        self.needed = needed
        self.limit = limit


class TaskPresenter:
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

    def view(self, task: Task, dialect: str, *, limit: int = 0, delivered: Collection[int] = ()) -> TaskView:
        """A task as it stands. With a `limit` in bytes, pictures come as base64 where the task asked for them.

        The pictures with the indices in `told` are known already: they come without base64. Raises `AnswerTooLarge`
        where the others do not fit.
        """
        now = self._clock()
        settled = [image for image in task.images if image.state is not ImageState.PENDING]
        inline: set[int] = set()
        if limit and task.entry and task.entry.base64:
            fresh = [image for image in settled if image.index not in delivered]
            _check_fits(fresh, limit)
            inline = {image.index for image in fresh}
        return TaskView(
            task=task,
            now=now,
            pictures=tuple(self._picture(image, now, inline=image.index in inline) for image in settled),
            # An ended task is not waited for: who tells of its end reads no scores.
            estimate=0 if task.status.terminal else round(self._estimate(task)),
            base_url=f"{self._public_url}/{dialect}",
        )

    def _picture(self, image: Image, now: int, *, inline: bool) -> Picture:
        if image.stored is None:
            return Picture(image.index, failure=image.failure)
        made = Picture(image.index, width=image.stored.width, height=image.stored.height)
        if inline:
            return replace(made, base64=base64.b64encode(self._objects().read(image.stored.key)).decode())
        link = self._links.sign(image.stored.key, now)
        return replace(made, url=link.url, expires_at=link.expires_at)


def _check_fits(images: Iterable[Image], limit: int) -> None:
    """Base64 takes four bytes for three, and the rest of an answer some more."""
    needed = sum(image.stored.bytes * 4 // 3 + 256 for image in images if image.stored) + 2048
    if needed > limit:
        raise AnswerTooLarge(needed, limit)
