"""Forms with files (`multipart/form-data`, RFC 7578), as clients upload pictures: fields, and files as data."""

import base64
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from darkroom.dialects.refusals import ErrorKind, Refusal

MOST_PARTS = 100
MOST_FIELD = 64 * 1024
"""Bytes of a field that is no file."""
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)
FILES = frozenset({"image", "mask", "images"})
"""Fields that are files, also where they come without a file's name."""


def is_form(content_type: str) -> bool:
    """Whether a body of this type is a form with files."""
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


def read_form(content_type: str, body: bytes) -> dict[str, Any]:
    """The fields of a form; a file is a `data:` address. A field that is there several times, or `name[]`, is a list.

    Raises `Refusal`.
    """
    head = f"content-type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    named = BytesParser(policy=HTTP).parsebytes(head, headersonly=True).get_boundary() or ""
    count = body.count(b"--" + named.encode("latin-1", "replace")) - 1 if named else 0
    if count <= 0:
        raise Refusal(ErrorKind.MALFORMED, "the form has no parts: its boundary is not the one that content-type names")
    if count > MOST_PARTS:  # counted before any of them is taken apart
        raise Refusal(ErrorKind.MALFORMED, f"the form has {count} parts: use at most {MOST_PARTS}")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    fields: dict[str, Any] = {}
    for part in message.iter_parts() if isinstance(message, EmailMessage) else ():
        name, value = _field(part)
        bare = name.removesuffix("[]")
        if bare in fields or name.endswith("[]"):
            known = fields.get(bare, [])
            fields[bare] = [*(known if isinstance(known, list) else [known]), value]
        else:
            fields[bare] = value
    return fields


def _field(part: Message) -> tuple[str, str]:
    name = part.get_param("name", header="content-disposition")
    if not isinstance(name, str) or not name:
        raise Refusal(ErrorKind.MALFORMED, "a part of the form has no name")
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise Refusal(ErrorKind.MALFORMED, f"the field {name[:80]} of the form can't be read")
    if part.get_filename() is not None or name.removesuffix("[]") in FILES:
        return name, _data(part, content, name)
    if len(content) > MOST_FIELD:
        raise Refusal(ErrorKind.BAD_FIELD, f"{name[:80]} has {len(content)} bytes: use at most {MOST_FIELD}", name[:80])
    try:
        return name, content.decode()
    except UnicodeDecodeError as error:
        raise Refusal(ErrorKind.BAD_FIELD, f"{name[:80]} is not UTF-8", name[:80]) from error


def _data(part: Message, content: bytes, name: str) -> str:
    if not content:
        raise Refusal(ErrorKind.BAD_FIELD, f"the file of {name[:80]} is empty", name[:80])
    if content.startswith((b"http://", b"https://", b"data:")) and len(content) <= MOST_FIELD:
        return content.decode("latin-1").strip()
    kind = part.get_content_type()
    kind = kind if kind.startswith("image/") else _kind_of(content)
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _kind_of(content: bytes) -> str:
    """The type of a picture that came as `application/octet-stream`."""
    if content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for signature, kind in _SIGNATURES if content.startswith(signature)), "image/png")
