"""What an image is, from its bytes alone."""

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.images.format import ImageFacts, NotAnImage, TruncatedImage, inspect
from tests.pictures import picture

FORMS = [
    ("PNG", {}, "image/png", "png"),
    ("JPEG", {}, "image/jpeg", "jpg"),
    ("JPEG", {"progressive": True}, "image/jpeg", "jpg"),
    ("JPEG", {"exif": b"Exif\0\0" + b"\0" * 60_000}, "image/jpeg", "jpg"),
    ("WEBP", {}, "image/webp", "webp"),
    ("WEBP", {"lossless": True}, "image/webp", "webp"),
    ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}, "image/webp", "webp"),
    ("GIF", {}, "image/gif", "gif"),
    ("BMP", {}, "image/bmp", "bmp"),
    ("TIFF", {}, "image/tiff", "tiff"),
    ("TIFF", {"compression": "tiff_lzw"}, "image/tiff", "tiff"),
]


@pytest.mark.parametrize(("form", "options", "content_type", "extension"), FORMS)
@pytest.mark.parametrize("size", [(1, 1), (37, 11), (640, 480)])
def test_a_real_image_is_known(
    form: str, options: dict[str, object], content_type: str, extension: str, size: tuple[int, int]
) -> None:
    content = picture(form, size, **options)
    assert inspect(BytesIO(content)) == ImageFacts(content_type, extension, *size)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><svg/>",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"\x00\x00\x00\x18ftypisom\0\0\0\0isommp42",
        b"PK\x03\x04",
    ],
)
def test_what_is_no_image_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(NotAnImage):
        inspect(BytesIO(content))


SIGNATURES = st.sampled_from(
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x20\0\0\0WEBP", b"GIF89a", b"BM", b"II*\0", b"MM\0*"]
)


@settings(max_examples=400)
@given(SIGNATURES, st.binary(max_size=200))
def test_hostile_bytes_are_refused_and_nothing_worse(signature: bytes, rest: bytes) -> None:
    try:
        facts = inspect(BytesIO(signature + rest))
    except (NotAnImage, TruncatedImage):
        return
    assert 0 < facts.width <= 65535
    assert 0 < facts.height <= 65535


def test_a_bomb_is_reported_at_its_claimed_size() -> None:
    content = bytearray(picture("PNG"))
    content[16:24] = (60000).to_bytes(4, "big") * 2
    assert inspect(BytesIO(bytes(content))).width == 60000


def test_padding_behind_the_end_is_tolerated() -> None:
    for form in ("PNG", "JPEG", "GIF"):
        assert inspect(BytesIO(picture(form) + b"\0" * 100)).width == 8
