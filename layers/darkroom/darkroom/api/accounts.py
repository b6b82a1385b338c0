"""Accounts and keys as the API shows and changes them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from darkroom.accounts.key_admin import NewKey as MadeKey
from darkroom.accounts.key_admin import NoSuchKey
from darkroom.accounts.keys import ApiKey
from darkroom.accounts.ledger import Account, BadLedgerCursor, LedgerLine, this_month
from darkroom.accounts.money import format_credits
from darkroom.api.account_models import AccountTerms, Credit, KeyChanges, NewKey, Rotation
from darkroom.api.errors import ApiError, bad_request, conflict, invalid_field
from darkroom.api.numbers import whole_number
from darkroom.api.owners import refuse_while_erasing
from darkroom.clock import now

if TYPE_CHECKING:
    from darkroom.api.parts import AccountParts

Json = dict[str, Any]
MAX_PAGE = 100


def make_key(parts: "AccountParts", wanted: NewKey) -> Json:
    """Make a key. Its secret is shown this once. Raises `ApiError` (409, 422)."""
    _check_providers(parts, wanted.providers)
    refuse_while_erasing(parts, wanted.owner)
    settings = ApiKey(
        owner=wanted.owner,
        name=wanted.name,
        admin=wanted.admin,
        providers=tuple(wanted.providers),
        requests_per_second=wanted.requests_per_second,
        open_tasks=wanted.open_tasks,
    )
    return _with_secret(parts, parts.key_admin().create(settings, now()))


def list_keys(parts: "AccountParts", query: Mapping[str, str]) -> Json:
    """A page of the keys of one owner (`owner`), or of all. Raises `ApiError` (400)."""
    limit = _page_limit(query, {"owner", "limit", "cursor"}, MAX_PAGE)
    book = parts.key_admin()
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
    metered = {each: parts.account_ledger().has(each) for each in {key.owner for key in found[:limit]}}
    return {
        "object": "list",
        "data": [show_key(key, metered=metered[key.owner]) for key in found[:limit]],
        "next_cursor": found[limit - 1].key_id if len(found) > limit else None,
    }


def change_key(parts: "AccountParts", key_id: str, changes: KeyChanges) -> Json:
    """Change settings of a key. Raises `ApiError` (404, 409, 422)."""
    given = {name: getattr(changes, name) for name in changes.model_fields_set}
    _check_providers(parts, given.get("providers") or [])
    try:
        refuse_while_erasing(parts, parts.key_admin().find(key_id).owner)
        changed = parts.key_admin().change(key_id, given)
    except NoSuchKey as error:
        raise _no_such_key() from error
    return show_key(changed, metered=parts.account_ledger().has(changed.owner))


def rotate_key(parts: "AccountParts", key_id: str, rotation: Rotation) -> Json:
    """Replace a key by a new one with its settings. Raises `ApiError` (404, 409)."""
    try:
        refuse_while_erasing(parts, parts.key_admin().find(key_id).owner)
        made = parts.key_admin().rotate(key_id, overlap=rotation.overlap_seconds, now=now())
    except NoSuchKey as error:
        raise _no_such_key() from error
    return _with_secret(parts, made)


def put_account(parts: "AccountParts", owner: str, terms: AccountTerms) -> Json:
    """Open an account or change its terms; from then on all that the owner posts is accounted for.

    Raises `ApiError` (409).
    """
    refuse_while_erasing(parts, owner)
    parts.account_ledger().put_terms(owner, prepaid=terms.prepaid, budget=terms.monthly_budget)
    return show_account(parts, owner)


def add_credits(parts: "AccountParts", owner: str, credit: Credit) -> Json:
    """Add credits, once for each reference. Raises `ApiError` (409, 422)."""
    if credit.amount == 0:
        raise invalid_field("amount must not be zero", "amount")
    refuse_while_erasing(parts, owner)
    if parts.account_ledger().find(owner) is None:
        raise conflict("this owner has no account: open it first with PUT /v1/admin/accounts/{owner}")
    parts.account_ledger().credit(owner, credit.amount, reference=credit.reference, note=credit.note, now=now())
    return show_account(parts, owner)


def show_account(parts: "AccountParts", owner: str) -> Json:
    """An owner's account; one without credits is not limited by them."""
    found = parts.account_ledger().find(owner)
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


def show_ledger(parts: "AccountParts", owner: str, query: Mapping[str, str], *, with_cost: bool = False) -> Json:
    """A page of an owner's ledger, newest first; with what each task cost us for an admin. Raises `ApiError` (400)."""
    limit = _page_limit(query, {"limit", "cursor"}, 50)
    try:
        lines, following = parts.account_ledger().ledger(owner, limit=limit, cursor=query.get("cursor") or None)
    except BadLedgerCursor as error:
        raise _bad_cursor() from error
    shown = [{**show_line(line), **_cost(line, shown=with_cost)} for line in lines]
    return {"object": "list", "data": shown, "next_cursor": following}


def _cost(line: LedgerLine, *, shown: bool) -> Json:
    return {"provider_cost": None if line.cost is None else format_credits(line.cost)} if shown else {}


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


def _with_secret(parts: "AccountParts", made: MadeKey) -> Json:
    return {**show_key(made.key, metered=parts.account_ledger().has(made.key.owner)), "api_key": made.secret}


def _check_providers(parts: "AccountParts", names: list[str]) -> None:
    known = parts.catalog_in_force().sellers
    for name in names:
        if name not in known:
            raise invalid_field(f"no provider is called {name[:80]!r}: use {', '.join(known)}", "providers")


def _no_such_key() -> ApiError:
    return ApiError(404, "not_found", "There is no such key.")
