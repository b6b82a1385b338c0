"""Keys, credits, limits and secrets on the accounts table."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.accounts.admission import AdmissionFailure, NotAdmitted
from darkroom.accounts.key_admin import KeyAdmin, NoSuchKey
from darkroom.accounts.keys import AccountStore, ApiKey
from darkroom.accounts.ledger import Account, AccountLedger, BadLedgerCursor, this_month
from darkroom.accounts.rate_limit import RequestRates
from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.tasks import transitions
from darkroom.tasks.store import TaskExists, TaskStore
from darkroom.tasks.task import Task, Terms, Usage
from darkroom.webhooks.secrets import OVERLAP, WebhookSecrets
from tests.integration.emulated_aws import ACCOUNTS, TASKS, emulated_aws
from tests.unit.tasks.test_transitions import NOW, a_task, copying, stored


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with emulated_aws():
        yield


def keys() -> KeyAdmin:
    return KeyAdmin(boto3.client("dynamodb"), ACCOUNTS)


def book() -> AccountLedger:
    return AccountLedger(boto3.client("dynamodb"), ACCOUNTS)


def tasks() -> TaskStore:
    return TaskStore(boto3.client("dynamodb"), TASKS, TaskAccounting(ACCOUNTS), clock=lambda: NOW)


def account() -> Account:
    found = book().find("owner")
    assert found is not None
    return found


def a_metered(number: int = 0, price: str = "3.60", created_at: int = NOW) -> Task:
    return replace(
        a_task(),
        task_id=f"task_{number:026d}",
        created_at=created_at,
        usage=Usage(reserved=Decimal(price)),
        terms=Terms("k1", metered=True),
    )


# Keys


def test_a_key_opens_what_it_was_made_for_and_is_kept_as_a_digest_alone() -> None:
    made = keys().create(
        ApiKey("acme", name="shop", providers=("evolink",), requests_per_second=2.5, open_tasks=7), NOW
    )
    found = AccountStore(boto3.client("dynamodb"), ACCOUNTS).find_key(made.secret)
    assert found == made.key
    assert found.key_id == made.key.key_id
    everything = str(boto3.client("dynamodb").scan(TableName=ACCOUNTS)["Items"])
    assert made.secret not in everything
    assert keys().of_owner("acme") == [made.key]
    assert keys().owners() == ["acme"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_keys_are_listed_in_pages_that_hold_every_key_once(limit: int) -> None:
    made = {
        keys().create(ApiKey(owner, name=str(number)), NOW).key.key_id
        for owner, count in (("acme", 3), ("bolt", 1), ("acme-2", 2))
        for number in range(count)
    }
    for owner, expected in ((None, 6), ("acme", 3), ("nobody", 0)):
        seen: list[str] = []
        after = ("", "")
        while page := keys().page(owner, after, limit):
            assert len(page) <= limit
            seen += [key.key_id for key in page]
            after = (page[-1].owner, page[-1].key_id)
        assert len(seen) == len(set(seen)) == expected
        assert set(seen) <= made


def test_a_keys_settings_are_changed_and_removed() -> None:
    key_id = keys().create(ApiKey("acme", open_tasks=7), NOW).key.key_id
    changed = keys().change(key_id, {"disabled": True, "name": "old", "providers": ["acedata"], "open_tasks": None})
    assert (changed.disabled, changed.name, changed.providers, changed.open_tasks) == (True, "old", ("acedata",), None)
    assert keys().change(key_id, {}) == changed
    with pytest.raises(NoSuchKey):
        keys().change("nobody", {"name": "x"})


def test_a_replaced_key_lives_on_for_a_while() -> None:
    old = keys().create(ApiKey("acme", admin=True, requests_per_second=3), NOW).key
    new = keys().rotate(old.key_id, overlap=60, now=NOW).key
    assert (new.admin, new.requests_per_second, new.expires_at) == (True, 3, None)
    old = keys().find(old.key_id)
    assert old.valid(NOW + 59_000)
    assert not old.valid(NOW + 61_000)
    # Replacing it again does not prolong it.
    keys().rotate(old.key_id, overlap=600, now=NOW)
    assert keys().find(old.key_id) == old


# Requests per second


def test_a_second_of_requests_may_come_at_once_and_then_one_by_one() -> None:
    rates = RequestRates(boto3.client("dynamodb"), ACCOUNTS)
    assert [rates.take("k", 4, NOW) for _ in range(5)] == [0, 0, 0, 0, 1]
    assert rates.take("k", 4, NOW + 250) == 0
    assert rates.take("k", 4, NOW + 260) == 1
    assert [rates.take("k", 4, NOW + 5_000) for _ in range(5)] == [0, 0, 0, 0, 1]
    assert rates.take("another", 4, NOW) == 0


def test_a_slow_key_is_told_how_long_to_wait() -> None:
    rates = RequestRates(boto3.client("dynamodb"), ACCOUNTS)
    assert rates.take("k", 0.1, NOW) == 0
    assert rates.take("k", 0.1, NOW) == 10
    assert rates.take("k", 0.1, NOW + 9_000) == 1
    assert rates.take("k", 0.1, NOW + 10_000) == 0


@settings(max_examples=20)
@given(gaps=st.lists(st.integers(0, 700), min_size=5, max_size=30), rate=st.sampled_from([1, 2, 5]))
def test_no_more_requests_pass_than_a_rate_allows(gaps: list[int], rate: int) -> None:
    rates, key = RequestRates(boto3.client("dynamodb"), ACCOUNTS), uuid.uuid4().hex
    now, passed = NOW, []
    for gap in gaps:
        now += gap
        if rates.take(key, rate, now) == 0:
            passed.append(now)
    for start in passed:
        assert sum(start <= moment < start + 1000 for moment in passed) <= 2 * rate


# Credits


def test_a_reserve_is_taken_with_the_task_and_the_rest_given_back_with_its_end() -> None:
    book().put_terms("owner", prepaid=True, budget=None)
    book().credit("owner", Decimal(10), reference="invoice-1", note="", now=NOW)
    store, task = tasks(), replace(copying(), usage=Usage(reserved=Decimal(4)), terms=Terms("k1", metered=True))
    store.create(task)
    assert (account().balance, account().open_tasks, this_month(account(), NOW)) == (Decimal(6), 1, Decimal(4))
    store.change(task, lambda current: transitions.store_image(current, 0, stored(0), now=NOW), cause="copy")
    ended = store.change(task.task_id, lambda current: transitions.expire(current, now=NOW), cause="look").after
    charged = ended.usage.charged
    assert 0 < charged < 4
    assert (account().balance, account().open_tasks, this_month(account(), NOW)) == (10 - charged, 0, charged)
    lines, _ = book().ledger("owner", limit=10)
    assert {line.kind: line.amount for line in lines} == {"credit": 10, "reserve": -4, "settle": 4 - charged}
    of_task = book().lines_of(ended)
    assert [line.kind for line in of_task] == ["reserve", "settle"]
    assert of_task[1].charged == charged


def test_a_task_that_the_account_does_not_cover_is_not_recorded() -> None:
    book().put_terms("owner", prepaid=True, budget=None)
    book().credit("owner", Decimal(3), reference="r", note="", now=NOW)
    with pytest.raises(NotAdmitted, match=r"3\.60 credits and the account has 3\.00") as refused:
        tasks().create(a_metered())
    assert refused.value.reason is AdmissionFailure.CREDITS
    assert tasks().get(a_metered().task_id) is None
    assert account().balance == 3


def test_an_account_that_pays_afterwards_may_owe() -> None:
    book().put_terms("owner", prepaid=False, budget=None)
    tasks().create(a_metered())
    assert account().balance == Decimal("-3.60")


def test_a_months_budget_holds_for_its_month() -> None:
    book().put_terms("owner", prepaid=False, budget=Decimal(5))
    store = tasks()
    store.create(a_metered(1))
    with pytest.raises(NotAdmitted) as refused:
        store.create(a_metered(2))
    assert refused.value.reason is AdmissionFailure.BUDGET
    store.create(a_metered(3, created_at=NOW + 40 * 86_400_000))
    # A budget that was raised meanwhile holds at once, and so does one that is too small for anything.
    book().put_terms("owner", prepaid=False, budget=Decimal(8))
    store.create(a_metered(4))
    book().put_terms("owner", prepaid=False, budget=Decimal(1))
    with pytest.raises(NotAdmitted):
        store.create(a_metered(5, created_at=NOW + 80 * 86_400_000))
    book().put_terms("owner", prepaid=False, budget=None)
    store.create(a_metered(5))


def test_a_key_has_no_more_open_tasks_than_it_may() -> None:
    store = tasks()
    for number in (1, 2):
        store.create(replace(a_metered(number), terms=Terms("k1", counted=True)), open_limit=2)
    third = replace(a_metered(3), terms=Terms("k1", counted=True))
    with pytest.raises(NotAdmitted) as refused:
        store.create(third, open_limit=2)
    assert (refused.value.reason, refused.value.retry_after) == (AdmissionFailure.OPEN_TASKS, 5)
    ended = a_metered(1).task_id
    store.change(ended, lambda current: transitions.cancel(current, now=NOW))
    store.create(third, open_limit=2)


def test_a_repetition_is_found_before_any_credit_is_looked_at() -> None:
    book().put_terms("owner", prepaid=True, budget=None)
    book().credit("owner", Decimal(4), reference="r", note="", now=NOW)
    tasks().create(a_metered())
    with pytest.raises(TaskExists):
        tasks().create(a_metered())
    assert account().balance == Decimal("0.40")


def test_a_credit_counts_once_for_its_reference() -> None:
    book().put_terms("owner", prepaid=True, budget=None)
    assert book().credit("owner", Decimal("2.50"), reference="invoice-1", note="thanks", now=NOW)
    assert not book().credit("owner", Decimal("2.50"), reference="invoice-1", note="", now=NOW + 5)
    assert book().credit("owner", Decimal("-0.50"), reference="correction", note="", now=NOW + 6)
    assert account().balance == 2
    assert book().find("nobody") is None


def test_a_ledger_is_read_page_by_page() -> None:
    for number in range(7):
        book().credit("owner", Decimal(number + 1), reference=f"r{number}", note="", now=NOW + number)
    seen, cursor = [], None
    while True:
        lines, cursor = book().ledger("owner", limit=3, cursor=cursor)
        seen += [line.reference for line in lines]
        if cursor is None:
            break
    assert seen == [f"r{number}" for number in reversed(range(7))]
    with pytest.raises(BadLedgerCursor):
        book().ledger("owner", limit=3, cursor="%%%")


@settings(max_examples=15)
@given(
    ends=st.lists(st.tuples(st.integers(1, 400), st.sampled_from(["cancel", "one", "both", "open"])), max_size=8),
    credits=st.integers(0, 900),
)
def test_a_ledger_always_adds_up(ends: list[tuple[int, str]], credits: int) -> None:
    owner = uuid.uuid4().hex
    book().put_terms(owner, prepaid=True, budget=None)
    book().credit(owner, Decimal(credits) / 100, reference="r", note="", now=NOW)
    store, held_back = tasks(), Decimal(0)
    for price, end in ends:
        reserve = Decimal(price) / 100
        task = replace(copying(), task_id=f"task_{uuid.uuid4().hex}", owner=owner, usage=Usage(reserved=reserve))
        offers = tuple(replace(offer, price=reserve / 2) for offer in task.plan)
        task = replace(task, plan=offers, terms=Terms("k1", metered=True))
        try:
            store.create(task)
        except NotAdmitted:
            continue
        _end(store, task, end)
        held_back += reserve if end == "open" else 0
    lines, _ = book().ledger(owner, limit=100)
    charged = sum((line.charged or Decimal(0) for line in lines), Decimal(0))
    account = book().find(owner)
    assert account is not None
    assert account.balance == sum(line.amount for line in lines) >= 0
    assert account.balance == Decimal(credits) / 100 - charged - held_back
    assert this_month(account, NOW) == charged + held_back


def _end(store: TaskStore, task: Task, end: str) -> None:
    def change(transition: Any) -> None:
        store.change(task.task_id, transition)

    if end in {"one", "both"}:
        change(lambda current: transitions.store_image(current, 0, stored(0), now=NOW))
    if end == "both":
        change(lambda current: transitions.store_image(current, 1, stored(1), now=NOW))
    if end == "one":
        change(lambda current: transitions.expire(current, now=NOW))
    if end == "cancel":
        change(lambda current: transitions.cancel(current, now=NOW))


# Webhook secrets


def test_a_webhook_secret_is_replaced_and_the_one_before_lasts_for_a_day() -> None:
    secrets = WebhookSecrets(boto3.client("dynamodb"), ACCOUNTS)
    assert secrets.of_owner("acme", NOW) == []
    first = secrets.rotate("acme", NOW, first="whsec_first")
    assert secrets.of_owner("acme", NOW + 1000) == [first, "whsec_first"]
    second = secrets.rotate("acme", NOW + 2000, first="whsec_first")
    assert secrets.of_owner("acme", NOW + 3000) == [second, first]
    assert secrets.of_owner("acme", NOW + 3000 + OVERLAP * 1000) == [second]
    assert first != second
    assert secrets.of_owner("another", NOW) == []
