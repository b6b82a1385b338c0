"""A deployment's own rows of the catalog: put in force, read by every process within seconds, and noted."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from darkroom.catalog.current import FRESH, CurrentCatalog
from darkroom.catalog.editing import CatalogEditor, NoSuchRow, NotAsRead, Unfit, tag_of
from darkroom.catalog.shipped import shipped_catalog, shipped_rows
from darkroom.catalog.store import CatalogChange, CatalogStore, ChangedMeanwhile, OwnRows, TooManyRows
from darkroom.settings import Settings
from tests.integration.emulated_aws import ACCOUNTS, emulated_aws

RESELLER = {"protocol": "evolink", "base_url": "https://reseller.example"}
OFFER = {
    "model": "seedream-4.5", "provider": "reseller", "upstream_model": "sd45", "price": "2.5", "seconds": 20,
    "sizes": {"classes": ["2K"], "default": "2K", "bare_class": True}, "features": ["generate", "edit"],
}  # fmt: skip
KEY = "seedream-4.5|reseller|sd45"


@pytest.fixture
def store() -> Iterator[CatalogStore]:
    with emulated_aws():
        yield CatalogStore(boto3.client("dynamodb"), ACCOUNTS)


def editor(store: CatalogStore, at: int = 1_800_000_000_000) -> CatalogEditor:
    return CatalogEditor(store, shipped_rows(), lambda: at)


def put(store: CatalogStore, kind: str, name: str, row: Any, *, by: str = "admin/k", tag: str | None = None) -> Any:
    return editor(store).put(kind, name, lambda _: row, by=by, tag=tag)


def with_reseller(store: CatalogStore) -> None:
    put(store, "providers", "reseller", RESELLER)
    put(store, "offers", KEY, OFFER)


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now


def test_without_rows_of_its_own_a_deployment_has_those_that_ship(store: CatalogStore) -> None:
    catalog = CurrentCatalog(lambda: store, Settings({}), Clock())()
    assert set(catalog.providers) == set(shipped_rows()["providers"])
    assert {offer.provider for offer in catalog.find("seedream-4.5").offers} >= {"evolink", "qingbo"}


def test_a_change_is_in_force_within_ten_seconds_and_asks_for_nothing_in_between(store: CatalogStore) -> None:
    clock, changes = Clock(), []
    reads = Counting(store)
    current = CurrentCatalog(lambda: reads, Settings({}), clock, changed=lambda: changes.append(1))
    assert current().offer("reseller", "sd45") is None
    with_reseller(store)
    for _ in range(100):
        assert current().offer("reseller", "sd45") is None
    assert reads.versions == 1, "one look at the version for a hundred requests"
    clock.now += FRESH + 1
    found = current().offer("reseller", "sd45")
    assert found is not None
    assert str(found.price) == "2.5"
    assert changes == [1], "a new provider's credential is then read anew"
    assert FRESH <= 5_000


def test_what_cannot_be_read_anew_holds_as_it_was_and_at_first_is_an_error(store: CatalogStore) -> None:
    clock, broken = Clock(), Counting(store)
    current = CurrentCatalog(lambda: broken, Settings({}), clock)
    before = current()
    broken.fails, clock.now = True, clock.now + FRESH + 1
    assert current() is before
    with pytest.raises(ConnectionError):
        CurrentCatalog(lambda: broken, Settings({}), clock)()


class Counting:
    """Counts the looks at the version."""

    def __init__(self, store: CatalogStore) -> None:
        self._store, self.versions, self.fails = store, 0, False

    def version(self) -> int:
        self.versions += 1
        if self.fails:
            raise ConnectionError
        return self._store.version()

    def rows(self) -> OwnRows:
        return self._store.rows()


def test_a_row_that_another_release_wrote_is_left_out_and_the_rest_holds(
    store: CatalogStore, caplog: pytest.LogCaptureFixture
) -> None:
    rows: Any = {
        "providers": {"later": {"protocol": "telepathy", "base_url": "https://a.example"}, "bad": {"base_url": 5}},
        "models": {"seedream-9": {"aliases": ["doubao-seedream-4.5"]}},
        "offers": {
            "seedream-9|bad|x": {"model": "seedream-9", "provider": "bad"},
            KEY: {**OFFER, "provider": "evolink", "features": ["dreaming"]},
            "nothing": {"model": 7},
        },
    }
    store.change(store.rows(), rows, [])
    catalog = CurrentCatalog(lambda: store, Settings({}), Clock())()
    assert catalog.find("doubao-seedream-4.5").name == "seedream-4.5", "a name belongs to who had it first"
    assert catalog.find("seedream-9").offers == ()
    assert catalog.find("seedream-4.5").offers == shipped_catalog().find("seedream-4.5").offers
    told = {getattr(record, "row", "") for record in caplog.records if record.message == "provider trouble"}
    assert told == {"bad", "nothing", "seedream-9|bad|x", "seedream-9", KEY}, "and an alarm is counted for each"


def test_a_shipped_row_can_be_changed_taken_away_and_had_again(store: CatalogStore) -> None:
    shipped: Any = shipped_rows()["providers"]["evolink"]
    put(store, "providers", "evolink", {**shipped, "enabled": False})
    assert editor(store).row("providers", "evolink")["enabled"] is False
    editor(store).remove("providers", "evolink", by="b", tag=None)
    with pytest.raises(NoSuchRow):
        editor(store).row("providers", "evolink")
    assert not [row for row in editor(store).in_force()["offers"].values() if row["provider"] == "evolink"]
    assert editor(store).reset("providers", "evolink", by="b") == shipped
    with pytest.raises(NoSuchRow):
        editor(store).reset("providers", "nobody", by="b")


@pytest.mark.parametrize(
    ("kind", "name", "row", "said"),
    [
        ("offers", KEY, OFFER, "its provider or its model is not there"),
        ("models", "mine", {"aliases": ["Seedream-4-5"]}, "is a name of seedream-4.5"),
        ("models", "doubao-seedream-4.5", {}, "is a name of"),
    ],
)
def test_a_catalog_that_would_not_hold_together_is_refused(
    store: CatalogStore, kind: str, name: str, row: Any, said: str
) -> None:
    with pytest.raises(Unfit, match=said):
        put(store, kind, name, row)
    assert store.version() == 0


def test_who_goes_by_an_older_row_is_told_so(store: CatalogStore) -> None:
    with_reseller(store)
    tag = tag_of(editor(store).row("offers", KEY))
    put(store, "offers", KEY, {**OFFER, "price": "3"}, tag=tag)
    with pytest.raises(NotAsRead):
        put(store, "offers", KEY, {**OFFER, "price": "4"}, tag=tag)
    with pytest.raises(NotAsRead):
        editor(store).remove("offers", KEY, by="b", tag=tag)
    assert editor(store).row("offers", KEY)["price"] == "3"


def test_two_who_write_at_once_both_get_through(store: CatalogStore) -> None:
    barrier = threading.Barrier(2)
    read = store.rows

    def both_read_first() -> OwnRows:
        found = read()
        if found.version == 0:
            barrier.wait(10)
        return found

    store.rows = both_read_first  # type: ignore[method-assign]
    writers = [threading.Thread(target=put, args=(store, "models", name, {})) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert {"one", "two"} <= editor(store).in_force()["models"].keys()
    assert store.version() == 2


def test_every_change_is_noted_with_who_when_before_and_after(store: CatalogStore) -> None:
    put(store, "providers", "reseller", RESELLER, by="ops/k1")
    put(store, "providers", "reseller", {**RESELLER, "notes": "cheap"}, by="ops/k2")
    put(store, "providers", "reseller", {**RESELLER, "notes": "cheap"}, by="ops/k3")
    editor(store).remove("providers", "reseller", by="ops/k4", tag=None)
    lines = [line for _, line in store.history(10)]
    assert [(line.by, line.before and line.before.get("notes"), line.after and line.after.get("notes")) for line in lines] == [
        ("ops/k4", "cheap", None), ("ops/k2", None, "cheap"), ("ops/k1", None, None),
    ]  # fmt: skip
    assert lines[-1].before is None
    (key, newest), *_ = store.history(1)
    assert (newest.by, [line.by for _, line in store.history(10, key)]) == ("ops/k4", ["ops/k2", "ops/k1"])


def test_five_hundred_offers_fit_and_more_than_an_item_holds_are_refused(store: CatalogStore) -> None:
    put(store, "providers", "reseller", RESELLER)
    offers = {f"seedream-4.5|reseller|m{n}": {**OFFER, "upstream_model": f"m{n}"} for n in range(500)}
    own = store.rows()
    rows: Any = {**own.rows, "offers": offers}
    store.change(own, rows, [])
    packed = boto3.client("dynamodb").get_item(TableName=ACCOUNTS, Key={"pk": {"S": "catalog"}, "sk": {"S": "rows"}})
    assert len(packed["Item"]["packed"]["B"]) < 30_000
    noise = {str(n): {"notes": boto3.__name__ + str(hash(str(n) * 50))} for n in range(60_000)}
    with pytest.raises(TooManyRows, match="there is room for"):
        store.change(store.rows(), {"providers": noise}, [])
    with pytest.raises(ChangedMeanwhile):
        store.change(own, rows, [CatalogChange(2, 1, "b", "offers", "x", None, json.loads("{}"))])
