"""The demo's jobs: everything about them stands in their id, which nobody else can make."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.catalog.loading import build, read_sizes
from darkroom.catalog.shipped import shipped_rows, with_demo
from darkroom.demo.jobs import (
    LARGEST_AREA,
    LONGEST_SECONDS,
    MODEL,
    BadJob,
    Job,
    NoSuchJob,
    new_job,
    read_job,
)
from darkroom.demo.sealed import NotOurs, seal, unseal

KEY, NOW = b"key", 1_795_230_000_000
BODY: dict[str, Any] = {"model": MODEL, "prompt": "a lighthouse", "callback_url": "https://gateway.example/callbacks/x"}


def job(prompt: str = "a lighthouse", scale: float = 1, **body: Any) -> Job:
    return new_job({**BODY, "prompt": prompt, **body}, NOW, scale)


def test_a_job_is_read_back_from_its_id_whole() -> None:
    made = job("x [[callback_double]][[latency=7.5]]", n=3, size="640x512")
    assert read_job(KEY, made.id(KEY)) == made
    assert (made.n, made.width, made.height, made.lasts, made.doubled, made.dropped) == (3, 640, 512, 7500, True, False)
    assert made.is_for(str(BODY["callback_url"]))
    assert not made.is_for("https://elsewhere.example/")
    assert "lighthouse" not in made.id(KEY)


def test_two_equal_submissions_are_two_jobs() -> None:
    assert job().id(KEY) != job().id(KEY)


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=100))
def test_an_id_that_was_not_made_here_is_no_job(text: str) -> None:
    with pytest.raises(NoSuchJob):
        read_job(KEY, text)


@given(place=st.integers(0, 79), letter=st.sampled_from("ABCxyz019-_"))
def test_an_id_that_was_changed_is_no_job(place: int, letter: str) -> None:
    made = job()
    changed = made.id(KEY)[:place] + letter + made.id(KEY)[place + 1 :]
    if changed != made.id(KEY):
        with pytest.raises(NoSuchJob):
            read_job(KEY, changed)
    with pytest.raises(NoSuchJob):
        read_job(b"another key", made.id(KEY))


def test_a_seal_is_good_for_its_purpose_only() -> None:
    sealed = seal(KEY, "inbox", b"content")
    assert unseal(KEY, "inbox", sealed) == b"content"
    for purpose, text in (("job", sealed), ("inbox", sealed + "="), ("inbox", f" {sealed}"), ("inbox", "é")):
        with pytest.raises(NotOurs):
            unseal(KEY, purpose, text)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": "seedream-4.5"}, "only model"), ({"prompt": ""}, "prompt"), ({"prompt": 3}, "prompt"),
        ({"n": 0}, "n must be"), ({"n": True}, "n must be"), ({"n": 5}, "n must be"), ({"size": "4K"}, "size must be"),
        ({"size": "99999x99999"}, "size must be"), ({"size": "3600x3600"}, "size must be"), ({"size": 3}, "size must be"),
        ({"size": "255x1024"}, "size must be"),
    ],
)  # fmt: skip
def test_a_bad_submission_is_refused_with_what_would_be_right(body: dict[str, Any], said: str) -> None:
    with pytest.raises(BadJob, match=said):
        new_job({**BODY, **body}, NOW, 1)


def test_a_prompt_can_not_ask_for_more_than_one_invocation_can_do() -> None:
    for wish in ("99999", "1e9", "inf"):
        assert job(f"[[latency={wish}]]").lasts == LONGEST_SECONDS * 1000
    assert job("[[latency=-3]]").lasts == 0
    assert job("[[latency=many]]").lasts == 3000
    assert job("[[latency=nan]]").lasts in range(int(LONGEST_SECONDS * 1000) + 1)
    assert job("[[latency=8]]", scale=4).lasts == 2000


def test_progress_goes_from_nothing_to_all() -> None:
    made = job()
    assert [made.progress(NOW + at) for at in (-1000, 0, 1500, 3000, 9000)] == [0, 0, 50, 100, 100]


def test_every_size_that_the_catalog_promises_is_one_that_is_drawn() -> None:
    rows = with_demo(shipped_rows(), "https://api.test")["offers"]
    forms = read_sizes((rows["demo|demo|demo-picture"] or {})["sizes"])
    assert forms.pixels
    assert forms.pixels.max_area == LARGEST_AREA
    side = forms.pixels.min_area**0.5 / forms.pixels.max_quotient**0.5
    for resolution in forms.resolutions:
        assert job(size=str(resolution))
    for width in (int(side) + 1, 512):
        assert job(size=f"{width}x{-(-forms.pixels.min_area // width)}")
    longest = int((LARGEST_AREA * forms.pixels.max_quotient) ** 0.5)
    assert job(size=f"{longest}x{LARGEST_AREA // longest}")


def test_no_real_model_is_ever_made_by_the_demo() -> None:
    problems: list[str] = []
    catalog = build(with_demo(shipped_rows(), "https://api.test"), lambda kind, name, error: problems.append(name))
    demo = catalog.find("demo")
    assert {offer.price for offer in demo.offers} == {0}
    assert not {provider for model in catalog.models if model is not demo for provider, _ in model.sold} & set(
        dict(demo.sold)
    )
    assert problems == [], "a name that stands for two models"
