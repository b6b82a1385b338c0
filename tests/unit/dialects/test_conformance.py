"""What every dialect does alike. A new dialect is picked up from the registry."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from darkroom.api.request import read_request
from darkroom.catalog.routing import plan
from darkroom.catalog.shipped import shipped_catalog
from darkroom.dialects.calls import Call, Cancel, Form, LookUp, LookUpMany, Submission
from darkroom.dialects.refusals import ErrorKind, Refusal, refusal_of
from darkroom.dialects.registry import DIALECTS, UnknownDialect, dialect
from darkroom.providers.base import GenerationRequest, QueryFailed, Refused, Ticket
from darkroom.providers.registry import adapter
from darkroom.settings import Settings
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.update import Status
from tests.unit.dialects.tasks import EVENTS, MODELS, SUBMISSIONS, TASK_ID, lacks, post, sample, view
from tests.unit.providers.samples import ScriptedUpstream, errors

PROVIDERS = ("qingbo", "evolink", "chanjing", "deepspace", "acedata")
"""The providers whose own API is spoken here too."""
SEEDS: list[tuple[str, str, str]] = [
    ("qingbo", "/v1/tasks", "providers/qingbo/submit.request"),
    ("evolink", "/v1/images/generations", "providers/evolink/submit.request"),
    ("evolink", "/v1/images/generations", "dialects/evolink/references.request"),
    ("chanjing", "/open/v1/ai_creation/task/submit", "providers/chanjing/submit.request"),
    ("chanjing", "/open/v1/ai_creation/task/submit", "dialects/chanjing/references.request"),
    ("deepspace", "/v1/images/generations", "providers/deepspace/submit.request"),
    ("deepspace", "/v1/images/generations", "providers/deepspace/sync.request"),
    ("deepspace", "/v1/images/generations", "dialects/deepspace/edit.request"),
    ("acedata", "/seedream/images", "providers/acedata/submit.request"),
    ("acedata", "/seedream/images", "dialects/acedata/sync.request"),
    ("acedata", "/seedream/images", "dialects/acedata/seededit.request"),
    ("openai", "/v1/images/generations", "dialects/openai/generate.request"),
    ("openai", "/v1/images/generations", "dialects/openai/base64.request"),
    ("ark", "/api/v3/images/generations", "dialects/ark/generate.request"),
    ("ark", "/api/v3/images/generations", "dialects/ark/sequence.request"),
]
LOOKS: dict[str, Callable[[str], Call]] = {
    "qingbo": lambda task_id: Call("GET", f"/v1/tasks/{task_id}"),
    "evolink": lambda task_id: Call("GET", f"/v1/tasks/{task_id}"),
    "chanjing": lambda task_id: Call("GET", "/open/v1/ai_creation/task", query={"unique_id": task_id}),
    "deepspace": lambda task_id: Call("GET", f"/v1/images/Seedream/{task_id}"),
    "acedata": lambda task_id: post("/seedream/tasks", {"id": task_id, "action": "retrieve"}),
}
ANSWERS: list[tuple[str, str, dict[str, Any]]] = [
    ("qingbo", "query.completed", {}),
    ("qingbo", "query.failed", {"status": Status.FAILED}),
    ("qingbo", "query.processing", {"status": Status.PROCESSING}),
    ("evolink", "query.completed", {}),
    ("evolink", "query.failed", {"status": Status.FAILED}),
    ("evolink", "query.processing", {"status": Status.PROCESSING}),
    ("chanjing", "query.completed", {}),
    ("chanjing", "query.failed", {"status": Status.FAILED}),
    ("chanjing", "query.processing", {"status": Status.PROCESSING}),
    ("deepspace", "query.completed", {}),
    ("deepspace", "query.failed", {"status": Status.FAILED}),
    ("deepspace", "query.processing", {"status": Status.PROCESSING}),
    ("acedata", "query.completed", {}),
    ("acedata", "query.failed", {"status": Status.FAILED}),
    ("acedata", "query.processing", {"status": Status.PROCESSING}),
]


def submission(name: str, path: str, body: dict[str, Any]) -> Submission:
    intent = dialect(name).read(post(path, body))
    assert isinstance(intent, Submission)
    return intent


def test_an_unknown_dialect_is_not_spoken() -> None:
    with pytest.raises(UnknownDialect):
        dialect("nobody")


def test_every_provider_has_its_dialect() -> None:
    assert set(PROVIDERS) < set(DIALECTS)


@pytest.mark.parametrize(("name", "path", "request_sample"), SEEDS)
def test_a_request_that_a_seed_shows_is_accepted_and_somebody_can_do_it(
    name: str, path: str, request_sample: str
) -> None:
    body = sample(request_sample)
    intent = submission(name, path, body)
    assert intent.ignored == ()
    assert intent.model == (body.get("model") or body["model_code"])
    assert plan(read_request(intent.task, Settings({})), shipped_catalog(), available=PROVIDERS)


def test_every_request_sample_is_used() -> None:
    used = {name for _, _, name in SEEDS}
    asked = {"retrieve.request", "retrieve_batch.request", "page.request", "token.request"}
    for path in EVENTS.glob("*/*/*.request.json"):
        kind, name = path.parts[-3:-1]
        if name not in (PROVIDERS if kind == "providers" else DIALECTS):
            continue  # a provider whose API is spoken to it alone
        assert f"{path.parent.parent.name}/{path.parent.name}/{path.stem}" in used or path.stem in asked, path


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_submission_is_answered_as_the_seed_shows(name: str) -> None:
    intent = submission(name, *SUBMISSIONS[name])
    answer = dialect(name).answer(intent, [view(name, Status.PROCESSING)], "trace")
    assert answer.status == 200
    assert lacks(answer.body, sample(f"providers/{name}/submit.answer")) == []
    assert TASK_ID in json.dumps(answer.body)


@pytest.mark.parametrize(("name", "answer_sample", "state"), ANSWERS)
def test_a_look_is_answered_as_the_seed_shows(name: str, answer_sample: str, state: dict[str, Any]) -> None:
    intent = dialect(name).read(LOOKS[name](TASK_ID))
    assert intent == LookUp(TASK_ID)
    answer = dialect(name).answer(intent, [view(name, **state)], "trace")
    assert answer.status == 200
    assert lacks(answer.body, sample(f"providers/{name}/{answer_sample}")) == []


@pytest.mark.parametrize(
    ("name", "request_sample", "answer_sample"),
    [
        ("deepspace", "providers/deepspace/sync.request", "providers/deepspace/sync.answer"),
        ("acedata", "dialects/acedata/sync.request", "providers/acedata/sync.answer"),
        ("openai", "dialects/openai/generate.request", "dialects/openai/generate.answer"),
        ("openai", "dialects/openai/base64.request", "dialects/openai/base64.answer"),
        ("ark", "dialects/ark/generate.request", "dialects/ark/generate.answer"),
    ],
)
def test_a_synchronous_call_is_answered_as_the_seed_shows(name: str, request_sample: str, answer_sample: str) -> None:
    intent = submission(name, SUBMISSIONS[name][0], sample(request_sample))
    assert intent.form is Form.WAITING
    answer = dialect(name).answer(intent, [view(name, n=1, base64=intent.base64)], "trace")
    assert answer.status == 200
    assert lacks(answer.body, sample(answer_sample)) == []
    # Nothing that the seed does not have either.
    assert set(answer.body) == set(sample(answer_sample))


def test_a_batch_and_a_page_are_answered_as_the_seeds_show() -> None:
    batch = dialect("acedata").read(post("/seedream/tasks", sample("dialects/acedata/retrieve_batch.request")))
    assert isinstance(batch, LookUpMany)
    answer = dialect("acedata").answer(batch, [view("acedata"), view("acedata", Status.PROCESSING)], "trace")
    assert lacks(answer.body, sample("providers/acedata/batch.answer")) == []
    page = dialect("chanjing").read(post("/open/v1/ai_creation/task/page", sample("dialects/chanjing/page.request")))
    assert isinstance(page, LookUpMany)
    answer = dialect("chanjing").answer(page, [view("chanjing"), view("chanjing", Status.QUEUED)], "trace")
    assert lacks(answer.body, sample("providers/chanjing/page.answer")) == []


@pytest.mark.parametrize("name", DIALECTS)
def test_every_trouble_has_an_answer_in_the_dialects_own_form(name: str) -> None:
    for trouble in ErrorKind:
        answer = dialect(name).refuse(Refusal(trouble, "what was wrong", "size", TASK_ID), "trace")
        told = json.dumps(answer.body)
        assert "what was wrong" in told
        assert "request_id" not in told, "our own envelope"
        if trouble not in {ErrorKind.TIMEOUT, ErrorKind.UNAVAILABLE, ErrorKind.FAILED, ErrorKind.INTERNAL}:
            assert answer.status < 500, f"{trouble} is the caller's"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    # A bad gateway is what stands before evolink's API; nothing stands so before ours.
    [(name, status, code) for name in PROVIDERS for status, code, _ in errors(name) if code != "bad_gateway"]
    + [
        (path.parent.name, int(path.stem.split(".")[1]), path.stem.split(".", 2)[2])
        for path in sorted((EVENTS / "dialects").glob("*/error.*.json"))
    ],
)
def test_an_error_that_is_documented_can_be_met(name: str, status: int, code: str) -> None:
    place = "providers" if name in PROVIDERS else "dialects"
    wanted = sample(f"{place}/{name}/error.{status}.{code}")
    answers = [dialect(name).refuse(Refusal(trouble, "no", "size"), "x") for trouble in ErrorKind]
    alike = [each for each in answers if each.status == status and code in json.dumps(each.body)]
    assert alike, f"{name} never answers {status} {code}"
    optional = {"fallback_suggestion"}
    problems = [p for p in lacks(alike[0].body, wanted) if p.split(".")[-1].split()[0] not in optional]
    assert problems == []


# The adapter of each provider is a client of its API: what a dialect says must read as what it means.


def order(name: str) -> GenerationRequest:
    request = read_request({"model": MODELS[name], "prompt": "a fox", "n": 2, "provider": name}, Settings({}))
    choice = plan(request, shipped_catalog(), available=PROVIDERS)[0]
    url = "https://app.example/hook" if adapter(name).traits.calls_back else ""
    return GenerationRequest(choice.offer.upstream_model, "a fox", choice.shape, n=2, callback_url=url)


@pytest.mark.parametrize("name", PROVIDERS)
def test_our_own_client_is_understood(name: str) -> None:
    answer = dialect(name).answer(submission(name, *SUBMISSIONS[name]), [view(name, Status.QUEUED)], "trace")
    upstream = ScriptedUpstream((answer.status, json.dumps(answer.body).encode()))
    update = adapter(name).submit(order(name), upstream)
    assert update.upstream_id == TASK_ID
    (sent,) = upstream.requests
    intent = submission(name, sent.path, json.loads(json.dumps(sent.json)))
    request = read_request(intent.task, Settings({}))
    assert request.n == 2
    # Our adapter of evolink tells the model in words how many pictures to make.
    assert request.prompt.startswith("a fox")
    assert shipped_catalog().find(request.model).name == "seedream-4.5"
    assert request.callback_url == (order(name).callback_url or None)
    assert dialect(name).credential(Call("POST", sent.path, {k.lower(): v for k, v in sent.headers.items()}))


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (Status.QUEUED, {Status.QUEUED, Status.PROCESSING}),
        (Status.PROCESSING, {Status.PROCESSING, Status.QUEUED}),
        (Status.COMPLETED, {Status.COMPLETED}),
        (Status.FAILED, {Status.FAILED}),
        (Status.CANCELLED, {Status.CANCELLED, Status.FAILED}),
    ],
)
def test_our_own_client_reads_the_state_of_a_task(name: str, state: Status, wanted: set[Status]) -> None:
    one = view(name, state, echo={"image": "https://files.example/reference.png"})
    answer = dialect(name).answer(LookUp(TASK_ID), [one], "trace")
    if name == "chanjing":
        # Our client asks for many at once, as a poller does.
        answer = dialect(name).answer(LookUpMany((TASK_ID,)), [one], "trace")
    upstream = ScriptedUpstream((answer.status, json.dumps(answer.body).encode()))
    update = adapter(name).query([Ticket(TASK_ID, MODELS[name])], upstream)[TASK_ID]
    assert update.status in wanted
    if state is Status.COMPLETED:
        assert [image.url for image in update.images] == [picture.url for picture in one.pictures]
    if state is Status.FAILED:
        assert update.failure is not None
        assert "the provider failed" in update.failure.message


@pytest.mark.parametrize("name", [name for name in PROVIDERS if adapter(name).traits.calls_back])
@pytest.mark.parametrize("state", [Status.COMPLETED, Status.FAILED])
def test_our_own_client_reads_a_callback(name: str, state: Status) -> None:
    body = json.dumps(dialect(name).callback(view(name, state))).encode()
    update = adapter(name).read_callback(body)
    assert update.status is state
    assert len(update.images) == (2 if state is Status.COMPLETED else 0)
    assert dialect(name).retry.waits


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    ("trouble", "disposition"),
    [
        (ErrorKind.RATE_LIMITED, Disposition.LATER),
        (ErrorKind.BAD_KEY, Disposition.ELSEWHERE),
        (ErrorKind.BAD_FIELD, Disposition.FINAL),
        (ErrorKind.CONTENT, Disposition.FINAL),
    ],
)
def test_our_own_client_understands_a_refusal(name: str, trouble: ErrorKind, disposition: Disposition) -> None:
    answer = dialect(name).refuse(Refusal(trouble, "no"), "trace")
    upstream = ScriptedUpstream((answer.status, json.dumps(answer.body).encode()))
    with pytest.raises(Refused) as refused:
        adapter(name).submit(order(name), upstream)
    assert refused.value.failure.disposition is disposition


@pytest.mark.parametrize("name", PROVIDERS)
def test_our_own_client_is_told_that_a_task_is_unknown(name: str) -> None:
    answer = dialect(name).refuse(Refusal(ErrorKind.UNKNOWN_TASK, "there is no such task"), "trace")
    upstream = ScriptedUpstream((answer.status, json.dumps(answer.body).encode()))
    with pytest.raises(QueryFailed):
        adapter(name).query([Ticket(TASK_ID, MODELS[name])], upstream)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_path_that_the_provider_has_not_is_refused(name: str) -> None:
    for call in (Call("GET", "/"), Call("DELETE", "/v1/tasks/x"), Call("POST", "/v2/nothing")):
        with pytest.raises(Refusal) as refused:
            dialect(name).read(call)
        assert refused.value.kind is ErrorKind.UNKNOWN_CALL


@pytest.mark.parametrize("code", list(ErrorCode))
@pytest.mark.parametrize("name", DIALECTS)
def test_every_failure_of_a_task_can_be_told(name: str, code: ErrorCode) -> None:
    failure = Failure(code, "what happened")
    answer = dialect(name).refuse(refusal_of(failure, TASK_ID), "trace")
    assert "what happened" in json.dumps(answer.body)
    if name in LOOKS:
        shown = dialect(name).answer(LookUp(TASK_ID), [view(name, Status.FAILED, failure=failure)], "trace")
        assert "what happened" in json.dumps(shown.body)


@pytest.mark.parametrize("name", ["qingbo", "evolink"])
def test_a_task_can_be_cancelled_where_the_provider_has_a_call_for_it(name: str) -> None:
    intent = dialect(name).read(post(f"/v1/tasks/{TASK_ID}/cancel"))
    assert intent == Cancel(TASK_ID)
    answer = dialect(name).answer(intent, [view(name, Status.CANCELLED)], "trace")
    assert answer.status == 200
    if name == "qingbo":
        assert lacks(answer.body, sample("providers/qingbo/cancel.answer")) == []
        assert answer.body["refunded_quota"] == 36000
    else:
        assert answer.body["error"]["code"] == "request_cancelled"
