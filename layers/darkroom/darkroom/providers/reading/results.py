"""Pictures in what providers answer, in whatever form a list of pictures can have."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from darkroom.providers.reading.bodies import inner_json
from darkroom.providers.reading.envelopes import Named
from darkroom.providers.reading.links import clean_link, several_links
from darkroom.providers.reading.picture_data import is_data_address, looks_like_picture
from darkroom.providers.reading.reported_errors import ReportedError, complaint_of
from darkroom.providers.reading.values import Object, as_text, by_name
from darkroom.tasks.failure import ErrorCode, Failure
from darkroom.tasks.request import MAX_IMAGES_TOGETHER
from darkroom.tasks.update import MadeImage

Blame = Callable[[ReportedError], Failure]
"""How a provider's reported about one picture reads in our words."""
MOST_LEVELS = 6
_DATA = ("b64json", "imagebase64", "base64", "b64", "bytesbase64encoded", "imagedata")
_HOLDERS = (
    "results", "result", "images", "output", "outputs", "data", "resultimages", "outputimages", "generatedimages",
    "pictures", "artifacts", "imagelist", "resultlist", "resultjson",
)  # fmt: skip
_LINKS = (
    "url", "urls", "imageurl", "resulturl", "resulturls", "resultimageurl", "resultimageurls", "outputurl",
    "outputurls", "imagelink", "downloadurl", "fileurl", "originurl", "originalurl", "publicurl", "cdnurl",
)  # fmt: skip
_TOP = (*_HOLDERS, *_LINKS, *_DATA)
"""Where a layer has its results. Names of references (`image`, `image_urls`) are not among them: they are repeated."""
_ENTRY = (*_DATA, *_LINKS, "image", "imageurls", "link", "uri", "src", "href", "file", "media", "content", *_HOLDERS)
_NO_ADDRESS = Failure(ErrorCode.IMAGE_UNAVAILABLE, "The provider gave no web address for this image.")


def read_pictures(levels: Sequence[Named], blame: Blame) -> tuple[MadeImage, ...]:
    """The pictures in an answer's layers, those of the innermost field that has any; in the order they came in.

    One that failed by itself, or whose place holds nothing readable, is that image's own failure. Without any picture
    that can be fetched, only what the provider said of failures is returned, and nothing where it said nothing.
    """
    failed: list[MadeImage] = []
    for layer in reversed(levels):
        for name in _TOP:
            if name not in layer or not layer[name]:
                continue
            found = list(islice(_pictures(layer[name], blame, 0, data=name in _DATA), MAX_IMAGES_TOGETHER))
            if any(image.failure is None for image in found):
                return tuple(found)
            if not failed and found and all(image.failure is not _NO_ADDRESS for image in found):
                failed = found
    return tuple(failed)


def _pictures(value: Any, blame: Blame, level: int, *, data: bool = False) -> Iterator[MadeImage]:
    if level > MOST_LEVELS:
        return
    match value:
        case str():
            yield from _of_text(value, blame, level, data=data)
        case list():
            for entry in value:
                yield from _pictures(entry, blame, level + 1, data=data)
        case dict():
            yield from _of_object(value, blame, level)
        case _:
            yield MadeImage(failure=_NO_ADDRESS)


def _of_text(value: str, blame: Blame, level: int, *, data: bool) -> Iterator[MadeImage]:
    if is_data_address(value) or data or looks_like_picture(value):
        yield MadeImage(base64=as_text(value))
        return
    inside = inner_json(value.strip()) if value.lstrip()[:1] in {"[", "{"} else None
    if inside is not None:
        yield from _pictures(inside, blame, level + 1)
        return
    for text in several_links(as_text(value)) or [""]:
        link = clean_link(text)
        yield MadeImage(url=link) if link else MadeImage(failure=_NO_ADDRESS)


def _of_object(entry: Object, blame: Blame, level: int) -> Iterator[MadeImage]:
    named = by_name(entry)
    if named and all(name.isdigit() for name in named):  # numbered instead of listed
        for value in named.values():
            yield from _pictures(value, blame, level + 1)
        return
    for name in _ENTRY:
        if named.get(name):
            found = list(islice(_pictures(named[name], blame, level + 1, data=name in _DATA), MAX_IMAGES_TOGETHER))
            if any(image.failure is None for image in found):
                yield from found
                return
    reported = complaint_of(named.get("error") or named.get("err"))
    yield MadeImage(failure=blame(reported) if reported else _NO_ADDRESS)
