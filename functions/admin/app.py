"""What an admin does: keys, everybody's credits, and what was given up on."""

from typing import Any

from darkroom.api import accounts
from darkroom.api.account_models import AccountTerms, Credit, KeyChanges, NewKey, Redrive, Rotation, owner_named, read
from darkroom.api.catalog_routes import catalog_routes
from darkroom.api.errors import not_found
from darkroom.api.http import Response, answer, authenticate, json_object, new_app, raw_body, respond
from darkroom.container import Container
from darkroom.deadline import invocation
from darkroom.observability import observed
from darkroom.settings import Settings

container = Container(Settings.from_environment())
app = new_app()

MARGIN = 8.0
"""Seconds of an invocation that are left to finish a step and to answer in."""


def body() -> dict[str, Any]:
    """The request's body; none is an empty one."""
    raw = raw_body(app)
    return json_object(raw) if raw.strip() else {}


@app.post("/v1/admin/keys")
def post_key() -> Response[str]:
    """Make a key."""
    authenticate(app, container, admin=True)
    return answer(201, accounts.make_key(container, read(NewKey, body())))


@app.get("/v1/admin/keys")
def get_keys() -> Response[str]:
    """A page of the keys of one owner, or of all."""
    authenticate(app, container, admin=True)
    return answer(200, accounts.list_keys(container, app.current_event.query_string_parameters))


@app.patch("/v1/admin/keys/<key_id>")
def patch_key(key_id: str) -> Response[str]:
    """Change a key's settings, or disable it."""
    authenticate(app, container, admin=True)
    return answer(200, accounts.change_key(container, key_id, read(KeyChanges, body())))


@app.post("/v1/admin/keys/<key_id>/rotate")
def post_rotation(key_id: str) -> Response[str]:
    """Replace a key by a new one."""
    authenticate(app, container, admin=True)
    return answer(201, accounts.rotate_key(container, key_id, read(Rotation, body())))


@app.get("/v1/admin/accounts/<owner>")
def get_any_account(owner: str) -> Response[str]:
    """An owner's account."""
    authenticate(app, container, admin=True)
    return answer(200, accounts.show_account(container, owner_named(owner)))


@app.put("/v1/admin/accounts/<owner>")
def put_account(owner: str) -> Response[str]:
    """Open an account, or change its terms."""
    authenticate(app, container, admin=True)
    return answer(200, accounts.put_account(container, owner_named(owner), read(AccountTerms, body())))


@app.post("/v1/admin/accounts/<owner>/credits")
def post_credits(owner: str) -> Response[str]:
    """Add credits."""
    authenticate(app, container, admin=True)
    return answer(200, accounts.add_credits(container, owner_named(owner), read(Credit, body())))


@app.get("/v1/admin/accounts/<owner>/ledger")
def get_any_ledger(owner: str) -> Response[str]:
    """An owner's ledger."""
    authenticate(app, container, admin=True)
    query = app.current_event.query_string_parameters
    return answer(200, accounts.show_ledger(container, owner_named(owner), query, with_cost=True))


@app.delete("/v1/admin/owners/<owner>")
def delete_owner(owner: str) -> Response[str]:
    """Erase an owner, as far as there is time for; the reconciler goes on with the rest."""
    from darkroom.api.owners import erase_owner

    caller = authenticate(app, container, admin=True)
    return answer(200, erase_owner(container, caller, owner_named(owner), seconds=invocation.left(reserve=MARGIN)))


@app.get("/v1/admin/dead-letters")
def get_dead_letters() -> Response[str]:
    """How many messages every dead-letter queue holds."""
    authenticate(app, container, admin=True)
    return answer(200, {"object": "list", "data": container.given_up().counted()})


@app.post("/v1/admin/dead-letters/<queue>/redrive")
def post_redrive(queue: str) -> Response[str]:
    """Send what was given up on to where it came from, as far as there is time for."""
    authenticate(app, container, admin=True)
    if queue not in container.given_up().names:
        raise not_found(f"There is no such queue: use {', '.join(container.given_up().names)}.")
    limit = read(Redrive, body()).limit
    sent = container.given_up().redrive(queue, limit, go_on=lambda: invocation.left(reserve=MARGIN) > 0)
    return answer(200, {"queue": queue, "sent": sent})


app.include_router(catalog_routes(app, container))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request of API Gateway."""
    return respond(app, event, context)
