"""The catalog by HTTP, as an operator changes it, over an AWS in this process."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from darkroom.aws.secrets import Credentials
from tests.integration.deployment import API_KEY, add_key, deployed, store
from tests.integration.test_accounts_functions import ADMIN, ask

RESELLER = {"protocol": "evolink", "base_url": "https://reseller.example", "credential": {"api_key": "sk-reseller"}}
OFFER = {
    "upstream_model": "sd45", "price": "0.5", "seconds": 20,
    "sizes": {"classes": ["2K"], "default": "2K", "bare_class": True}, "features": ["generate", "edit"],
}  # fmt: skip
TASK = {"model": "seedream-4.5", "prompt": "a fox", "size": "2K"}


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with deployed(monkeypatch):
        monkeypatch.setenv("DARKROOM_LOCAL_MODE", "false")
        add_key(ADMIN, "admin", admin=True)
        yield


def admin(method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
    return ask("admin", method, f"/v1/admin{path}", body, **more)


def post(body: Any = TASK) -> tuple[int, Any]:
    return ask("submit", "POST", "/v1/tasks", body, key=API_KEY)


def add_reseller() -> None:
    assert admin("PUT", "/providers/reseller", RESELLER)[0] == 200
    assert admin("PUT", "/offers/seedream-4.5/reseller", OFFER)[0] == 200


def test_an_operator_adds_a_reseller_and_tasks_go_there() -> None:
    add_reseller()
    status, models = ask("status", "GET", "/v1/models", key=API_KEY)
    sold = {
        offer["provider"]: offer
        for model in models["data"]
        if model["id"] == "seedream-4.5"
        for offer in model["offers"]
    }
    assert (status, sold["reseller"]["credits_per_image"], sold["reseller"]["enabled"]) == (200, "0.50", True)
    status, task = post()
    assert status == 202
    assert task["attempts"][0]["provider"] == "reseller"
    recorded = store().get(task["task_id"])
    assert recorded
    attempt = recorded.attempts[0]
    assert (attempt.protocol, attempt.address, attempt.credential) == ("evolink", "https://reseller.example", "key-1")


def test_a_credential_is_kept_in_the_secret_and_shown_nowhere() -> None:
    add_reseller()
    kept = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId="provider")["SecretString"])
    assert kept["reseller"] == {"credentials": {"key-1": {"api_key": "sk-reseller"}}}
    assert kept["evolink"] == {"api_key": "k"}
    for path in ("/providers", "/providers/reseller", "/catalog", "/catalog/history"):
        assert "sk-reseller" not in json.dumps(admin("GET", path)[1])


def test_a_new_credential_leaves_the_one_of_tasks_on_their_way() -> None:
    before = admin("GET", "/providers/evolink")[1]
    status, row = admin(
        "PUT", "/providers/evolink", {**before, "base_url": "https://evolink.example", "credential": {"api_key": "k2"}}
    )
    assert (status, row["credential"]) == (200, "key-1")
    credentials = Credentials("provider")
    assert credentials.fields("evolink", "key-1") == {"api_key": "k2"}
    assert credentials.fields("evolink", "default") == {"api_key": "k"}, "a task that was sent with it"
    assert post()[1]["attempts"][0]["provider"] == "evolink"


def test_what_was_read_can_be_put_back_as_it_is() -> None:
    add_reseller()
    for path in ("/providers/reseller", "/models/seedream-4.5", "/offers/seedream-4.5/reseller"):
        status, row = admin("GET", path)
        assert admin("PUT", path, row) == (200, {**row, "shipped": False})
        assert status == 200
    assert admin("GET", "/catalog/history")[1]["data"][0]["name"] != "seedream-4.5", "nothing was changed by it"


def test_a_key_that_came_with_a_refused_row_is_taken_by_nobody() -> None:
    add_reseller()
    late = {**RESELLER, "base_url": "https://other.example", "credential": {"api_key": "for another host"}}
    assert admin("PUT", "/providers/reseller", late, if_match='"0000000000000000"')[0] == 412
    assert admin("GET", "/providers/reseller")[1]["credential"] == "key-1"
    task = post()[1]
    recorded = store().get(task["task_id"])
    assert recorded
    assert (recorded.attempts[0].credential, recorded.attempts[0].address) == ("key-1", "https://reseller.example")


def test_a_key_goes_to_no_host_that_it_was_not_given_for() -> None:
    add_reseller()
    moved = {"protocol": "evolink", "base_url": "https://elsewhere.example"}
    status, answer = admin("PUT", "/providers/reseller", moved)
    assert (status, answer["error"]["param"]) == (422, "credential")
    shipped = {"protocol": "evolink", "base_url": "https://mirror.example"}
    assert admin("PUT", "/providers/evolink", shipped)[0] == 422
    status, answer = admin("PUT", "/catalog", {"providers": {"reseller": moved}})
    assert (status, answer["error"]["param"]) == (422, "providers.reseller.base_url")
    assert admin("DELETE", "/providers/reseller")[0] == 204
    assert admin("PUT", "/providers/reseller", moved)[0] == 422, "its key is still kept"
    assert admin("PUT", "/catalog", {"providers": {"reseller": {**moved, "credential": "key-1"}}})[0] == 422
    assert admin("PUT", "/providers/reseller", {**moved, "credential": "key-1"})[0] == 422
    assert admin("PUT", "/providers/reseller", {**moved, "credential": {"api_key": "its own"}})[0] == 200
    assert admin("PUT", "/providers/evolink", {**shipped, "credential": {"api_key": "the mirror's"}})[0] == 200
    assert admin("DELETE", "/providers/evolink", query={"reset": "true"})[0] == 422
    assert admin("PUT", "/catalog", {})[0] == 422, "which would send the mirror's key to evolink"


def test_a_provider_is_switched_off_and_on() -> None:
    add_reseller()
    status, row = admin("POST", "/providers/reseller/disable")
    assert (status, row["enabled"]) == (200, False)
    status, task = post()
    assert (status, task["attempts"][0]["provider"]) == (202, "evolink"), "what another can do goes on"
    assert admin("POST", "/providers/evolink/disable")[0] == 200
    status, answer = post({**TASK, "provider": ["evolink", "reseller"]})
    assert (status, answer["error"]["code"]) == (503, "provider_unavailable")
    assert "evolink, reseller is switched off" in answer["error"]["message"]
    assert admin("POST", "/providers/reseller/enable")[1]["enabled"] is True
    assert post()[1]["attempts"][0]["provider"] == "reseller"
    assert admin("POST", "/providers/nobody/disable")[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/providers/x", {**RESELLER, "protocol": "telepathy"}, "protocol"),
        ("/providers/x", {**RESELLER, "base_url": "http://reseller.example"}, "base_url"),
        ("/providers/x", {**RESELLER, "base_url": "https://10.0.0.1"}, "base_url"),
        ("/providers/x", {**RESELLER, "base_url": "https://169.254.169.254/latest"}, "base_url"),
        ("/providers/x", {**RESELLER, "base_url": "https://u:p@reseller.example"}, "base_url"),
        ("/providers/x", {**RESELLER, "base_url": "https://reseller.example/"}, "base_url"),
        ("/providers/x", {**RESELLER, "credential": {"api_key": 5}}, "credential"),
        ("/providers/x", {**RESELLER, "callback_trust": "blind"}, "callback_trust"),
        ("/providers/x", {**RESELLER, "callback_trust": "signature"}, "callback_trust"),
        ("/providers/x", {**RESELLER, "surprise": 1}, "surprise"),
        ("/providers/Big", RESELLER, "name"),
        ("/models/x", {"aliases": ["seedream-4.5"]}, None),
        ("/models/x", {"retired": "soon"}, "retired"),
        ("/offers/seedream-4.5/evolink", {**OFFER, "price": "-1"}, "price"),
        ("/offers/seedream-4.5/evolink", {**OFFER, "price": "free"}, "price"),
        ("/offers/seedream-4.5/evolink", {**OFFER, "features": ["dream"]}, "features"),
        ("/offers/seedream-4.5/evolink", {**OFFER, "sizes": {"classes": ["9K"]}}, "sizes.classes[0]"),
        ("/offers/seedream-4.5/nobody", OFFER, None),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_is_refused_with_the_field_and_changes_nothing(
    path: str, body: Any, param: str | None
) -> None:
    status, answer = admin("PUT", path, body)
    assert status == 422, answer
    assert (answer["error"]["param"] or "").startswith(param or ""), answer
    assert admin("GET", "/catalog")[1]["version"] == 0
    assert "x" not in json.loads(boto3.client("secretsmanager").get_secret_value(SecretId="provider")["SecretString"])


def test_who_goes_by_what_was_changed_meanwhile_is_told_so() -> None:
    add_reseller()
    sold = "/offers/seedream-4.5/reseller"
    status, answer = admin("PUT", sold, {**OFFER, "price": "7"}, if_match='"0000000000000000"')
    assert (status, answer["error"]["code"]) == (412, "conflict")
    assert admin("PUT", "/catalog", {}, if_match='"1"')[0] == 412
    assert admin("PUT", "/catalog", {}, if_match='"2"')[0] == 200
    assert admin("GET", sold)[0] == 404


def test_a_provider_with_several_names_for_a_model_is_asked_which() -> None:
    status, answer = admin("GET", "/offers/seedream-4.5/deepspace")
    assert (status, "Seedream-4.5-Preferential" in answer["error"]["message"]) == (409, True)
    status, row = admin("GET", "/offers/seedream-4.5/deepspace", query={"upstream_model": "Seedream-4.5"})
    assert (status, row["shipped"], row["price"]) == (200, True, "1.95")


def test_a_catalog_is_pulled_changed_and_pushed_as_one_document() -> None:
    add_reseller()
    pulled = admin("GET", "/catalog")[1]
    assert (set(pulled["providers"]), set(pulled["offers"])) == ({"reseller"}, {"seedream-4.5|reseller|sd45"})
    pulled["models"]["seedream-5.5"] = {"aliases": ["doubao-seedream-5-5-261028"]}
    pulled["providers"]["chanjing"] = None
    status, pushed = admin("PUT", "/catalog", pulled)
    assert (status, pushed.get("version")) == (200, 3), pushed
    assert admin("GET", "/providers/chanjing")[0] == 404
    status, history = admin("GET", "/catalog/history", query={"limit": "2"})
    assert (status, len(history["data"])) == (200, 2)
    older = admin("GET", "/catalog/history", query={"cursor": history["next_cursor"]})[1]["data"]
    assert older[-1] | {"at": 0} == {
        "at": 0, "by": f"admin/{older[-1]['by'].partition('/')[2]}", "kind": "providers", "name": "reseller",
        "before": None,
        "after": {"protocol": "evolink", "base_url": "https://reseller.example", "credential": "key-1"},
    }  # fmt: skip


def test_a_deleted_row_that_ships_can_be_had_again() -> None:
    assert admin("DELETE", "/providers/evolink")[0] == 204
    assert admin("GET", "/providers/evolink")[0] == 404
    assert post()[0] == 422, "nobody is left who has a key"
    status, row = admin("DELETE", "/providers/evolink", query={"reset": "true"})
    assert (status, row["shipped"]) == (200, True)
    assert admin("DELETE", "/offers/seedream-4.5/evolink")[0] == 204
    assert admin("DELETE", "/models/seedream-4.5")[0] == 204
    assert post()[1]["error"]["param"] == "model"


def test_only_an_admin_sees_or_changes_the_catalog() -> None:
    for method, path in (
        ("GET", "/providers"),
        ("PUT", "/providers/x"),
        ("GET", "/catalog/history"),
        ("PUT", "/catalog"),
    ):
        assert admin(method, path, RESELLER if method == "PUT" else None, key=API_KEY)[0] == 403
