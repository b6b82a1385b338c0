"""What every adapter does alike. A new provider is picked up from the registry, with its samples in `events/`."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.catalog.geometry import SQUARE, Expression, Pixels, Ratio, Resolution
from darkroom.catalog.provider import SYNCHRONOUS_PROTOCOLS
from darkroom.catalog.shipped import shipped_rows
from darkroom.providers.base import GenerationRequest, OutcomeUnknown, QueryFailed, Refused, Ticket, Unreadable
from darkroom.providers.registry import PROTOCOLS, UnknownProvider, adapter
from darkroom.settings import DEMO_PROVIDERS
from darkroom.tasks.failure import Disposition, ErrorCode
from darkroom.tasks.update import Status, Update
from tests.unit.providers.samples import KEY, ScriptedUpstream, errors, has_sample, polled, sample

EVERY = (*PROTOCOLS, "demo")
"""The protocols, each under its own name, and the demo that speaks one."""
SHAPES = {
    "qingbo": Expression(ratio=Ratio(16, 9), resolution=Resolution.TWO_K),
    "evolink": Expression(pixels=Pixels(2048, 2048)),
    "chanjing": Expression(ratio=Ratio(3, 4), resolution=Resolution.TWO_K),
    "deepspace": Expression(ratio=SQUARE, resolution=Resolution.TWO_K),
    "acedata": Expression(resolution=Resolution.TWO_K),
    "ark": Expression(pixels=Pixels(2048, 2048)),
    "openai-images": Expression(pixels=Pixels(2048, 2048)),
    "openai-images-by-link": Expression(resolution=Resolution.TWO_K),
    "fal": Expression(pixels=Pixels(2048, 2048)),
    "replicate": Expression(ratio=Ratio(3, 2), resolution=Resolution.TWO_K),
    "kie": Expression(ratio=SQUARE, resolution=Resolution.TWO_K),
    "wavespeed": Expression(pixels=Pixels(2048, 2048)),
    "demo": Expression(pixels=Pixels(1024, 1024)),
}
MODELS = {
    "qingbo": "seedream-4.5",
    "evolink": "doubao-seedream-4.5",
    "chanjing": "doubao-seedream-3.0-t2i",
    "deepspace": "Seedream-4.5",
    "acedata": "doubao-seedream-4-0-250828",
    "ark": "doubao-seedream-4-5-251128",
    "openai-images": "seedream-4.5",
    "openai-images-by-link": "seedream-4.5",
    "fal": "fal-ai/bytedance/seedream/v4.5/text-to-image",
    "replicate": "bytedance/seedream-4.5",
    "kie": "seedream/4.5-text-to-image",
    "wavespeed": "bytedance/seedream-v4.5",
    "demo": "demo-picture",
}
AT_ONCE = [name for name in EVERY if adapter(name).traits.synchronous_only]
ASKED = [name for name in EVERY if name not in AT_ONCE]
"""Those whose tasks can be asked about."""
WITH_CALLBACKS = [name for name in EVERY if adapter(name).traits.calls_back]
ERRORS = [(name, *error) for name in EVERY for error in errors(name)]
# What breaks inside a provider may break after the job was made.
UNKNOWN = [
    error
    for error in ERRORS
    if (error[1] in {500, 502, 504} and error[0] not in AT_ONCE) or error[2] in {"50000", "500"}
]
EXPECTED = {
    "insufficient_quota": (ErrorCode.INSUFFICIENT_CREDITS, Disposition.ELSEWHERE),
    "used_up": (ErrorCode.INSUFFICIENT_CREDITS, Disposition.ELSEWHERE),
    "moderation": (ErrorCode.CONTENT_POLICY, Disposition.FINAL),
    "exhausted_balance": (ErrorCode.INSUFFICIENT_CREDITS, Disposition.ELSEWHERE),
    "AccountOverdueError": (ErrorCode.INSUFFICIENT_CREDITS, Disposition.ELSEWHERE),
    "ModelNotOpen": (ErrorCode.PROVIDER_AUTH, Disposition.ELSEWHERE),
    "SetLimitExceeded": (ErrorCode.PROVIDER_AUTH, Disposition.ELSEWHERE),
    "InternalServiceError": (ErrorCode.PROVIDER_UNAVAILABLE, Disposition.ELSEWHERE),
    "InputTextSensitiveContentDetected": (ErrorCode.CONTENT_POLICY, Disposition.FINAL),
    "OutputImageRiskDetection": (ErrorCode.CONTENT_POLICY, Disposition.FINAL),
    "content_policy_violation": (ErrorCode.CONTENT_POLICY, Disposition.FINAL),
    "moderation_blocked": (ErrorCode.CONTENT_POLICY, Disposition.FINAL),
    "401": (ErrorCode.PROVIDER_AUTH, Disposition.ELSEWHERE),
    "402": (ErrorCode.INSUFFICIENT_CREDITS, Disposition.ELSEWHERE),
    "429": (ErrorCode.RATE_LIMITED, Disposition.LATER),
    "455": (ErrorCode.PROVIDER_UNAVAILABLE, Disposition.ELSEWHERE),
    402: (ErrorCode.INSUFFICIENT_CREDITS, Disposition.ELSEWHERE),
    "10400": (ErrorCode.PROVIDER_AUTH, Disposition.ELSEWHERE),
    "40001": (ErrorCode.RATE_LIMITED, Disposition.LATER),
    400: (ErrorCode.INVALID_REQUEST, Disposition.FINAL),
    401: (ErrorCode.PROVIDER_AUTH, Disposition.ELSEWHERE),
    403: (ErrorCode.PROVIDER_AUTH, Disposition.ELSEWHERE),
    404: (ErrorCode.INVALID_REQUEST, Disposition.FINAL),
    413: (ErrorCode.INVALID_REQUEST, Disposition.FINAL),
    429: (ErrorCode.RATE_LIMITED, Disposition.LATER),
    503: (ErrorCode.PROVIDER_UNAVAILABLE, Disposition.ELSEWHERE),
}


def order(provider: str, *, callback: bool = False) -> GenerationRequest:
    url = "https://gateway.example/callbacks/x" if callback else ""
    return GenerationRequest(MODELS[provider], "a lighthouse", SHAPES[provider], callback_url=url)


def ticket(provider: str) -> Ticket:
    """A ticket for the task that the provider's samples speak of."""
    upstream = ScriptedUpstream((200, sample(provider, "submit.answer")))
    return Ticket(adapter(provider).submit(order(provider), upstream).upstream_id, MODELS[provider])


def test_an_unknown_provider_has_no_adapter() -> None:
    with pytest.raises(UnknownProvider):
        adapter("nobody")


def test_the_demo_has_two_names_and_is_no_provider_that_anybody_would_name() -> None:
    assert [adapter(name).name for name in DEMO_PROVIDERS] == list(DEMO_PROVIDERS)
    assert not set(DEMO_PROVIDERS) & set(shipped_rows()["providers"])


@pytest.mark.parametrize("provider", ASKED)
def test_an_accepted_submission_gives_the_id_to_look_by(provider: str) -> None:
    upstream = ScriptedUpstream((200, sample(provider, "submit.answer")))
    update = adapter(provider).submit(order(provider), upstream)
    assert update.upstream_id
    assert update.status in {Status.QUEUED, Status.PROCESSING}
    (request,) = upstream.requests
    assert request.method == "POST"
    assert KEY in json.dumps(dict(request.headers))
    assert KEY not in json.dumps(request.json)


@pytest.mark.parametrize("provider", AT_ONCE)
def test_an_answer_that_is_the_pictures_is_the_end(provider: str) -> None:
    update = adapter(provider).submit(order(provider), ScriptedUpstream((200, sample(provider, "sync.answer"))))
    assert (update.status, len(update.images)) == (Status.COMPLETED, 2)
    with pytest.raises(QueryFailed):
        adapter(provider).query([Ticket("x", "m")], ScriptedUpstream())


def test_those_whose_answer_is_the_pictures_are_known_to_the_catalog() -> None:
    jobs_or_pictures = {name for name in PROTOCOLS if adapter(name).traits.answers_with_jobs}
    assert set(AT_ONCE) <= SYNCHRONOUS_PROTOCOLS <= set(AT_ONCE) | jobs_or_pictures


@pytest.mark.parametrize("provider", ASKED)
def test_a_callback_address_is_given_where_the_provider_calls_back(provider: str) -> None:
    upstream = ScriptedUpstream((200, sample(provider, "submit.answer")))
    adapter(provider).submit(order(provider, callback=True), upstream)
    sent = upstream.requests[0]
    told = [*sent.query.values(), *(value for value in sent.json.values() if isinstance(value, str))]
    assert ("https://gateway.example/callbacks/x" in told) == (provider in WITH_CALLBACKS)


@pytest.mark.parametrize("provider", ASKED)
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("query.processing", Status.PROCESSING),
        ("query.completed", Status.COMPLETED),
        ("query.failed", Status.FAILED),
    ],
)
def test_a_look_tells_how_the_task_stands(provider: str, name: str, status: Status) -> None:
    asked = ticket(provider)
    content = sample(provider, name)
    upstream = polled(provider, content) if name != "query.processing" else ScriptedUpstream((200, content))
    if provider == "fal" and name == "query.failed":
        upstream.answers[-1] = (422, content)  # a result has the status of its model
    update = adapter(provider).query([asked], upstream)[asked.upstream_id]
    assert (Status.PROCESSING if update.status is Status.QUEUED else update.status) is status
    assert bool(update.images) == (status is Status.COMPLETED)
    assert bool(update.failure) == (status is Status.FAILED)
    assert all(image.url.startswith("https://") for image in update.images)
    if status is Status.COMPLETED:
        assert len(update.images) == 2


@pytest.mark.parametrize("provider", EVERY)
@pytest.mark.parametrize("status", [404, 429, 500, 502])
def test_a_look_without_an_answer_changes_nothing(provider: str, status: int) -> None:
    with pytest.raises(QueryFailed):
        adapter(provider).query([Ticket("x", "m")], ScriptedUpstream((status, b"<html>"), (status, b"<html>")))


@pytest.mark.parametrize(("provider", "status", "code", "content"), UNKNOWN)
def test_a_failure_inside_the_provider_does_not_prove_a_refusal(
    provider: str, status: int, code: str, content: bytes
) -> None:
    del code
    with pytest.raises(OutcomeUnknown):
        adapter(provider).submit(order(provider), ScriptedUpstream((status, content)))


@pytest.mark.parametrize("provider", EVERY)
@given(
    status=st.integers(500, 599), content=st.sampled_from([b"", b"<html>", b'{"error": {"code": "quota_exceeded"}}'])
)
def test_no_5xx_but_503_is_taken_for_a_refusal(provider: str, status: int, content: bytes) -> None:
    with pytest.raises(Refused if status == 503 else OutcomeUnknown):
        adapter(provider).submit(order(provider), ScriptedUpstream((status, content)))


@pytest.mark.parametrize(("provider", "status", "code", "content"), [error for error in ERRORS if error not in UNKNOWN])
def test_an_error_is_classified(provider: str, status: int, code: str, content: bytes) -> None:
    upstream = ScriptedUpstream((status, content))
    with pytest.raises(Refused) as caught:
        adapter(provider).submit(order(provider), upstream)
    failure = caught.value.failure
    fallback = EXPECTED.get(status, (ErrorCode.INVALID_REQUEST, Disposition.FINAL))
    assert (failure.code, failure.disposition) == EXPECTED.get(code, fallback)
    assert KEY not in str(caught.value)
    assert failure.message.startswith(provider)


@pytest.mark.parametrize("provider", EVERY)
@pytest.mark.parametrize("status", [502, 504, 520])
def test_a_proxys_word_leaves_the_outcome_unknown(provider: str, status: int) -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(provider).submit(order(provider), ScriptedUpstream((status, b"<html>Bad gateway</html>")))


@pytest.mark.parametrize("provider", EVERY)
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"data": null}', b"<html>"])
def test_an_acceptance_that_cannot_be_read_is_unknown(provider: str, content: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(provider).submit(order(provider), ScriptedUpstream((200, content)))


@pytest.mark.parametrize("provider", EVERY)
def test_an_unavailable_provider_was_not_reached_whatever_it_says(provider: str) -> None:
    with pytest.raises(Refused) as caught:
        adapter(provider).submit(order(provider), ScriptedUpstream((503, b"busy")))
    assert caught.value.failure.disposition is Disposition.ELSEWHERE


@pytest.mark.parametrize("provider", [name for name in EVERY if name != "chanjing"])
def test_a_rate_limit_says_when_to_come_back(provider: str) -> None:
    upstream = ScriptedUpstream((429, b"{}"))
    upstream.headers = {"retry-after": "7"}
    with pytest.raises(Refused) as caught:
        adapter(provider).submit(order(provider), upstream)
    assert caught.value.retry_after == 7
    assert caught.value.failure.disposition is Disposition.LATER


@pytest.mark.parametrize("provider", WITH_CALLBACKS)
def test_a_callback_is_read(provider: str) -> None:
    done = adapter(provider).read_callback(sample(provider, "callback.completed"))
    assert done.status is Status.COMPLETED
    assert len(done.images) == 1
    assert done.upstream_id == ticket(provider).upstream_id
    failed = adapter(provider).read_callback(sample(provider, "callback.failed"))
    assert failed.status is Status.FAILED
    assert failed.failure


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
STATES = ["status", "progress", "success", "error", "code", "message"]
RESULTS = ["id", "task_id", "results", "result", "images", "url", "data", "output", "response"]
WORDS = st.sampled_from([*STATES, *RESULTS])
SHAPED = st.dictionaries(WORDS, JSON | st.dictionaries(WORDS, JSON | st.lists(st.dictionaries(WORDS, JSON))))


@pytest.mark.parametrize("provider", EVERY)
@settings(max_examples=60, deadline=None)
@given(content=st.binary() | JSON.map(json.dumps).map(str.encode) | SHAPED.map(json.dumps).map(str.encode))
def test_a_hostile_body_is_unreadable_and_nothing_worse(provider: str, content: bytes) -> None:
    try:
        update = adapter(provider).read_callback(content)
    except Unreadable:
        return
    assert isinstance(update, Update)
    assert len(update.images) <= 15
    assert len(update.upstream_id) <= 256
    assert update.failure is None or (len(update.failure.message) < 340 and len(update.failure.upstream_code) <= 100)
    assert update.status is not Status.COMPLETED or update.images


@pytest.mark.parametrize("provider", EVERY)
@pytest.mark.parametrize("content", [b"[" * 10**5, b'{"a":' * 10**5, b'{"status": ' + b"9" * 10**5 + b"}"])
def test_a_deep_or_huge_body_is_unreadable(provider: str, content: bytes) -> None:
    with pytest.raises(Unreadable):
        adapter(provider).read_callback(content)


@pytest.mark.parametrize("provider", EVERY)
@settings(max_examples=40, deadline=None)
@given(content=SHAPED.map(json.dumps).map(str.encode))
def test_a_strange_look_brings_an_update_or_a_failure(provider: str, content: bytes) -> None:
    try:
        found = adapter(provider).query([Ticket("x", "m")], ScriptedUpstream((200, content), (200, content)))
    except QueryFailed:
        return
    assert all(isinstance(update, Update) for update in found.values())


def test_every_provider_has_its_samples() -> None:
    asked = ("submit.answer", "query.processing", "query.completed", "query.failed")
    for provider in EVERY:
        for name in ("submit.request", *(asked if provider in ASKED else ("sync.answer",))):
            assert has_sample(provider, name), f"{provider} lacks {name}"
        assert any(errors(provider))
