"""The pieces that the OpenAPI document is put together from."""

import json
from typing import Any

from local.openapi.descriptions import DESCRIPTIONS, TITLE

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
WHOLE: Json = {"type": "integer"}
NUMBER: Json = {"type": "number"}
MAYBE_TEXT: Json = {"type": ["string", "null"]}
MAYBE_WHOLE: Json = {"type": ["integer", "null"]}
MAYBE_NUMBER: Json = {"type": ["number", "null"]}


def call(
    operation: str,
    summary: str,
    answers: dict[int, Json],
    *,
    body: str | None = None,
    parameters: list[str] | None = None,
    errors: tuple[int, ...] = (),
) -> Json:
    """One call: what it is named, takes and answers. Who has to give a key may be told to slow down."""
    if 401 in errors:
        errors = (*errors, 429)
    described: Json = {
        "operationId": operation,
        "summary": summary,
        "description": DESCRIPTIONS[operation],
        "responses": {
            **{str(status): answer for status, answer in sorted(answers.items())},
            **{str(status): {"$ref": "#/components/responses/Error"} for status in sorted(set(errors))},
        },
    }
    if parameters:
        described["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in parameters]
    if body:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def open_call(operation: str, summary: str, shown: Json) -> Json:
    """A call without a key. The gateway alone refuses it: past the deployment's rate, in the gateway's own words."""
    limited = {"description": "Too many calls for the deployment; the gateway's own answer."}
    return {**call(operation, summary, {200: shown, 429: limited}), "security": []}


def about() -> Json:
    """The rest of the document's head: who to ask is the deployment's operator, and no licence is chosen yet."""
    return {
        "description": TITLE,
        "contact": {"name": "Whoever runs this deployment"},
        "license": {"name": "None chosen yet", "identifier": "LicenseRef-None"},
    }


def answer(description: str, schema: str) -> Json:
    """An answer with a JSON body."""
    return {
        "description": description,
        "headers": {"x-request-id": {"$ref": "#/components/headers/x-request-id"}},
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def record(properties: Json, optional: tuple[str, ...] = ()) -> Json:
    """The schema of an object whose fields are all there, but the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


_TAGS = {
    "tasks": ("Tasks", "Pictures as tasks: posted, looked at, cancelled, removed."),
    "batches": ("Tasks", ""),
    "models": ("Models", "What can be made, by whom and for how much."),
    "usage": ("Account", "What an owner used and has left."),
    "account": ("Account", ""),
    "admin": ("Admin", "Keys, credits, owners and dead letters, for admin keys."),
}


_SERVICE = ("Service", "The deployment itself.")


def tags() -> list[Json]:
    """The groups of calls, for the document's head."""
    return [{"name": name, "description": text} for name, text in (*_TAGS.values(), _SERVICE) if text]


def tagged(paths: Json) -> Json:
    """The calls in groups, by what their paths begin with."""
    for path, calls in paths.items():
        part = path.split("/")[2] if path.startswith("/v1/") else ""
        tag, _ = _TAGS.get(part, _SERVICE)
        for method in {"get", "post", "put", "patch", "delete"} & calls.keys():
            calls[method]["tags"] = [tag]
    return paths


def say_default(field: Json) -> None:
    """Say a field's default in its description: generators of code take one in the schema for a field that is there."""
    default = field.pop("default", None)
    if default is not None and "Default" not in field.get("description", ""):
        said = f"Default: {json.dumps(default)}."
        field["description"] = f"{field['description']} {said}" if "description" in field else said
