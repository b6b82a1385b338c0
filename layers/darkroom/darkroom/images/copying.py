"""Copying one image into the bucket: fetched with bounded memory, checked for what it is, stored once, recorded."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import IO, TYPE_CHECKING

from darkroom.aws.queues import Queues
from darkroom.clock import Clock
from darkroom.http.errors import (
    AddressRefused,
    ImageTooLarge,
    LinkFailed,
    LinkGone,
    LinkRefused,
    OutboundError,
)
from darkroom.images.download import Downloader
from darkroom.images.format import (
    MAX_PIXELS,
    ImageFacts,
    NotAnImage,
    Script,
    TruncatedImage,
    UnsupportedImage,
    inspect,
)
from darkroom.images.metadata import STRIPPED, without_metadata
from darkroom.images.object_store import STORED, ObjectStore, image_key
from darkroom.images.retry_schedule import image_wait
from darkroom.observability import count, follow, logger
from darkroom.providers.base import QueryFailed
from darkroom.providers.registry import UnknownProvider
from darkroom.providers.upstreams import Upstreams, ticket_of
from darkroom.tasks import transitions
from darkroom.tasks.failure import ErrorCode, Failure
from darkroom.tasks.messages import Copy
from darkroom.tasks.store import NoSuchTask, TaskStore
from darkroom.tasks.task import Image, ImageState, StoredImage, Task

if TYPE_CHECKING:
    from darkroom.providers.adapter import Adapter

SPOOL_BYTES = 1024 * 1024
"""An image up to this size is held in memory, a larger one on the function's own disk."""
CHUNK_BYTES = 256 * 1024
HARD_ATTEMPTS = 2
"""Tries for an image that is wrong in itself: the first link, and a fresh one."""


class CopyOutcome(StrEnum):
    """What became of one try to copy an image, as it is counted. The log says why."""

    STORED = "stored"
    FAILED = "failed"


class Unfit(Exception):
    """What the link led to can't be stored, and the same link will not lead to anything better."""


class ImageCopier:
    """Copies images."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        objects: ObjectStore,
        queues: Queues,
        downloader: Downloader,
        adapters: "Callable[[str, str], Adapter]",
        upstreams: Upstreams,
        max_bytes: int,
        strip: bool = False,
        clock: Clock,
    ) -> None:
        """`strip` says that images are stored without their metadata."""
        self._tasks = tasks
        self._objects = objects
        self._queues = queues
        self._downloader = downloader
        self._adapters = adapters
        self._upstreams = upstreams
        self._max_bytes = max_bytes
        self._strip = strip
        self._clock = clock

    def copy(self, message: Copy, *, redelivered: bool = False) -> None:
        """Copy one image and record it; the last one settles its task. A repetition changes nothing.

        `redelivered` says that an earlier try may have stored the image without getting to say so.
        """
        task = self._tasks.get(message.task_id)
        if task is None or task.status.terminal or message.index >= len(task.images):
            return
        follow(task.task_id, task.correlation_id)
        image = task.images[message.index]
        if image.state is not ImageState.PENDING:
            return
        stored = self._found(task, image) if redelivered or message.attempt > 1 else None
        try:
            stored = stored or self._store(task, image)
        except (OutboundError, NotAnImage, TruncatedImage, Unfit) as problem:
            self._try_again(task, image, message, problem)
            return
        count("ImageCopy", outcome=CopyOutcome.STORED.value)
        now = self._clock()
        self._change(task, lambda current: transitions.store_image(current, image.index, stored, now=now))

    def _found(self, task: Task, image: Image) -> StoredImage | None:
        return self._objects.find_image(task, image.index)

    def _store(self, task: Task, image: Image) -> StoredImage:
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            size, digest = self._fetch(image.source, spool)
            facts = self._check(spool)
            if self._strip and facts.content_type in STRIPPED:
                with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as bare:
                    size, digest = _written(without_metadata(spool, facts.content_type), bare)
                    return self._put(task, image, facts, size, digest, bare)
            return self._put(task, image, facts, size, digest, spool)

    def _put(
        self, task: Task, image: Image, facts: ImageFacts, size: int, digest: str, spool: IO[bytes]
    ) -> StoredImage:
        stored = StoredImage(
            key=image_key(task, image.index, facts.extension),
            content_type=facts.content_type,
            bytes=size,
            width=facts.width,
            height=facts.height,
            sha256=digest,
        )
        spool.seek(0)
        return self._objects.put_image(stored, spool)

    def _fetch(self, source: str, spool: IO[bytes]) -> tuple[int, str]:
        """Bring the bytes into the spool; their number and SHA-256."""
        if not source.startswith(STORED):
            fetched = self._downloader.download(source, spool, max_bytes=self._max_bytes)
            return fetched.size, fetched.sha256
        digest = hashlib.sha256()
        size = 0
        with self._objects.open(source.removeprefix(STORED)) as body:
            while chunk := body.read(CHUNK_BYTES):
                size += len(chunk)
                if size > self._max_bytes:
                    raise Unfit(f"it has more than {self._max_bytes} bytes")
                digest.update(chunk)
                spool.write(chunk)
        return size, digest.hexdigest()

    @staticmethod
    def _check(spool: IO[bytes]) -> ImageFacts:
        spool.seek(0)
        facts = inspect(spool)
        if facts.width * facts.height > MAX_PIXELS:
            raise Unfit(f"it would have {facts.width}x{facts.height} pixels")
        return facts

    def _try_again(self, task: Task, image: Image, message: Copy, problem: Exception) -> None:
        """Ask the provider for a fresh link and queue another try, or let this one image fail."""
        count("ImageCopy", outcome=CopyOutcome.FAILED.value)
        hard = isinstance(problem, _HARD)
        wait = image_wait(message.attempt)
        logger.warning(
            "image not copied",
            extra={"index": image.index, "attempt": message.attempt, "reason": type(problem).__name__},
        )
        if wait is None or (hard and message.attempt >= HARD_ATTEMPTS):
            failure = Failure(ErrorCode.IMAGE_UNAVAILABLE, f"The image could not be stored: {_told(problem)}.")
            now = self._clock()
            self._change(task, lambda current: transitions.fail_image(current, image.index, failure, now=now))
            return
        if self._refresh(task, image):
            wait = 0
        self._queues.send(Copy(task.task_id, image.index, message.attempt + 1), wait=wait)

    def _refresh(self, task: Task, image: Image) -> bool:
        """Ask the provider for this image's link once more; whether it gave another one."""
        attempt = task.attempt
        if attempt is None or not attempt.upstream_id or image.source.startswith(STORED):
            return False
        ticket = ticket_of(attempt)
        try:
            upstream = self._upstreams.reach(attempt)
            update = (
                self._adapters(attempt.provider, attempt.protocol).query([ticket], upstream).get(attempt.upstream_id)
            )
        except (QueryFailed, UnknownProvider) as reason:
            logger.warning("no fresh link", extra={"provider": attempt.provider, "reason": str(reason)})
            return False
        if update is None or image.index >= len(update.images):
            return False
        link = update.images[image.index].url
        if not link or link == image.source:
            return False
        self._change(task, lambda current: transitions.refresh_source(current, image.index, link))
        return True

    def _change(self, task: Task, transition: Callable[[Task], Task]) -> None:
        try:
            self._tasks.change(task, transition, cause="copy")
        except NoSuchTask:
            logger.info("task was deleted meanwhile", extra={"task_id": task.task_id})


_HARD = (AddressRefused, ImageTooLarge, Script, UnsupportedImage, Unfit)
"""What is wrong in itself. Anything else may be a server that is not ready: nothing, a page, a part, an outage."""


def _written(pieces: Iterable[bytes], spool: IO[bytes]) -> tuple[int, str]:
    """Write pieces; their number of bytes and SHA-256."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        size += len(piece)
        digest.update(piece)
        spool.write(piece)
    return size, digest.hexdigest()


def _told(problem: Exception) -> str:
    """A reason for the task's owner: no address and no header of anybody's."""
    match problem:
        case LinkGone():
            return "the provider's link leads to nothing any more"
        case LinkRefused():
            return "the provider's link was refused"
        case LinkFailed():
            return "the provider's link did not answer in full"
        case ImageTooLarge():
            return "it is larger than this deployment allows"
        case AddressRefused():
            return "the provider's link leads to an address that is not public"
        case TruncatedImage():
            return "the provider's link gave only a part of it"
        case Script():
            return "the provider's link leads to a document that may run in a browser"
        case UnsupportedImage():
            return (
                f"the provider's link leads to a {problem} image; PNG, JPEG, WebP, AVIF, GIF, BMP and TIFF are stored"
            )
        case NotAnImage():
            return "the provider's link leads to something that is not a PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF image"
        case Unfit():
            return str(problem)
        case _:
            return "the provider's link could not be read"
