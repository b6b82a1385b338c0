"""The headers of answers and the parameters of calls, as the OpenAPI document has them."""

from darkroom.tasks.update import Status
from local.openapi.accounts import account_parameters
from local.openapi.catalog import catalog_parameters
from local.openapi.parts import Json


def headers() -> Json:
    """The headers of answers, by name."""
    texts = {
        "x-request-id": "The id of this request.",
        "etag": "The version of the task, for If-None-Match.",
        "retry-after": "Seconds until it is worth looking again; while the task is open.",
        "location": "Where the task is, of a task just posted.",
        "idempotency-replayed": "`true` where this idempotency key had made the task before.",
    }
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in texts.items()}


def parameters() -> Json:
    """What stands in queries, headers and paths, by name."""
    text: Json = {"type": "string"}
    whole: Json = {"type": "integer", "minimum": 0}
    query: dict[str, tuple[Json, str]] = {
        "status": ({"type": "string", "enum": [status.value for status in Status]}, "Only tasks with this status."),
        "model": (text, "Only tasks of this model."),
        "provider": (text, "Only tasks at this provider."),
        "created_after": (whole, "Unix milliseconds."),
        "created_before": (whole, "Unix milliseconds."),
        "limit": ({"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "Tasks on a page."),
        "cursor": (text, "`next_cursor` of the page before."),
        "month": ({"type": "string", "pattern": r"^20\d\d-(0[1-9]|1[0-2])$"}, "Such as 2026-11; default: now."),
        "format": ({"type": "string", "enum": ["json", "csv"], "default": "json"}, "CSV: a line a model and provider."),
        "owner": (text, "Only keys of this owner."),
    }
    header = {
        "Idempotency-Key": ({"type": "string", "minLength": 1, "maxLength": 255}, "Makes a repetition the same task."),
        "Prefer": ({"type": "string", "examples": ["wait=20"]}, "`wait=N`: answer when the task ends, in N ≤ 25 s."),
        "If-None-Match": (text, "An etag: 304 where the task is as it was."),
    }
    named: Json = {
        name: {"name": name, "in": "query", "schema": schema, "description": words}
        for name, (schema, words) in query.items()
    }
    named |= {
        name: {"name": name, "in": "header", "schema": schema, "description": words}
        for name, (schema, words) in header.items()
    }
    named["task_id"] = {"name": "task_id", "in": "path", "required": True, "schema": text}
    return named | account_parameters() | catalog_parameters()
