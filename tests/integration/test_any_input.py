"""Whatever comes in by any door, the answer is that door's own: no 5xx, no stranger's envelope, no words of Python's."""

import base64
import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.deployment import API_KEY, call, deployed, event
from tests.unit.dialects.tasks import SUBMISSIONS

PYTHONS = re.compile(
    r"Traceback|codec can|NoneType|object has no|Exceeds the limit|surrogates|not JSON serializable|unhashable"
    r"|(?:Key|Type|Value|Attribute|Unicode\w*|Recursion|Overflow)Error|<class|\bNone\b|ascii"
)
OWN: dict[str, Callable[[Any], bool]] = {
    "qingbo": lambda body: {"code", "message"} <= body["error"].keys(),
    "evolink": lambda body: {"code", "message", "type"} <= body["error"].keys(),
    "chanjing": lambda body: {"code", "msg", "trace_id"} <= body.keys(),
    "deepspace": lambda body: {"message", "type"} <= body["error"].keys(),
    "acedata": lambda body: body["success"] is False and {"code", "message"} <= body["error"].keys(),
    "openai": lambda body: {"message", "type", "param", "code"} == body["error"].keys() - {"task_id"},
    "ark": lambda body: {"code", "message", "param", "type"} == body["error"].keys() - {"task_id"},
    "": lambda body: {"code", "message", "request_id"} <= body["error"].keys(),
}
HALVES = ['"\\ud83d"', '"a\\ude00b"', '["\\ud800"]', '{"\\udfff": 1}', '{"a": {"b": ["\\ud83d\\ud83d"]}}']
NUMBERS = ["1e400", "-1e999", "NaN", "-Infinity", "9" * 400, "9" * 5000, "-0", "1e-400", "0.1", "12345678901234567890"]
OTHERS = [
    "null",
    "true",
    '""',
    '" "',
    "[]",
    "{}",
    '"\\u0000"',
    '"\U0001f98a"',
    "[[[[[]]]]]",
    '{"url": null}',
    "[null]",
    '"' + "x" * 5000 + '"',
]
VALUES = st.sampled_from([*HALVES, *NUMBERS, *OTHERS])
NAMES = st.sampled_from(['"extra"', '"metadata"', '"surprise"', '"\\ud83d"', '"\\u0000"', '"n"', '"size"', '"image"', '"image_urls"', '"seed"', '"stream"', '"tools"', '"user"', '"callback_url"', '"size\\ud800"'])  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def deployment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch, deployed(monkeypatch):
        yield


def sent_to(door: str, path: str, body: str | bytes, method: str = "POST", **headers: str) -> Any:
    """The answer of a door, read as strictly as a client would."""
    sent = copy.deepcopy(event("http.dialect"))
    sent["rawPath"] = sent["requestContext"]["http"]["path"] = f"/{door}{path}" if door else path
    sent["requestContext"]["http"]["method"] = method
    sent["headers"] |= {"access_token": API_KEY, "authorization": f"Bearer {API_KEY}", **headers}
    raw = isinstance(body, bytes)
    sent["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    sent["isBase64Encoded"] = raw
    answer = call("dialects" if door else "submit", sent, seconds=3.0)
    assert json.dumps(answer, ensure_ascii=False).encode(), "what Lambda could not carry"
    return answer


def check(door: str, answer: Any) -> None:
    status, text = answer["statusCode"], answer["body"]
    assert status < 500 or status == 504, text
    assert {name.lower(): value for name, value in answer["headers"].items()}["content-type"] == "application/json"
    body = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    failed = status >= 400 or (door == "chanjing" and body["code"] != 0)
    if failed:
        assert OWN[door](body), text
        assert not PYTHONS.search(text), text
        assert door == "" or "request_id" not in text


def with_field(valid: dict[str, Any], name: str, value: str) -> str:
    """A body's text with one more field, last, as it is written."""
    kept = {key: each for key, each in valid.items() if json.dumps(key) != name}
    return json.dumps(kept)[:-1] + f", {name}: {value}}}"


DOORS = {
    **{name: SUBMISSIONS[name] for name in SUBMISSIONS},
    "": ("/v1/tasks", {"model": "seedream-4.5", "prompt": "x"}),
}
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("door", DOORS)
@QUICK
@given(data=st.data())
def test_any_value_of_any_field_is_taken_or_refused_in_the_doors_own_form(door: str, data: st.DataObject) -> None:
    path, valid = DOORS[door]
    name = data.draw(NAMES | st.sampled_from([json.dumps(key) for key in valid]))
    check(door, sent_to(door, path, with_field(valid, name, data.draw(VALUES))))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("value", [*HALVES, "1e400", "NaN", "9" * 5000])
def test_what_no_json_can_say_is_refused_by_its_field(door: str, value: str) -> None:
    path, valid = DOORS[door]
    for name in ('"surprise"', '"model"', '"sur\\ud83dprise"'):
        answer = sent_to(door, path, with_field(valid, name, value))
        check(door, answer)
        assert answer["statusCode"] >= 400 or door == "chanjing"
    if value in HALVES:
        assert "surprise" in sent_to(door, path, with_field(valid, '"surprise"', value))["body"]


@pytest.mark.parametrize("door", DOORS)
@QUICK
@given(body=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_answered(door: str, body: bytes) -> None:
    check(door, sent_to(door, DOORS[door][0], body))


@pytest.mark.parametrize("door", DOORS)
def test_a_byte_order_mark_is_no_obstacle(door: str) -> None:
    path, valid = DOORS[door]
    answer = sent_to(door, path, b"\xef\xbb\xbf" + json.dumps(valid).encode())
    check(door, answer)
    assert answer["statusCode"] in {200, 202, 504}


@pytest.mark.parametrize("door", DOORS)
@QUICK
@given(
    path=st.text(st.sampled_from("v1/tasks images%.\u0000é\U0001f98a"), max_size=30).map(lambda path: "/" + path),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
)
def test_any_path_is_answered(door: str, path: str, method: str) -> None:
    answer = sent_to(door, path, "{not json", method)
    if door:
        check(door, answer)


@pytest.mark.parametrize("door", [door for door in DOORS if door])
def test_a_route_that_is_not_there_is_not_found_before_its_body_is_read(door: str) -> None:
    for body in (b"\xff\xfe not JSON", b"{"):
        answer = sent_to(door, "/v9/nothing", body)
        check(door, answer)
        assert "nothing at POST" in answer["body"]


@pytest.mark.parametrize("door", [door for door in DOORS if door])
@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=x", "text/plain", 'multipart/x; boundary="\\"'],
)
def test_any_content_type_is_answered(door: str, content_type: str) -> None:
    path, valid = DOORS[door]
    for body in (
        b"--x\r\n\r\n--x--",
        json.dumps(valid).encode(),
        b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nv\r\n--x--',
    ):
        check(door, sent_to(door, path, body, **{"content-type": content_type}))
