"""OpenAI's edits: files of a form, links or data, onto the references that every model takes."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.catalog.shipped import shipped_catalog
from darkroom.dialects.calls import Call, Submission
from darkroom.dialects.forms import MOST_PARTS, is_form, read_form
from darkroom.dialects.openai import OpenAI
from darkroom.dialects.openai_sizes import fitted
from darkroom.dialects.refusals import ErrorKind, Refusal
from tests.pictures import picture

PNG = picture()
DATA = "data:image/png;base64," + base64.b64encode(PNG).decode()
TYPE = "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxk"
Part = tuple[str, bytes | str] | tuple[str, bytes | str, str]


def form(*parts: Part) -> bytes:
    """A form as browsers and HTTP clients write it; a third element is a file's name."""
    written = b""
    for name, content, *file in parts:
        head = f'Content-Disposition: form-data; name="{name}"'
        head += f'; filename="{file[0]}"\r\nContent-Type: application/octet-stream' if file else ""
        body = content.encode() if isinstance(content, str) else content
        written += b"------WebKitFormBoundary7MA4YWxk\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n"
    return written + b"------WebKitFormBoundary7MA4YWxk--\r\n"


def edit(body: dict[str, Any], path: str = "/v1/images/edits") -> Submission:
    intent = OpenAI().read(Call("POST", path, {}, {}, body))
    assert isinstance(intent, Submission)
    return intent


@given(st.binary(min_size=1, max_size=3000))
def test_a_file_arrives_byte_for_byte(content: bytes) -> None:
    if b"--" in content or content.startswith((b"http", b"data:")):
        return
    read = read_form(TYPE, form(("prompt", "blue"), ("image", content, "in.png")))
    assert base64.b64decode(read["image"].partition(",")[2]) == content
    assert read["prompt"] == "blue"


def test_a_form_is_the_same_wish_as_json() -> None:
    body = read_form(TYPE, form(("image[]", PNG, "a.png"), ("image[]", PNG, "b.png"), ("prompt", "blue é"), ("n", "2")))
    made = edit(body)
    assert made.task["image_urls"] == [DATA, DATA]
    assert (made.task["action"], made.task["prompt"], made.task["n"]) == ("edit", "blue é", 2)
    links = {"images": [{"image_url": "https://a.example/x.png"}, {"image_url": {"url": "https://a.example/y.png"}}]}
    assert edit({"prompt": "blue", **links}).task["image_urls"] == [
        "https://a.example/x.png",
        "https://a.example/y.png",
    ]
    assert edit({"prompt": "blue", "image": DATA}).task["image_urls"] == [DATA]


def test_what_gpt_image_clients_send_with_an_edit_is_taken() -> None:
    fields = {"size": "1024x1024", "quality": "high", "background": "auto", "input_fidelity": "high", "user": "u"}
    made = edit({"prompt": "blue", "image": DATA, "model": "seedream-4.5", "output_format": "png", **fields})
    assert (fitted(made.task, shipped_catalog())["size"], made.base64, made.ignored) == (
        "1:1",
        True,
        ("input_fidelity",),
    )


@pytest.mark.parametrize(
    ("body", "trouble", "param"),
    [
        ({"prompt": "blue"}, ErrorKind.MISSING_FIELD, "image"),
        ({"image": DATA}, ErrorKind.MISSING_FIELD, "prompt"),
        ({"prompt": "blue", "image": DATA, "mask": DATA}, ErrorKind.BAD_FIELD, "mask"),
        ({"prompt": "blue", "images": [{"file_id": "file-1"}]}, ErrorKind.BAD_FIELD, "images[0].file_id"),
        ({"prompt": "blue", "image": DATA, "n": "eleven"}, ErrorKind.BAD_FIELD, "n"),
        ({"prompt": "blue", "image": [DATA, 7]}, ErrorKind.MISSING_FIELD, "image"),
    ],
)
def test_an_edit_is_refused_by_its_field(body: dict[str, Any], trouble: ErrorKind, param: str) -> None:
    with pytest.raises(Refusal) as caught:
        edit(body)
    assert (caught.value.kind, caught.value.param) == (trouble, param)


def test_variations_are_refused_with_the_way_to_what_there_is() -> None:
    with pytest.raises(Refusal, match="/v1/images/edits") as caught:
        edit({"image": DATA}, "/v1/images/variations")
    assert caught.value.kind is ErrorKind.UNKNOWN_CALL


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        b"------WebKitFormBoundary7MA4YWxk\r\n\r\nno name\r\n------WebKitFormBoundary7MA4YWxk--",
        form(*[("prompt", "x")] * (MOST_PARTS + 1)),
        form(("image", b"", "empty.png")),
        form(("prompt", b"\xff\xfe")),
        form(("prompt", "x" * 70_000)),
    ],
)
def test_a_form_that_cannot_be_read_is_the_callers_mistake(body: bytes) -> None:
    with pytest.raises(Refusal):
        read_form(TYPE, body)


@given(st.binary(max_size=300), st.text(max_size=40))
def test_no_form_breaks_the_reader(body: bytes, boundary: str) -> None:
    for content_type in (TYPE, f"multipart/form-data; boundary={boundary}", "multipart/form-data"):
        try:
            read_form(content_type, b"------WebKitFormBoundary7MA4YWxk\r\n" + body)
        except Refusal as refused:
            assert str(refused)


def test_a_form_is_known_by_its_type() -> None:
    assert is_form(TYPE)
    assert is_form("Multipart/Form-Data")
    assert not is_form("application/json")
