"""Pictures without what is none of the picture."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from darkroom.images.format import inspect
from darkroom.images.metadata import STRIPPED, without_metadata
from tests.unit.images.test_whole_images import SIZE, noise, pixels

SECRET = b"52.5200 N 13.4050 E, Ada's telephone"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}


def exif(orientation: int) -> Image.Exif:
    written = Image.Exif()
    written[0x0112] = orientation
    written[0x010E] = SECRET.decode()
    return written


def chatty(form: str, orientation: int = 6, **options: Any) -> bytes:
    """A picture that says more than it shows, in all the places that its format has."""
    if form == "PNG":
        texts = PngInfo()
        texts.add_text("Comment", SECRET.decode())
        texts.add_itxt("XML:com.adobe.xmp", SECRET.decode())
        options["pnginfo"] = texts
    if form in {"JPEG", "WEBP"}:
        options["xmp"] = SECRET
    if form in {"JPEG", "GIF"}:
        options["comment"] = SECRET
    if form != "GIF":
        options |= {"exif": exif(orientation), "icc_profile": PROFILE}
    buffer = BytesIO()
    noise("P" if form == "GIF" else "RGB", SIZE).save(buffer, form, **options)
    return buffer.getvalue() + SECRET


def stripped(content: bytes, form: str) -> bytes:
    return b"".join(without_metadata(BytesIO(content), TYPES[form]))


@pytest.mark.parametrize("form", TYPES)
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"lossless": True}], ids=str)
def test_nothing_is_left_but_the_picture(form: str, options: dict[str, Any]) -> None:
    content = chatty(form, **options)
    assert SECRET in content
    bare = stripped(content, form)
    assert SECRET not in bare
    assert b"Ada" not in bare
    assert pixels(bare, strict=True) == pixels(content, strict=True)
    assert inspect(BytesIO(bare)) == inspect(BytesIO(content))
    assert stripped(bare, form) == bare


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_what_decides_how_it_looks_stays(form: str, orientation: int) -> None:
    shown = Image.open(BytesIO(stripped(chatty(form, orientation), form)))
    assert shown.info.get("icc_profile") == PROFILE
    assert shown.getexif().get(0x0112, 1) == orientation
    assert 0x010E not in shown.getexif()


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_goes_on_moving(form: str) -> None:
    frames = [noise("RGB", SIZE).rotate(90 * place) for place in range(3)]
    buffer = BytesIO()
    frames[0].save(buffer, form, save_all=True, append_images=frames[1:], duration=70, loop=0)
    bare = Image.open(BytesIO(stripped(buffer.getvalue() + SECRET, form)))
    assert getattr(bare, "n_frames", 1) == 3
    assert bare.info.get("loop") == 0
    assert SECRET not in stripped(buffer.getvalue() + SECRET, form)


def test_a_missing_end_is_put_there() -> None:
    for form, end in (("JPEG", b"\xff\xd9"), ("GIF", b";"), ("PNG", b"IEND\xaeB`\x82")):
        buffer = BytesIO()
        noise("P" if form == "GIF" else "RGB", SIZE).save(buffer, form)
        whole = buffer.getvalue()
        assert pixels(stripped(whole[: -len(end)], form), strict=True) == pixels(whole, strict=True)


def test_a_gif_that_is_a_script_as_well_is_a_gif_alone() -> None:
    content = chatty("GIF").removesuffix(SECRET) + b"*/=1;alert(document.domain)//"
    assert b"alert" not in stripped(content, "GIF")


def test_every_type_that_can_be_rewritten_is_tried() -> None:
    assert set(TYPES.values()) == STRIPPED
