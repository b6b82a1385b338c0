"""Accounts and keys as the API shows and changes them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from darkroom.api.account_models import AccountTerms, Credit, KeyChanges, NewKey, Rotation
from darkroom.api.errors import ApiError, bad_request, conflict, invalid_field
from darkroom.api.numbers import whole_number
from darkroom.api.owners import refuse_while_erasing
from darkroom.domain.money import format_credits
from darkroom.services.assembly import Assembly
from darkroom.services.clock import now
from darkroom.stores.account_book import Account, BadLedgerCursor, LedgerLine, this_month
from darkroom.stores.accounts import ApiKey
from darkroom.stores.key_book import NewKey as MadeKey
from darkroom.stores.key_book import NoSuchKey

Json = dict[str, Any]
MAX_PAGE = 100


def make_key(assembly: Assembly, wanted: NewKey) -> Json:
    """Make a key. Its secret is shown this once. Raises `ApiError` (409, 422)."""
    _check_providers(wanted.providers)
    refuse_while_erasing(assembly, wanted.owner)
    settings = ApiKey(
        owner=wanted.owner,
        name=wanted.name,
        admin=wanted.admin,
        providers=tuple(wanted.providers),
        requests_per_second=wanted.requests_per_second,
        open_tasks=wanted.open_tasks,
    )
    return _with_secret(assembly, assembly.key_book().create(settings, now()))


def list_keys(assembly: Assembly, query: Mapping[str, str]) -> Json:
    """A page of the keys of one owner (`owner`), or of all. Raises `ApiError` (400)."""
    limit = _page_limit(query, {"owner", "limit", "cursor"}, MAX_PAGE)
    book = assembly.key_book()
    owner = query.get("owner") or None
    after = ("", "")
    if cursor := query.get("cursor"):
        try:
            after = (book.find(cursor[:80]).owner, cursor)
        except NoSuchKey as error:
            raise _bad_cursor() from error
        if owner and owner != after[0]:
            raise _bad_cursor()
    found = book.page(owner, after, limit + 1)
    metered = {each: assembly.account_book().has(each) for each in {key.owner for key in found[:limit]}}
    return {
        "object": "list",
        "data": [show_key(key, metered=metered[key.owner]) for key in found[:limit]],
        "next_cursor": found[limit - 1].key_id if len(found) > limit else None,
    }


def change_key(assembly: Assembly, key_id: str, changes: KeyChanges) -> Json:
    """Change settings of a key. Raises `ApiError` (404, 409, 422)."""
    given = {name: getattr(changes, name) for name in changes.model_fields_set}
    _check_providers(given.get("providers") or [])
    try:
        refuse_while_erasing(assembly, assembly.key_book().find(key_id).owner)
        changed = assembly.key_book().change(key_id, given)
    except NoSuchKey as error:
        raise _no_such_key() from error
    return show_key(changed, metered=assembly.account_book().has(changed.owner))


def rotate_key(assembly: Assembly, key_id: str, rotation: Rotation) -> Json:
    """Replace a key by a new one with its settings. Raises `ApiError` (404, 409)."""
    try:
        refuse_while_erasing(assembly, assembly.key_book().find(key_id).owner)
        made = assembly.key_book().rotate(key_id, overlap=rotation.overlap_seconds, now=now())
    except NoSuchKey as error:
        raise _no_such_key() from error
    return _with_secret(assembly, made)


def put_account(assembly: Assembly, owner: str, terms: AccountTerms) -> Json:
    """Open an account or change its terms; from then on all that the owner posts is accounted for.

    Raises `ApiError` (409).
    """
    refuse_while_erasing(assembly, owner)
    assembly.account_book().put_terms(owner, prepaid=terms.prepaid, budget=terms.monthly_budget)
    return show_account(assembly, owner)


def add_credits(assembly: Assembly, owner: str, credit: Credit) -> Json:
    """Add credits, once for each reference. Raises `ApiError` (409, 422)."""
    if credit.amount == 0:
        raise invalid_field("amount must not be zero", "amount")
    refuse_while_erasing(assembly, owner)
    if assembly.account_book().find(owner) is None:
        raise conflict("this owner has no account: open it first with PUT /v1/admin/accounts/{owner}")
    assembly.account_book().credit(owner, credit.amount, reference=credit.reference, note=credit.note, now=now())
    return show_account(assembly, owner)


def show_account(assembly: Assembly, owner: str) -> Json:
    """An owner's account; one without credits is not limited by them."""
    found = assembly.account_book().find(owner)
    account = found or Account(owner)
    moment = now()
    return {
        "object": "account",
        "owner": owner,
        "metered": found is not None,
        "prepaid": account.prepaid,
        "balance": format_credits(account.balance),
        "open_tasks": account.open_tasks,
        "month": datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m"),
        "spent_this_month": format_credits(this_month(account, moment)),
        "monthly_budget": None if account.budget is None else format_credits(account.budget),
    }


def show_ledger(assembly: Assembly, owner: str, query: Mapping[str, str]) -> Json:
    """A page of an owner's ledger, newest first. Raises `ApiError` (400)."""
    limit = _page_limit(query, {"limit", "cursor"}, 50)
    try:
        lines, following = assembly.account_book().ledger(owner, limit=limit, cursor=query.get("cursor") or None)
    except BadLedgerCursor as error:
        raise _bad_cursor() from error
    return {"object": "list", "data": [show_line(line) for line in lines], "next_cursor": following}


def _page_limit(query: Mapping[str, str], known: set[str], usual: int) -> int:
    unknown = next((name for name in query if name not in known), None)
    if unknown:
        raise bad_request(f"unknown parameter {unknown[:80]!r}: use {', '.join(sorted(known))}", unknown[:80])
    limit = whole_number(query.get("limit") or str(usual))
    if limit is None or not 1 <= limit <= MAX_PAGE:
        raise bad_request(f"limit must be a whole number from 1 to {MAX_PAGE}", "limit")
    return limit


def _bad_cursor() -> ApiError:
    return bad_request("cursor is not one that this list gave out", "cursor")


def show_line(line: LedgerLine) -> Json:
    """One line of a ledger."""
    return {
        "at": line.at,
        "kind": line.kind,
        "amount": format_credits(line.amount),
        "reference": line.reference,
        "task_id": line.task_id,
        "credits_charged": None if line.charged is None else format_credits(line.charged),
        "note": line.note,
    }


def show_key(key: ApiKey, *, metered: bool) -> Json:
    """A key without its secret; `metered` says that its owner has an account."""
    return {
        "object": "key",
        "key_id": key.key_id,
        "owner": key.owner,
        "name": key.name,
        "admin": key.admin,
        "disabled": key.disabled,
        "providers": list(key.providers),
        "requests_per_second": key.requests_per_second,
        "open_tasks": key.open_tasks,
        "metered": metered,
        "expires_at": key.expires_at,
    }


def _with_secret(assembly: Assembly, made: MadeKey) -> Json:
    return {**show_key(made.key, metered=assembly.account_book().has(made.key.owner)), "api_key": made.secret}


def _check_providers(names: list[str]) -> None:
    from darkroom.domain.catalog import catalog

    known = sorted({offer.provider for model in catalog().models for offer in model.offers})
    for name in names:
        if name not in known:
            raise invalid_field(f"no provider is called {name[:80]!r}: use {', '.join(known)}", "providers")


def _no_such_key() -> ApiError:
    return ApiError(404, "not_found", "There is no such key.")
