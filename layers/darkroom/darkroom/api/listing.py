"""Lists and sums: a page of tasks, and a month of usage."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from darkroom.accounts.keys import AccountStore
from darkroom.accounts.money import format_credits
from darkroom.api.errors import bad_request
from darkroom.api.http import to_json
from darkroom.api.numbers import whole_number
from darkroom.api.rendering import render_task
from darkroom.api.sizes import fits
from darkroom.clock import now
from darkroom.tasks.listing import BadCursor, Filters
from darkroom.tasks.update import Status

if TYPE_CHECKING:
    from darkroom.api.parts import ListingParts

Query = Mapping[str, str]
DEFAULT_LIMIT, MAX_LIMIT = 20, 100
_FIELDS = frozenset({"status", "model", "provider", "created_after", "created_before", "limit", "cursor"})
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


def list_tasks(parts: "ListingParts", owner: str, query: Query) -> dict[str, Any]:
    """A page of an owner's tasks. Raises `ApiError` (400)."""
    _known(query, _FIELDS)
    if "status" in query and query["status"] not in {status.value for status in Status}:
        raise bad_request(f"status must be one of {', '.join(Status)}", "status")
    equal = {name: query[name] for name in ("status", "model", "provider") if query.get(name)}
    if "model" in equal:
        equal["model"] = _model_name(parts, equal["model"])
    filters = Filters(equal, _moment(query, "created_after"), _moment(query, "created_before"))
    if (filters.created_after or 0) > (10**15 if filters.created_before is None else filters.created_before):
        raise bad_request("created_after lies behind created_before", "created_after")
    limit = _whole(query, "limit", 1, MAX_LIMIT) or DEFAULT_LIMIT
    try:
        return _page(parts, owner, filters, limit, query.get("cursor") or None)
    except BadCursor as error:
        raise bad_request("cursor is not one that this list gave out", "cursor") from error


def _page(parts: "ListingParts", owner: str, filters: Filters, limit: int, cursor: str | None) -> dict[str, Any]:
    """A page that can be carried: of very large tasks there are fewer in it than were asked for."""
    page = parts.task_list().page(owner, filters, limit=limit, cursor=cursor)
    moment = now()
    shown = {
        "object": "list",
        "data": [render_task(task, parts.links(), moment) for task in page.tasks],
        "next_cursor": page.next_cursor,
    }
    if limit > 1 and not fits(to_json(shown)):
        return _page(parts, owner, filters, limit // 2, cursor)
    return shown


def show_usage(
    accounts: AccountStore, owner: str, query: Query, moment: int, *, with_cost: bool = False
) -> dict[str, Any]:
    """An owner's usage in a month, by model and provider and in all; with what it cost us for an admin.

    Raises `ApiError` (400).
    """
    _known(query, frozenset({"month", "format", *(("owner",) if with_cost else ())}))
    if query.get("format", "json") not in {"json", "csv"}:
        raise bad_request("format must be json or csv", "format")
    month = query.get("month") or datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m")
    if not _MONTH.fullmatch(month):
        raise bad_request("month must be YYYY-MM, such as 2026-11", "month")
    lines = accounts.usage(owner, month)
    return {
        "object": "usage",
        "month": month,
        "data": [
            {
                "model": line.model,
                "provider": line.provider,
                "tasks": line.completed + line.failed + line.cancelled,
                "completed": line.completed,
                "failed": line.failed,
                "cancelled": line.cancelled,
                "images": line.images,
                "credits": format_credits(Decimal(line.credits)),
                **({"cost": format_credits(Decimal(line.cost))} if with_cost else {}),
            }
            for line in lines
        ],
        "total": {
            "tasks": sum(line.completed + line.failed + line.cancelled for line in lines),
            "images": sum(line.images for line in lines),
            "credits": format_credits(sum((Decimal(line.credits) for line in lines), Decimal(0))),
            **({"cost": format_credits(sum((Decimal(line.cost) for line in lines), Decimal(0)))} if with_cost else {}),
        },
    }


def usage_as_csv(usage: Mapping[str, Any]) -> str:
    """A month's usage as CSV: a line a model and provider."""
    import csv
    import io

    names = ["month", "model", "provider", "tasks", "completed", "failed", "cancelled", "images", "credits"]
    names += ["cost"] if "cost" in usage["total"] else []
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({"month": usage["month"], **line} for line in usage["data"])
    return text.getvalue()


def _model_name(parts: "ListingParts", name: str) -> str:
    """The catalog's name of a model that may be given by any of its names."""
    from darkroom.catalog.models import UnknownModel

    try:
        return parts.catalog_in_force().find(name).name
    except UnknownModel as error:
        raise bad_request(str(error), "model") from error


def _known(query: Query, names: frozenset[str]) -> None:
    unknown = next((name for name in query if name not in names), None)
    if unknown is not None:
        raise bad_request(f"unknown parameter {unknown[:80]!r}: use {', '.join(sorted(names))}", unknown[:80])


def _moment(query: Query, name: str) -> int | None:
    return _whole(query, name, 0, 10**15 - 1)


def _whole(query: Query, name: str, low: int, high: int) -> int | None:
    text = query.get(name)
    if text is None or text == "":
        return None
    number = whole_number(text)
    if number is None or not low <= number <= high:
        raise bad_request(f"{name} must be a whole number from {low} to {high}", name)
    return number
