"""What of a backup may be put back."""

from dataclasses import replace
from typing import Any

import pytest

from darkroom.operations.erasure_store import owner_digest
from darkroom.tasks import transitions
from darkroom.tasks.failure import Disposition
from darkroom.tasks.item import read_item, write_item
from local.restore.rules import Left, Rules, as_put_back, has_pictures, is_beside, is_record
from tests.unit.tasks.test_transitions import NOW, a_task, accepted, copying, failed, stored

LATER = 4_000_000_000
RULES = Rules(NOW, {owner_digest("gone")})


def item(task: Any, **more: Any) -> dict[str, Any]:
    return write_item(replace(task, **{"expires_at": LATER, **more}))


def ended() -> Any:
    task = copying()
    for index in (0, 1):
        task = transitions.store_image(task, index, stored(index), now=NOW)
    return task


def test_an_ended_task_is_put_back_with_what_is_beside_it() -> None:
    assert RULES.of_task(item(ended())) is None
    assert RULES.of_task(item(ended(), announced=True)) is None
    beside: dict[str, Any] = {"task_id": {"S": "webhook#t"}, "expires_at": {"N": str(LATER)}}
    assert RULES.of_task(beside) is None
    assert is_beside(beside)
    assert not is_beside(item(ended()))


def test_nothing_of_an_erased_owner_is_put_back() -> None:
    assert RULES.of_task(item(ended(), owner="gone")) is Left.ERASED
    key: dict[str, Any] = {"pk": {"S": "key#1"}, "sk": {"S": "key"}, "owner": {"S": "gone"}}
    pairs = [("owner#gone", "account"), ("ledger#gone", "1"), ("owners", "gone")]
    lines: list[dict[str, Any]] = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in pairs]
    assert {RULES.of_account(line) for line in [key, *lines]} == {Left.ERASED}
    assert RULES.of_account({**key, "owner": {"S": "still-here"}}) is None
    assert RULES.of_account({"pk": {"S": "owner#still-here"}, "sk": {"S": "account"}}) is None


def test_what_has_expired_stays_out() -> None:
    assert RULES.of_task(item(ended(), expires_at=NOW // 1000)) is Left.EXPIRED


def test_a_task_that_may_have_been_submitted_since_is_never_put_back() -> None:
    """Its message would be found missing, and the picture bought a second time."""
    for rules in (RULES, replace(RULES, open_too=True)):
        assert rules.of_task(item(a_task())) is Left.UNSUBMITTED


def test_a_task_that_its_provider_knows_is_put_back_where_that_is_asked_for() -> None:
    assert RULES.of_task(item(accepted())) is Left.OPEN
    assert replace(RULES, open_too=True).of_task(item(accepted())) is None


def test_a_task_that_failed_at_its_provider_may_have_been_bought_elsewhere_since() -> None:
    task = transitions.apply_update(accepted("evolink", "qingbo"), "evolink", failed(Disposition.ELSEWHERE), now=NOW)
    assert task.attempt is not None
    assert task.attempt.upstream_id
    assert replace(RULES, open_too=True).of_task(item(task)) is Left.UNSUBMITTED


def test_an_open_task_that_is_put_back_is_submitted_nowhere_again() -> None:
    """It may have failed since, and been bought at the next provider: it ends where it is."""
    back = read_item(as_put_back(item(accepted("evolink", "qingbo"))))
    after = transitions.apply_update(back, "evolink", failed(Disposition.ELSEWHERE), now=NOW)
    assert after.status.terminal
    assert as_put_back(item(ended())) == item(ended())


def test_pictures_tell_a_deleted_task() -> None:
    assert has_pictures(item(ended()))
    assert not has_pictures(item(transitions.expire(accepted(), now=NOW)))
    assert is_record(item(ended()))
    assert not is_record({"task_id": {"S": "webhook#t"}})


def test_the_receipt_of_an_erasure_comes_back() -> None:
    """Without it nothing would tell that its owner must not."""
    receipt: dict[str, Any] = {"pk": {"S": "erasures"}, "sk": {"S": owner_digest("gone")}, "owner": {"S": "gone"}}
    assert RULES.of_account(receipt) is None


@pytest.mark.parametrize("kind", ["limits#k", "breaker", "sweeps"])
def test_what_was_of_the_moment_stays_out(kind: str) -> None:
    assert RULES.of_account({"pk": {"S": kind}, "sk": {"S": "x"}}) is Left.PASSING
    assert RULES.of_task({"task_id": {"S": "answer#x"}}) is Left.PASSING
