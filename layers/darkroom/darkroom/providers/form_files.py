"""References as files: fetched for a provider that takes no links. None lies in memory longer than its request."""

from collections.abc import Sequence
from urllib.parse import urljoin

from darkroom.http.client import Answer, HttpClient
from darkroom.http.errors import OutboundError
from darkroom.http.timeout import Timeout
from darkroom.providers.base import FormFile, Refused
from darkroom.tasks.failure import Disposition, ErrorCode, Failure

MOST_BYTES = 30 * 1024 * 1024
"""Of one reference, as the API takes them (docs/api.md)."""
MOST_TOGETHER = 64 * 1024 * 1024
PATIENCE = Timeout(connect=5, read=20, total=40)
MOST_REDIRECTS = 3
_TYPES = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpeg"), (b"RIFF", "webp"), (b"GIF8", "gif"))


def fetched(provider: str, files: Sequence[FormFile], client: HttpClient) -> list[tuple[str, tuple[str, bytes, str]]]:
    """The files of a form with their bytes. Raises `Refused` (FINAL) where one can't be had or is too large."""
    parts, together = [], 0
    for place, file in enumerate(files):
        content = _content(provider, place, file.url, client)
        together += len(content)
        if together > MOST_TOGETHER:
            raise _refused(provider, place, f"makes them more than {MOST_TOGETHER // 1024 // 1024} MB together")
        kind = next((kind for begins, kind in _TYPES if content.startswith(begins)), "")
        if not kind:
            raise _refused(provider, place, "is no PNG, JPEG, WebP or GIF")
        parts.append((file.name, (f"image-{place}.{kind}", content, f"image/{kind}")))
    return parts


def _content(provider: str, place: int, url: str, client: HttpClient) -> bytes:
    for _ in range(MOST_REDIRECTS + 1):
        try:
            answer = client.request("GET", url, timeout=PATIENCE, max_bytes=MOST_BYTES)
        except OutboundError as error:
            raise _refused(provider, place, f"can't be fetched ({type(error).__name__})") from error
        if answer.status == 200:
            return answer.body
        url = _next(provider, place, url, answer)
    raise _refused(provider, place, "is redirected too often")


def _next(provider: str, place: int, url: str, answer: Answer) -> str:
    location = answer.headers.get("location", "")
    if not 300 <= answer.status < 400 or not location:
        raise _refused(provider, place, f"can't be fetched (HTTP {answer.status})")
    return urljoin(url, location)


def _refused(provider: str, place: int, why: str) -> Refused:
    message = f"image_urls[{place}] {why}, and {provider} takes references as files."
    return Refused(Failure(ErrorCode.INVALID_REQUEST, message, Disposition.ELSEWHERE))
