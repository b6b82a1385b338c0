"""What the demo draws: whole PNG files, held to Pillow's reading of them."""

import io
import tracemalloc

import pytest
from PIL import Image

from darkroom.demo.jobs import LARGEST_AREA
from darkroom.demo.pictures import draw


@pytest.mark.parametrize(("width", "height"), [(256, 256), (1024, 576), (355, 1065), (3547, 1182)])
def test_a_picture_is_a_whole_png_of_the_size_that_was_asked_for(width: int, height: int) -> None:
    picture = Image.open(io.BytesIO(draw(b"seed", width, height)))
    picture.load()
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (width, height))
    colours = picture.getcolors(maxcolors=width * height)
    assert colours
    assert len(colours) > 100, "it is meant to be looked at"


def test_the_same_seed_gives_the_same_picture_and_another_seed_another() -> None:
    assert draw(b"one", 320, 320) == draw(b"one", 320, 320)
    assert draw(b"one", 320, 320) != draw(b"two", 320, 320)


def test_the_largest_picture_fits_into_an_answer_and_into_memory() -> None:
    """A function answers with 6 MB at the most, of which base64 takes a third (AWS: Lambda quotas)."""
    side = int(LARGEST_AREA**0.5)
    tracemalloc.start()
    sizes = [len(draw(bytes([number]), side, side)) for number in range(3)]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert max(sizes) < 4_000_000
    assert most < 16_000_000
