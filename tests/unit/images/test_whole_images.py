"""Whether a picture is whole, compared with a decoder (Pillow): what it shows is stored, what it can't show is not."""

import random
import struct
import warnings
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageFile

from darkroom.images.format import NotAnImage, Script, TruncatedImage, UnsupportedImage, inspect

Options = dict[str, Any]


def noise(mode: str, size: tuple[int, int]) -> Image.Image:
    """A picture with something of everything: a gradient, noise, and a flat part."""
    dice = random.Random(7)
    drawn = Image.new("RGB", size, (200, 40, 90))
    for x in range(size[0] // 2):
        for y in range(size[1]):
            drawn.putpixel((x, y), (x * 3 % 256, y * 5 % 256, dice.randrange(256)))
    return drawn.convert("L").convert("I;16") if mode == "I;16" else drawn.convert(mode)


def encoded(form: str, mode: str, size: tuple[int, int], **options: Any) -> bytes:
    buffer = BytesIO()
    noise(mode, size).save(buffer, form, **options)
    return buffer.getvalue()


SIZE = (93, 61)
FORMS: list[tuple[str, str, Options]] = [
    *(("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    ("PNG", "RGB", {"compress_level": 0}),
    *(("JPEG", mode, {}) for mode in ("L", "RGB", "CMYK")),
    *(("JPEG", "RGB", {"subsampling": sampling}) for sampling in (0, 1, 2)),
    ("JPEG", "RGB", {"optimize": True}),
    ("JPEG", "RGB", {"restart_marker_blocks": 3}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "RGB", {"progressive": True, "restart_marker_blocks": 5}),
    ("JPEG", "L", {"progressive": True, "quality": 95}),
    ("JPEG", "CMYK", {"progressive": True, "subsampling": 2}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("GIF", "P", {}),
    ("GIF", "L", {"interlace": 0}),
    *(("BMP", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")),
    ("TIFF", "RGB", {}),
    *(("TIFF", "RGB", {"compression": name}) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits")),
    ("AVIF", "RGB", {}),
    ("AVIF", "RGBA", {"quality": 90}),
]


def pixels(content: bytes, *, strict: bool) -> bytes | None:
    """What a decoder makes of a file, or None where it refuses it."""
    ImageFile.LOAD_TRUNCATED_IMAGES = not strict
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(content)) as shown:
            shown.load()
            return shown.tobytes()
    except (OSError, ValueError, SyntaxError, struct.error):
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def is_whole(content: bytes) -> bool:
    try:
        inspect(BytesIO(content))
    except (NotAnImage, TruncatedImage):
        return False
    return True


@pytest.mark.parametrize(("form", "mode", "options"), FORMS, ids=str)
def test_a_picture_that_breaks_off_is_whole_only_if_all_of_it_can_be_shown(
    form: str, mode: str, options: Options
) -> None:
    content = encoded(form, mode, SIZE, **options)
    whole = pixels(content, strict=True)
    facts = inspect(BytesIO(content))
    assert (facts.width, facts.height) == SIZE
    ends = {*range(0, len(content), max(1, len(content) // 80)), *range(len(content) - 40, len(content))}
    for end in sorted(ends):
        if is_whole(content[:end]):
            # A padding byte may be what is missing, without which this decoder does not begin.
            shown = pixels(content[:end], strict=False) or pixels(content[:end] + b"\0", strict=True)
            assert shown == whole, f"taken for whole at {end} of {len(content)}"
        elif not (form == "TIFF" and end > len(content) - 8):
            assert pixels(content[:end], strict=True) is None, f"refused at {end} of {len(content)}"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
@pytest.mark.parametrize("tail", [b"\0" * 100, b"\xff\xd9" * 100, bytes(range(256)) * 800, b"ftypmp42" * 30_000])
def test_what_stands_behind_a_picture_is_nobodys_loss(form: str, tail: bytes) -> None:
    assert inspect(BytesIO(encoded(form, "RGB" if form != "GIF" else "P", SIZE) + tail)).width == SIZE[0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"subsampling": 0},
        {"restart_marker_blocks": 1},
        {"optimize": True},
        {"progressive": True},
        {"progressive": True, "subsampling": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (93, 61), (640, 480)])
def test_a_jpeg_without_its_end_mark_is_whole_if_its_scan_is(options: Options, size: tuple[int, int]) -> None:
    content = encoded("JPEG", "RGB", size, **options)
    assert content.endswith(b"\xff\xd9")
    assert is_whole(content[:-2])
    assert is_whole(content[:-1])
    assert not is_whole(content[: -len(content) // 20 - 4])


def test_the_end_mark_of_a_thumbnail_is_not_the_pictures() -> None:
    thumbnail = encoded("JPEG", "RGB", (16, 12))
    content = encoded("JPEG", "RGB", (320, 240), exif=b"Exif\0\0" + thumbnail)
    assert is_whole(content)
    for part in (0.3, 0.5, 0.9, 0.99):
        assert not is_whole(content[: int(len(content) * part)])
    assert not is_whole(content[: content.index(b"\xff\xd9") + 2])


def test_several_pictures_one_behind_the_other_are_the_first_one() -> None:
    first, second = encoded("JPEG", "RGB", SIZE), encoded("JPEG", "RGB", (16, 12))
    assert inspect(BytesIO(first + second)).width == SIZE[0]


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animation_is_whole_with_its_last_picture(form: str) -> None:
    frames = [noise("RGB", SIZE).rotate(90 * place).resize(SIZE) for place in range(3)]
    buffer = BytesIO()
    frames[0].save(buffer, form, save_all=True, append_images=frames[1:], duration=100)
    content = buffer.getvalue()
    assert inspect(BytesIO(content)).width == SIZE[0]
    if form != "PNG":  # an animated PNG's first picture is a picture of its own
        assert not is_whole(content[: len(content) * 4 // 5])


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_a_picture_that_claims_more_than_it_has_is_refused(form: str) -> None:
    content = bytearray(encoded(form, "RGB" if form != "GIF" else "P", (64, 48)))
    if form == "PNG":
        content[16:24] = struct.pack(">II", 640, 480)
    elif form == "JPEG":
        frame = content.index(b"\xff\xc0")
        content[frame + 5 : frame + 9] = struct.pack(">HH", 3000, 65535)
    elif form == "WEBP":
        content[4:8] = struct.pack("<I", 40)
    elif form == "BMP":
        content[18:26] = struct.pack("<ii", 640, 480)
    elif form == "GIF":
        picture = content.index(b"\x2c\0\0\0\0")
        content[picture + 5 : picture + 9] = struct.pack("<HH", 640, 480)
    else:
        del content[200:-200]
    assert not is_whole(bytes(content))


def test_a_png_without_data_is_refused() -> None:
    content = encoded("PNG", "RGB", SIZE)
    begin = content.index(b"IDAT") - 4
    end = content.rindex(b"IEND") - 4
    assert not is_whole(content[:begin] + content[end:])
    assert not is_whole(content[:begin] + b"\0\0\0\0IDAT\0\0\0\0" + content[end:])


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    ],
)
def test_a_format_that_is_not_stored_is_refused_by_its_name(content: bytes, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=name):
        inspect(BytesIO(content + b"\0" * 100))


def test_what_may_run_is_told_from_a_page_that_may_give_way_to_a_picture() -> None:
    for document in (b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\n<?xml version='1.0'?>\n<SVG/>"):
        with pytest.raises(Script):
            inspect(BytesIO(document))
    for page in (b"", b"<html>not ready</html>", b'{"error": "not ready"}'):
        with pytest.raises(NotAnImage) as caught:
            inspect(BytesIO(page))
        assert not isinstance(caught.value, Script)
