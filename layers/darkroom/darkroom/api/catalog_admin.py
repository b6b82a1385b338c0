"""The catalog as an admin shows and changes it: providers, models, offers, and who changed what."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from darkroom.accounts.keys import ApiKey
from darkroom.api.catalog_rows import ModelRow, OfferRow, ProviderRow, offer_key
from darkroom.api.errors import ApiError, bad_request, conflict, invalid_field, too_large
from darkroom.api.numbers import whole_number
from darkroom.api.request import refused_field
from darkroom.catalog.editing import NoSuchRow, NotAsRead, Unfit, tag_of
from darkroom.catalog.loading import KINDS, Row
from darkroom.catalog.provider import PROVIDER_NAME
from darkroom.catalog.store import CatalogChange, TooManyRows
from darkroom.http.addresses import check_webhook_url

if TYPE_CHECKING:
    from darkroom.api.parts import CatalogParts

Json = dict[str, Any]
T = TypeVar("T")
ROWS: Mapping[str, type[BaseModel]] = {"providers": ProviderRow, "models": ModelRow, "offers": OfferRow}
MAX_PAGE = 100
MAX_CREDENTIAL = 4096
_SHOWN = frozenset({"object", "name", "shipped"})
"""What an answer has beside the row: who puts back what was read changes nothing by it."""
_AGAIN = "give the credential again, since a key goes to no host that it was not given for"


def list_rows(parts: "CatalogParts", kind: str) -> Json:
    """All rows of a kind as they are in force."""
    own = parts.catalog_editor().own().rows[kind]
    rows = parts.catalog_editor().in_force()[kind]
    return {"object": "list", "data": [_shown(kind, name, row, own=name in own) for name, row in sorted(rows.items())]}


def show_row(parts: "CatalogParts", kind: str, name: str) -> tuple[Json, str]:
    """One row and its entity tag. Raises `ApiError` (404)."""
    editor = parts.catalog_editor()
    row = _answered(lambda: editor.row(kind, name))
    return _shown(kind, name, row, own=name in editor.own().rows[kind]), tag_of(row)


def put_provider(parts: "CatalogParts", caller: ApiKey, name: str, body: Json, tag: str | None) -> tuple[Json, str]:
    """Put a provider in force; `credential`, if given, goes into the secret. Raises `ApiError` (412, 422)."""
    _check_name(name)
    given = body.pop("credential", None)
    named = {"credential": given} if isinstance(given, str) and given else {}
    wanted = {**read_row(ProviderRow, body), **named}
    _check_address(parts, wanted["base_url"])
    credential = None if isinstance(given, str) else _credential(given)
    # The key is kept first, under a name that nobody takes before the row says so.
    fresh = {"credential": parts.credentials().add(name, credential)} if credential else {}

    def change(before: Row | None) -> Row:
        kept = {"credential": before["credential"]} if before and before.get("credential") else {}
        if not fresh and _key_moves(parts, name, before, {**kept, **wanted}):
            raise invalid_field(f"base_url is another one: {_AGAIN}", "credential")
        return {**kept, **wanted, **fresh}

    return _put(parts, caller, "providers", name, change, tag)


def switch_provider(parts: "CatalogParts", caller: ApiKey, name: str, *, on: bool) -> tuple[Json, str]:
    """Send new tasks to a provider, or no more. Raises `ApiError` (404)."""

    def change(before: Row | None) -> Row:
        if before is None:
            raise NoSuchRow(name)
        others = {field: value for field, value in before.items() if field != "enabled"}
        return others if on else {**others, "enabled": False}

    return _put(parts, caller, "providers", name, change, None)


def put_model(parts: "CatalogParts", caller: ApiKey, name: str, body: Json, tag: str | None) -> tuple[Json, str]:
    """Put a model in force. Raises `ApiError` (412, 422)."""
    _check_name(name)
    wanted = read_row(ModelRow, body)
    return _put(parts, caller, "models", name, lambda _: wanted, tag)


def put_offer(
    parts: "CatalogParts", caller: ApiKey, model: str, provider: str, body: Json, tag: str | None
) -> tuple[Json, str]:
    """Put an offer in force, under the provider's name for the model that it says. Raises `ApiError` (412, 422)."""
    wanted = read_row(OfferRow, {**body, "model": model, "provider": provider})
    return _put(parts, caller, "offers", offer_key(wanted), lambda _: wanted, tag)


def offer_named(parts: "CatalogParts", model: str, provider: str, upstream_model: str) -> str:
    """The key of one offer. Raises `ApiError` (404), and (409) where a provider sells a model under several names."""
    rows = parts.catalog_editor().in_force()["offers"]
    found = [key for key, row in rows.items() if (row["model"], row["provider"]) == (model, provider)]
    if upstream_model:
        found = [key for key in found if rows[key]["upstream_model"] == upstream_model]
    if len(found) > 1:
        names = ", ".join(str(rows[key]["upstream_model"]) for key in found)
        raise conflict(f"{provider} sells {model} under several names: say which by upstream_model ({names})")
    if not found:
        raise _no_such_row()
    return found[0]


def remove_row(
    parts: "CatalogParts", caller: ApiKey, kind: str, name: str, tag: str | None, *, reset: bool
) -> tuple[Json, str] | None:
    """Take a row out of force, or (`reset`) put the shipped one in its place. Raises `ApiError` (404, 412, 422)."""
    editor, by = parts.catalog_editor(), _who(caller)
    if not reset:
        _answered(lambda: editor.remove(kind, name, by=by, tag=tag))
        return None
    shipped = editor.would_be({})[kind].get(name)
    if kind == "providers" and shipped and _key_moves(parts, name, editor.in_force()[kind].get(name), shipped):
        raise invalid_field(f"the shipped base_url is another one: PUT the provider, and {_AGAIN}", "credential")
    row = _answered(lambda: editor.reset(kind, name, by=by))
    return _shown(kind, name, row, own=False), tag_of(row)


def show_catalog(parts: "CatalogParts") -> tuple[Json, str]:
    """The deployment's own rows as one document, and its entity tag."""
    own = parts.catalog_editor().own()
    return {"object": "catalog", "version": own.version, **own.rows}, f'"{own.version}"'


def put_catalog(parts: "CatalogParts", caller: ApiKey, body: Json, tag: str | None) -> tuple[Json, str]:
    """Put a document's rows in the place of all the deployment's own. Raises `ApiError` (412, 422)."""
    rows: dict[str, dict[str, Row | None]] = {}
    unknown = next((name for name in body if name not in {*KINDS, "object", "version"}), None)
    if unknown:
        raise invalid_field(f"unknown field {unknown[:80]!r}: use {', '.join(KINDS)}", unknown[:80])
    for kind in KINDS:
        given = body.get(kind, {})
        if not isinstance(given, dict):
            raise invalid_field(f"{kind} must be an object of rows by their names", kind)
        rows[kind] = {name: _row_of(parts, kind, name, row) for name, row in given.items()}
    version = _version(tag)
    editor = parts.catalog_editor()
    before = editor.in_force()["providers"]
    for name, row in editor.would_be(rows)["providers"].items():
        if _key_moves(parts, name, before.get(name), row):
            message = f"providers.{name}.base_url is another one: PUT that provider by itself, with its credential"
            raise invalid_field(message, f"providers.{name}.base_url")
    own = _answered(lambda: editor.replace(rows, by=_who(caller), version=version))
    return {"object": "catalog", "version": own.version, **own.rows}, f'"{own.version}"'


def show_history(parts: "CatalogParts", query: Mapping[str, str]) -> Json:
    """A page of the changes, newest first: who, when, before, after. Raises `ApiError` (400)."""
    limit = whole_number(query.get("limit") or "50")
    if limit is None or not 1 <= limit <= MAX_PAGE:
        raise bad_request(f"limit must be a whole number from 1 to {MAX_PAGE}", "limit")
    cursor = query.get("cursor") or ""
    if cursor and not cursor.startswith("change#"):
        raise bad_request("cursor must be the next_cursor of a page", "cursor")
    found = parts.catalog_editor().history(limit + 1, cursor)
    return {
        "object": "list",
        "data": [_line(change) for _, change in found[:limit]],
        "next_cursor": found[limit - 1][0] if len(found) > limit else None,
    }


def read_row(kind: type[BaseModel], body: Json) -> Json:
    """A row in a body, as it is kept. Raises `ApiError` (422)."""
    asked = {field: value for field, value in body.items() if field not in _SHOWN}
    try:
        row: Json = kind.model_validate(asked).model_dump(exclude_defaults=True)
    except ValidationError as error:
        raise refused_field(error, kind) from error
    return row


def _row_of(parts: "CatalogParts", kind: str, name: str, row: Any) -> Row | None:
    if row is None:
        return None
    if not isinstance(row, dict):
        raise invalid_field(f"{kind}.{name[:80]} must be an object, or null to take the shipped row away", kind)
    try:
        made = read_row(ROWS[kind], row)
    except ApiError as error:
        raise invalid_field(f"{kind}.{name[:80]}.{error.message}", f"{kind}.{name[:80]}.{error.param}") from error
    if kind == "offers" and offer_key(made) != name:
        raise invalid_field(f"offers.{name[:80]} must be named {offer_key(made)}", f"offers.{name[:80]}")
    if kind != "offers":
        _check_name(name)
    if kind == "providers":
        _check_address(parts, made["base_url"])
    return made


def _put(
    parts: "CatalogParts", caller: ApiKey, kind: str, name: str, change: Callable[[Row | None], Row], tag: str | None
) -> tuple[Json, str]:
    row = _answered(lambda: parts.catalog_editor().put(kind, name, change, by=_who(caller), tag=tag))
    return _shown(kind, name, row, own=True), tag_of(row)


def _answered(work: Callable[[], T]) -> T:
    """What an edit gives, or why it does not, in the words of the API."""
    try:
        return work()
    except NoSuchRow as error:
        raise _no_such_row() from error
    except NotAsRead as error:
        message = "it was changed since you read it: read it again, and put your change to what is there now"
        raise ApiError(412, "conflict", message, "If-Match") from error
    except Unfit as error:
        raise invalid_field(str(error), None) from error
    except TooManyRows as error:
        raise too_large(str(error)) from error


def _key_moves(parts: "CatalogParts", name: str, before: Row | None, after: Row) -> bool:
    """Whether a key that is kept for a provider would go to another address than it did, or than the shipped one."""
    known = before or parts.catalog_editor().would_be({})["providers"].get(name)
    same = known is not None and known["base_url"] == after["base_url"]
    named = before is not None and before.get("credential", "") == after.get("credential", "")
    return not (same and (named or before is None)) and name in parts.credentials().available()


def _credential(given: Any) -> dict[str, str] | None:
    if given is None:
        return None
    texts = isinstance(given, dict) and all(isinstance(value, str) for value in given.values())
    if not given or not texts or sum(map(len, given.values())) > MAX_CREDENTIAL:
        raise invalid_field('credential must be an object of texts, such as {"api_key": "…"}', "credential")
    return dict(given)


def _check_name(name: str) -> None:
    if not PROVIDER_NAME.fullmatch(name):
        raise invalid_field("a name has 1 to 40 small letters, digits, dots and hyphens", "name")


def _check_address(parts: "CatalogParts", url: str) -> None:
    try:
        check_webhook_url(url, local_mode=parts.settings.local_mode)
    except ValueError as error:
        raise invalid_field(f"base_url {error}", "base_url") from error


def _version(tag: str | None) -> int | None:
    if tag is None or tag == "*":
        return None
    version = whole_number(tag.strip('"'))
    return -1 if version is None else version


def _who(caller: ApiKey) -> str:
    return f"{caller.owner}/{caller.key_id}"


def _no_such_row() -> ApiError:
    return ApiError(404, "not_found", "There is no such row in the catalog.")


def _shown(kind: str, name: str, row: Row, *, own: bool) -> Json:
    about = {"object": f"catalog.{kind[:-1]}", **({} if kind == "offers" else {"name": name})}
    switch = {"enabled": row.get("enabled", True)} if kind == "providers" else {}
    return {**about, **row, **switch, "shipped": not own}


def _line(change: CatalogChange) -> Json:
    return {
        "at": change.at, "by": change.by, "kind": change.kind, "name": change.name,
        "before": change.before, "after": change.after,
    }  # fmt: skip
