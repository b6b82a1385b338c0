"""Writes the OpenAPI document: the shapes out of the models that check them, the calls out of the list below."""

import json

from darkroom.api.document import DOCUMENT
from darkroom.api.request import NewTask
from darkroom.tasks.failure import ErrorCode
from darkroom.tasks.task import AttemptState, ImageState
from darkroom.tasks.update import Status
from local.openapi.accounts import account_paths, account_schemas
from local.openapi.catalog import catalog_paths, catalog_schemas
from local.openapi.parameters import headers, parameters
from local.openapi.parts import (
    MAYBE_NUMBER,
    MAYBE_TEXT,
    Json,
    about,
    answer,
    call,
    open_call,
    record,
    say_default,
    tagged,
    tags,
)

POSTING_ERRORS = (400, 401, 402, 403, 409, 413, 422)


def build_document() -> Json:
    """The document of the native API."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Darkroom API",
            "version": "1",
            "summary": "Asynchronous image generation: one task, any provider, stored pictures.",
            **about(),
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": tags(),
        "paths": tagged(_paths()),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
            "parameters": parameters(),
            "headers": headers(),
            "responses": {"Error": _error_response()},
        },
    }


def _paths() -> Json:
    task_id = [{"$ref": "#/components/parameters/task_id"}]
    return {
        "/v1/tasks": {
            "post": call(
                "createTask", "Post a task", {202: _task("Accepted."), 200: _task("Ended while waiting.")},
                body="NewTask", parameters=["Idempotency-Key", "Prefer"], errors=POSTING_ERRORS,
            ),
            "get": call(
                "listTasks", "List tasks, newest first", {200: answer("A page of tasks.", "TaskList")},
                parameters=["status", "model", "provider", "created_after", "created_before", "limit", "cursor"],
                errors=(400, 401, 403),
            ),
        },
        "/v1/tasks/{task_id}": {
            "parameters": task_id,
            "get": call(
                "getTask", "Look at a task", {200: _task("The task."), 304: {"description": "As you know it."}},
                parameters=["If-None-Match", "Prefer"], errors=(400, 401, 403, 404),
            ),
            "delete": call(
                "deleteTask", "Remove an ended task and its images", {204: {"description": "Removed."}},
                errors=(401, 403, 404, 409),
            ),
        },
        "/v1/tasks/{task_id}/cancel": {
            "parameters": task_id,
            "post": call(
                "cancelTask", "Cancel an open task", {200: _task("Cancelled.")}, errors=(401, 403, 404, 409)
            ),
        },
        "/v1/tasks/{task_id}/webhook": {
            "parameters": task_id,
            "get": call(
                "getWebhook", "See the attempts to deliver a webhook",
                {200: answer("The attempts.", "WebhookDelivery")}, errors=(401, 403, 404),
            ),
            "post": call(
                "resendWebhook", "Send an ended task's webhook again", {202: _task("Queued.")},
                errors=(401, 403, 404, 409),
            ),
        },
        "/v1/tasks/{task_id}/events": {
            "parameters": task_id,
            "get": call(
                "getEvents", "See what happened to a task", {200: answer("Its history.", "EventList")},
                errors=(401, 403, 404),
            ),
        },
        "/v1/tasks/{task_id}/dispute": {
            "parameters": task_id,
            "get": call(
                "getDispute", "What a provider may be shown about a task", {200: answer("The bundle.", "Anything")},
                errors=(401, 403, 404),
            ),
        },
        "/v1/tasks/{task_id}/callbacks/replay": {
            "parameters": task_id,
            "post": call(
                "replayCallbacks", "Read a task's kept callbacks again (admin)",
                {200: answer("What came of each.", "Replay")}, errors=(401, 403, 404),
            ),
        },
        "/v1/batches": {
            "post": call(
                "createBatch", "Post up to 100 tasks", {200: answer("What became of each.", "BatchResult")},
                body="NewBatch", parameters=["Idempotency-Key"], errors=(400, 401, 403, 413, 422),
            )
        },
        "/v1/models": {
            "get": call("listModels", "The catalog", {200: answer("All models.", "ModelList")}, errors=(401, 403))
        },
        "/v1/usage": {
            "get": call(
                "getUsage", "A month's usage", {200: _usage()}, parameters=["month", "format"],
                errors=(400, 401, 403),
            )
        },
        **account_paths(),
        **catalog_paths(),
        "/health": {"get": open_call("getHealth", "Whether the API answers", answer("It does.", "Health"))},
        "/openapi.json": {"get": open_call("getOpenApi", "This document", answer("The document.", "Anything"))},
    }  # fmt: skip


def _task(description: str) -> Json:
    shown = answer(description, "Task")
    names = ("x-request-id", "etag", "retry-after", "location", "idempotency-replayed")
    shown["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return shown


def _usage() -> Json:
    shown = answer("The usage.", "Usage")
    shown["content"]["text/csv"] = {"schema": {"type": "string"}}
    return shown


def _error_response() -> Json:
    return answer("What was wrong, and what would be right.", "Error")


def _schemas() -> Json:
    new_task = NewTask.model_json_schema(ref_template="#/components/schemas/{model}")
    for field in new_task["properties"].values():
        say_default(field)
    text, whole, number = {"type": "string"}, {"type": "integer"}, {"type": "number"}
    maybe_whole = {"type": ["integer", "null"]}
    failure = record(
        {
            "code": {"type": "string", "enum": [c.value for c in ErrorCode]},
            "message": text,
            "retryable": {"type": "boolean"},
        }
    )
    nothing: Json = {"type": "null"}
    image = record(
        {
            "index": whole, "status": {"type": "string", "enum": [state.value for state in ImageState]}, "url": text,
            "url_expires_at": whole, "content_type": text, "bytes": whole, "width": whole, "height": whole,
            "sha256": text, "error": failure,
        },
        ("url", "url_expires_at", "content_type", "bytes", "width", "height", "sha256", "error"),
    )  # fmt: skip
    attempt_error = record({"code": text, "message": text})
    attempt = record(
        {
            "provider": text,
            "status": {"type": "string", "enum": [s.value for s in AttemptState]},
            "error": attempt_error,
        },
        ("error",),
    )
    task = record(
        {
            "task_id": text, "object": {"const": "image.task"}, "model": text, "action": text,
            "status": {"type": "string", "enum": [status.value for status in Status]},
            "progress": {"type": "integer", "minimum": 0, "maximum": 100}, "provider": text, "created_at": whole,
            "started_at": maybe_whole, "completed_at": maybe_whole, "expires_at": whole,
            "images": {"type": "array", "items": image},
            "usage": record(
                {"images": whole, "credits_reserved": text, "credits_charged": text, "credits_withheld": text},
                ("credits_withheld",),
            ),
            "attempts": {"type": "array", "items": attempt},
            "metadata": {"type": "object", "additionalProperties": text},
            "error": {"anyOf": [failure, nothing]},
        }
    )  # fmt: skip
    error = record(
        {
            "error": record(
                {
                    "code": text,
                    "message": text,
                    "param": {"type": ["string", "null"]},
                    "request_id": text,
                    "task_id": text,
                },
                ("task_id",),
            )
        }
    )
    reference = {"$ref": "#/components/schemas/Task"}
    delivery_attempt = record(
        {
            "attempt": whole, "at": whole, "status": maybe_whole, "latency_ms": maybe_whole,
            "error": {"type": ["string", "null"]}, "next_at": maybe_whole,
        }
    )  # fmt: skip
    result = record(
        {"index": whole, "status": whole, "task": reference, "error": error["properties"]["error"]}, ("task", "error")
    )
    line = record(
        {
            "model": text, "provider": text, "tasks": whole, "completed": whole, "failed": whole, "cancelled": whole,
            "images": whole, "credits": text, "cost": text,
        },
        ("cost",),
    )  # fmt: skip
    measured = record(
        {
            "days": whole, "completed": whole, "failed": whole, "failure_rate": MAYBE_NUMBER,
            "seconds_p50": MAYBE_NUMBER, "seconds_p95": MAYBE_NUMBER, "callback_seconds_p95": MAYBE_NUMBER,
            "callbacks_lost": whole, "callback_loss_rate": MAYBE_NUMBER, "images_asked": whole,
            "images_delivered": whole, "credits_per_delivered_image": MAYBE_TEXT,
        }
    )  # fmt: skip
    event = record({"at": whole, "what": text, "cause": text, "details": {"type": "object"}})
    offer = {
        "provider": text, "upstream_model": text, "enabled": {"type": "boolean"}, "credits_per_image": text,
        "usual_seconds": number,
        "synchronous": {"type": "boolean"}, "features": {"type": "array", "items": text}, "max_n": whole,
        "max_image_urls": whole, "max_prompt": whole, "sizes": {"type": "object"},
        "breaker": {"type": "string", "enum": ["closed", "open", "half_open"]}, "measured": measured,
    }  # fmt: skip
    model = record(
        {
            "id": text,
            "object": {"const": "model"},
            "aliases": {"type": "array", "items": text},
            "offers": {"type": "array", "items": record(offer)},
        }
    )
    new_task_reference = {"$ref": "#/components/schemas/NewTask"}
    states = ["pending", "delivered", "failed", "gone"]
    return {
        "NewTask": new_task,
        "NewBatch": record(
            {"tasks": {"type": "array", "minItems": 1, "maxItems": 100, "items": new_task_reference}}
        ),
        "Task": task,
        "TaskList": record(
            {
                "object": {"const": "list"},
                "data": {"type": "array", "items": reference},
                "next_cursor": {"type": ["string", "null"]},
            }
        ),
        "BatchResult": record({"data": {"type": "array", "items": result}}),
        "WebhookDelivery": record(
            {
                "object": {"const": "webhook.delivery"}, "task_id": text, "callback_url": text,
                "state": {"type": "string", "enum": states}, "attempts": {"type": "array", "items": delivery_attempt},
            }
        ),
        **account_schemas(),
        **catalog_schemas(),
        "EventList": record(
            {
                "object": {"const": "list"}, "task_id": text, "request": {"type": "object"},
                "data": {"type": "array", "items": event},
            }
        ),
        "Replay": record({"task_id": text, "callbacks": {"type": "array", "items": text}}),
        "ModelList": record({"object": {"const": "list"}, "data": {"type": "array", "items": model}}),
        "Usage": record(
            {
                "object": {"const": "usage"}, "month": text, "data": {"type": "array", "items": line},
                "total": record({"tasks": whole, "images": whole, "credits": text, "cost": text}, ("cost",)),
            }
        ),
        "Health": record({"status": {"const": "ok"}}),
        "Anything": {"type": "object"},
        "Error": error,
    }  # fmt: skip


def rendered() -> str:
    """The document as the file has it."""
    return json.dumps(build_document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(rendered(), encoding="utf-8")
