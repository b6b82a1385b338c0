"""Providers' real manners: whatever envelope, spelling or shape an answer comes in, it reads the same."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.providers.base import OutcomeUnknown, QueryFailed, Refused, Ticket, Unreadable
from darkroom.providers.registry import adapter
from darkroom.tasks.failure import ErrorCode
from darkroom.tasks.update import Status, Update
from tests.pictures import picture
from tests.unit.providers.samples import ScriptedUpstream, polled, sample
from tests.unit.providers.test_conformance import ASKED, WITH_CALLBACKS, order, ticket

PROVIDERS = [name for name in ASKED if name != "demo"]
CALLING = [name for name in PROVIDERS if name in WITH_CALLBACKS]
LINK = "https://files.example/a.png"
DATA = base64.b64encode(picture()).decode()
JOBS = {name: ticket(name).upstream_id for name in PROVIDERS}


def looked_up(provider: str, content: Any) -> Update:
    """What a look makes of an answer, as chanjing's own envelope has it where there is none."""
    asked = Ticket(JOBS[provider], "m")
    if provider == "chanjing" and "code" not in content:
        content = {"code": 0, "msg": "success", "data": content}
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return adapter(provider).query([asked], polled(provider, body))[asked.upstream_id]


def called_back(provider: str, content: Any) -> Update:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return adapter(provider).read_callback(body, [JOBS[provider]])


def task(provider: str, **fields: Any) -> dict[str, Any]:
    return {"id": JOBS[provider], **fields}


# Envelopes, packing, spelling

Wrap = Callable[[Mapping[str, Any]], Any]
ENVELOPES: dict[str, Wrap] = {
    "bare": lambda inner: inner,
    "code, msg, data": lambda inner: {"code": 200, "msg": "ok", "data": inner},
    "zero as a text": lambda inner: {"code": "0", "message": "success", "data": inner},
    "zero as a float": lambda inner: {"code": 0.0, "data": inner},
    "result": lambda inner: {"success": True, "result": inner},
    "response": lambda inner: {"status": "success", "response": inner},
    "twice": lambda inner: {"code": 0, "data": {"data": inner}},
    "alone in a list": lambda inner: {"code": 200, "data": [inner]},
    "a list of one": lambda inner: [inner],
    "JSON in a text": lambda inner: {"code": 200, "data": json.dumps(inner)},
    "task": lambda inner: {"task": inner, "request_id": "r-1"},
    "status of the call": lambda inner: {"status": 200, "data": inner},
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda body: body,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "space around": lambda body: b"\r\n " + body + b"\n",
}
SAMPLES = [
    (name, kind)
    for name in CALLING
    for kind in ("query.processing", "query.completed", "query.failed", "callback.completed", "callback.failed")
    if (name, kind) != ("fal", "query.failed")  # an HTTP error's body, not a task's
]


@pytest.mark.parametrize(("provider", "kind"), SAMPLES)
@settings(deadline=None, max_examples=40)
@given(envelope=st.sampled_from(list(ENVELOPES)), packing=st.sampled_from(list(PACKINGS)), shout=st.booleans())
def test_a_documented_answer_reads_the_same_in_any_envelope_packing_and_case(
    provider: str, kind: str, envelope: str, packing: str, shout: bool
) -> None:
    content = json.loads(sample(provider, kind))
    read = called_back if kind.startswith("callback") else lambda name, body: adapter(name).query(
        [Ticket(JOBS[name], "m")], polled(name, body)
    )[JOBS[name]]  # fmt: skip
    plain = read(provider, json.dumps(content).encode())
    if shout and "status" in content:
        content["status"] = content["status"].upper()
    body = PACKINGS[packing](json.dumps(ENVELOPES[envelope](content)).encode())
    # An envelope's own word may be taken for the state of a task that has none: it is asked about once more.
    assert replace(read(provider, body), doubt="") == plain


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("envelope", ENVELOPES)
def test_an_acceptance_is_found_in_any_envelope(provider: str, envelope: str) -> None:
    content = ENVELOPES[envelope](json.loads(sample(provider, "submit.answer")))
    update = adapter(provider).submit(order(provider), ScriptedUpstream((200, json.dumps(content).encode())))
    assert update.upstream_id == JOBS[provider]


@pytest.mark.parametrize("provider", PROVIDERS)
@given(number=st.integers(10**17, 10**24))
@settings(deadline=None, max_examples=20)
def test_a_whole_number_is_an_id_and_stays_exact(provider: str, number: int) -> None:
    content: Any = json.loads(sample(provider, "submit.answer"))
    holder = content["data"] if isinstance(content.get("data"), dict) else content
    holder[next(name for name in ("task_id", "taskId", "id", "request_id", "data") if name in holder)] = number
    update = adapter(provider).submit(order(provider), ScriptedUpstream((200, json.dumps(content).encode())))
    assert update.upstream_id == str(number)


def test_a_body_that_unpacks_without_end_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        called_back("evolink", gzip.compress(b'{"status": "completed", "a": "' + b"x" * 20_000_000 + b'"}'))
    with pytest.raises(Unreadable):
        called_back("evolink", gzip.compress(json.dumps(task("evolink", status="failed")).encode())[:-9])


# States

DONE = ["success", "succeeded", "SUCCESS", "succeed", "finished", "Completed", "done", "partial_success", "PARTIAL SUCCESS",
        "TASK_STATUS_SUCCEED", "已完成", "成功", "완료", "ready"]  # fmt: skip
FAILED = ["error", "timeout", "rejected", "failure", "FAILED", "fail", "Timed-Out", "expired", "失败", "실패"]
RUNNING = [
    "queued",
    "PENDING",
    "in_progress",
    "in progress",
    "IN_QUEUE",
    "generating",
    "submitted",
    "NOT_START",
    "处理中",
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("word", DONE)
def test_every_word_for_done_is_done(provider: str, word: str) -> None:
    update = looked_up(provider, task(provider, status=word, results=[LINK]))
    assert (update.status, [image.url for image in update.images]) == (Status.COMPLETED, [LINK])
    assert looked_up(provider, task(provider, state=word, images=[{"url": LINK}])).status is Status.COMPLETED


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("word", [*FAILED, "cancelled"])
def test_every_word_for_failed_brings_the_error_beside_it(provider: str, word: str) -> None:
    update = looked_up(provider, task(provider, status=word, error={"code": "e-1", "message": "the easel fell over"}))
    assert update.status is Status.FAILED
    assert update.failure is not None
    assert "the easel fell over" in update.failure.message
    assert looked_up(provider, task(provider, status=word)).status.terminal


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("word", RUNNING)
def test_a_running_task_runs_whatever_lies_beside_it(provider: str, word: str) -> None:
    update = looked_up(provider, task(provider, status=word, results=[LINK], progress="40%"))
    assert not update.status.terminal
    assert (update.images, update.progress, update.doubt) == ((), 40, "")


@pytest.mark.parametrize("provider", CALLING)
def test_pictures_beside_an_unknown_word_are_taken(provider: str) -> None:
    for read in (looked_up, called_back):
        assert read(provider, task(provider, status="harvested", results=[LINK])).status is Status.COMPLETED
        assert read(provider, task(provider, status=7, results=[LINK])).status is Status.COMPLETED
        assert read(provider, task(provider, results=[LINK])).status is Status.COMPLETED


DOUBTFUL: list[dict[str, Any]] = [
    {"status": "completed", "results": []},
    {"status": "completed"},
    {"status": "completed", "results": ["not a link", None, {}]},
    {"status": "completed", "results": {"portrait": "x"}},
    {"status": "harvested"},
    {"status": "harvested", "error": {"code": "x", "message": "maybe"}},
]


@pytest.mark.parametrize("provider", CALLING)
@pytest.mark.parametrize("content", DOUBTFUL, ids=str)
def test_what_is_not_understood_is_asked_about_and_decides_nothing(provider: str, content: dict[str, Any]) -> None:
    if provider != "fal" or "error" not in content:  # fal says that a request is over before it tells its result
        update = looked_up(provider, task(provider, **content))
        assert not update.status.terminal
        assert update.doubt
    with pytest.raises(Unreadable):
        called_back(provider, task(provider, **content))


def test_a_doubt_names_fields_and_types_and_nothing_that_they_hold() -> None:
    update = looked_up("evolink", task("evolink", status="completed", results=["a secret"], note={"prompt": "a fox"}))
    assert "results: [str] * 1" in update.doubt
    assert "note: {prompt: str}" in update.doubt
    assert "secret" not in update.doubt
    assert "fox" not in update.doubt


def test_a_look_that_is_refused_says_nothing_of_its_task() -> None:
    for content in ({"error": {"code": "rate_limit", "message": "x"}}, {"code": 404, "msg": "no such task"}):
        with pytest.raises(QueryFailed):
            adapter("evolink").query([Ticket("x", "m")], ScriptedUpstream((200, json.dumps(content).encode())))


def test_acedata_tells_of_a_failure_without_saying_success() -> None:
    content = {"task_id": JOBS["acedata"], "error": {"code": "bad_request", "message": "the easel fell over"}}
    for update in (called_back("acedata", content), looked_up("acedata", {"id": JOBS["acedata"], "response": content})):
        assert update.status is Status.FAILED
        assert update.failure is not None
        assert "easel" in update.failure.message


# Pictures

SHAPES: list[tuple[Any, list[str]]] = [
    ([LINK], [LINK]),
    ([{"url": LINK}], [LINK]),
    ([{"image_url": LINK}], [LINK]),
    ([{"imageUrl": LINK}], [LINK]),
    ([{"image_url": {"url": LINK}}], [LINK]),
    ([{"image": {"url": LINK}}], [LINK]),
    ([{"url": [LINK, LINK + "?2"]}], [LINK, LINK + "?2"]),
    ([[LINK]], [LINK]),
    ([[{"url": LINK}], [{"url": LINK + "?2"}]], [LINK, LINK + "?2"]),
    (LINK, [LINK]),
    (f"{LINK},{LINK}?2", [LINK, LINK + "?2"]),
    (f"{LINK}\n{LINK}?2\n", [LINK, LINK + "?2"]),
    ({"url": LINK}, [LINK]),
    ({"images": [LINK]}, [LINK]),
    ({"0": LINK, "1": LINK + "?2"}, [LINK, LINK + "?2"]),
    (json.dumps([LINK]), [LINK]),
    ([f" {LINK}\n"], [LINK]),
    ([LINK.replace("https", "HTTPS")], [LINK]),
    ([LINK.removeprefix("https:")], [LINK]),
    ([LINK.replace("/", "\\/")], [LINK]),
    ([None, {"url": LINK}], ["", LINK]),
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("shape", "links"), SHAPES, ids=str)
def test_a_list_of_pictures_may_have_any_shape(provider: str, shape: Any, links: list[str]) -> None:
    for name in ("results", "images", "output", "data"):
        update = looked_up(provider, task(provider, status="completed", **{name: shape}))
        assert [image.url for image in update.images] == links, name
        assert update.status is Status.COMPLETED


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "entry", [{"b64_json": DATA}, {"image_base64": DATA}, f"data:image/png;base64,{DATA}", DATA, {"url": f"data:image/png;base64,{DATA}"}]
)  # fmt: skip
def test_pictures_may_come_as_data(provider: str, entry: Any) -> None:
    (image,) = looked_up(provider, task(provider, status="completed", results=[entry])).images
    assert image.base64.endswith(DATA)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_one_of_several_pictures_can_fail_by_itself(provider: str) -> None:
    shape = [{"url": LINK}, {"error": {"code": "content_policy_violation", "message": "the second one"}}]
    first, second = looked_up(provider, task(provider, status="completed", results=shape)).images
    assert first.url == LINK
    assert second.failure is not None
    assert (second.failure.code, "the second one" in second.failure.message) == (ErrorCode.CONTENT_POLICY, True)


@pytest.mark.parametrize("provider", CALLING)
def test_what_a_callback_repeats_of_the_request_is_no_picture(provider: str) -> None:
    repeated = {"request": {"image_urls": [LINK]}, "image_urls": [LINK], "image": LINK, "input": {"url": LINK}}
    with pytest.raises(Unreadable):
        called_back(provider, task(provider, status="completed", results=[], **repeated))


# Refusals inside a 200

REFUSING: list[dict[str, Any]] = [
    {"error": {"code": "invalid_parameters", "message": "no such size"}},
    {"success": False, "error": {"code": "invalid_parameters", "message": "no such size"}},
    {"success": False, "message": "no such size"},
    {"code": 400, "msg": "no such size", "data": None},
    {"error": "no such size"},
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("content", REFUSING, ids=str)
def test_a_200_that_says_no_is_the_providers_own_refusal(provider: str, content: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        adapter(provider).submit(order(provider), ScriptedUpstream((200, json.dumps(content).encode())))
    assert caught.value.failure.code is ErrorCode.INVALID_REQUEST
    assert "no such size" in caught.value.failure.message


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "content",
    [
        {"error": {"code": "internal_error", "message": "x"}},
        {"code": 500, "msg": "x"},
        {"message": "x"},
        {"success": True},
    ],
    ids=str,
)
def test_a_200_that_may_have_made_a_job_leaves_the_outcome_unknown(provider: str, content: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(provider).submit(order(provider), ScriptedUpstream((200, json.dumps(content).encode())))
