"""The calls about accounts and keys, as the OpenAPI document has them."""

from darkroom.api.account_models import OWNER, AccountTerms, Credit, KeyChanges, NewKey, Redrive, Rotation
from darkroom.api.owners import KINDS
from darkroom.operations.erasure_store import Phase
from local.openapi.parts import (
    MAYBE_NUMBER,
    MAYBE_TEXT,
    MAYBE_WHOLE,
    TEXT,
    WHOLE,
    Json,
    answer,
    call,
    record,
)

ADMIN_ERRORS = (400, 401, 403)
BODY_ERRORS = (400, 401, 403, 413, 422)


def account_paths() -> Json:
    """An owner's own calls, and those of an admin."""
    owner = [{"$ref": "#/components/parameters/owner_name"}]
    key_id = [{"$ref": "#/components/parameters/key_id"}]
    queue = [{"$ref": "#/components/parameters/queue"}]
    account = {200: answer("The account.", "Account")}
    ledger = {200: answer("A page of the ledger, newest first.", "Ledger")}
    with_cost = {200: answer("A page of the ledger, with what each task cost at its provider.", "LedgerWithCost")}
    return {
        "/v1/account": {"get": call("getAccount", "See your credits", account, errors=(401, 403))},
        "/v1/account/ledger": {
            "get": call("getLedger", "See your ledger", ledger, parameters=["limit", "cursor"], errors=ADMIN_ERRORS)
        },
        "/v1/account/webhook-secret": {
            "get": call(
                "getWebhookSecret", "See the secret that your webhooks are signed with",
                {200: answer("It is yours alone.", "WebhookSecret")}, errors=(401, 403),
            ),
            "post": call(
                "rotateWebhookSecret", "Get a new secret for your webhooks; the old one signs beside it for a day",
                {201: answer("The new one.", "WebhookSecret")}, errors=(401, 403),
            )
        },
        "/v1/admin/keys": {
            "post": call(
                "makeKey", "Make an API key (admin)", {201: answer("The only time that it is shown.", "MadeKey")},
                body="NewKey", errors=(*BODY_ERRORS, 409),
            ),
            "get": call(
                "listKeys", "List API keys (admin)", {200: answer("A page of keys.", "KeyList")},
                parameters=["owner", "limit", "cursor"], errors=(400, 401, 403),
            ),
        },
        "/v1/admin/keys/{key_id}": {
            "parameters": key_id,
            "patch": call(
                "changeKey", "Change or disable an API key (admin)", {200: answer("The key.", "Key")},
                body="KeyChanges", errors=(*BODY_ERRORS, 404, 409),
            ),
        },
        "/v1/admin/keys/{key_id}/rotate": {
            "parameters": key_id,
            "post": call(
                "rotateKey", "Replace an API key (admin)", {201: answer("The new key.", "MadeKey")}, body="Rotation",
                errors=(*BODY_ERRORS, 404, 409),
            ),
        },
        "/v1/admin/accounts/{owner_name}": {
            "parameters": owner,
            "get": call("getAnyAccount", "See an owner's credits (admin)", account, errors=(401, 403, 404, 422)),
            "put": call(
                "putAccount", "Open an account or change its terms (admin)", account, body="AccountTerms",
                errors=(*BODY_ERRORS, 404, 409),
            ),
        },
        "/v1/admin/accounts/{owner_name}/credits": {
            "parameters": owner,
            "post": call(
                "addCredits", "Add credits, once for each reference (admin)", account, body="Credit",
                errors=(*BODY_ERRORS, 404, 409),
            ),
        },
        "/v1/admin/accounts/{owner_name}/ledger": {
            "parameters": owner,
            "get": call(
                "getAnyLedger", "See an owner's ledger (admin)", with_cost, parameters=["limit", "cursor"],
                errors=(*ADMIN_ERRORS, 404, 422),
            ),
        },
        "/v1/admin/owners/{owner_name}": {
            "parameters": owner,
            "delete": call(
                "eraseOwner", "Erase an owner, or go on with it (admin)",
                {200: answer("How far it is, what was removed and what is kept.", "OwnerErasure")},
                errors=(*ADMIN_ERRORS, 404, 409, 422),
            ),
        },
        "/v1/admin/dead-letters": {
            "get": call(
                "countDeadLetters", "Count what was given up on (admin)", {200: answer("By queue.", "DeadLetters")},
                errors=(401, 403),
            )
        },
        "/v1/admin/dead-letters/{queue}/redrive": {
            "parameters": queue,
            "post": call(
                "redriveDeadLetters", "Send on what was given up on (admin)", {200: answer("How many.", "Redriven")},
                body="Redrive", errors=(*BODY_ERRORS, 404),
            ),
        },
    }  # fmt: skip


def account_parameters() -> Json:
    """What stands in the paths."""
    return {
        name: {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in {
            "owner_name": {"type": "string", "pattern": f"^{OWNER}$"},
            "key_id": TEXT,
            "queue": {"type": "string", "enum": ["look", "generate", "ingest", "webhook", "intake", "notify"]},
        }.items()
    }


def account_schemas() -> Json:
    """What is taken and shown."""
    template = "#/components/schemas/{model}"
    models = (NewKey, KeyChanges, Rotation, AccountTerms, Credit, Redrive)
    taken: Json = {model.__name__: model.model_json_schema(ref_template=template) for model in models}
    key = {
        "object": {"const": "key"}, "key_id": TEXT, "owner": TEXT, "name": TEXT, "admin": {"type": "boolean"},
        "disabled": {"type": "boolean"}, "providers": {"type": "array", "items": TEXT},
        "requests_per_second": MAYBE_NUMBER, "open_tasks": MAYBE_WHOLE, "metered": {"type": "boolean"},
        "expires_at": MAYBE_WHOLE,
    }  # fmt: skip
    line = {
        "at": WHOLE, "kind": {"type": "string", "enum": ["credit", "reserve", "settle", "cancellation"]},
        "amount": TEXT, "reference": TEXT, "task_id": MAYBE_TEXT, "credits_charged": MAYBE_TEXT, "note": MAYBE_TEXT,
    }  # fmt: skip
    pages = {"Ledger": record(line), "LedgerWithCost": record({**line, "provider_cost": MAYBE_TEXT})}
    kept = record({"what": TEXT, "why": TEXT, "until": MAYBE_WHOLE})
    erasure = {
        "object": {"const": "owner.erasure"}, "owner": TEXT,
        "status": {"type": "string", "enum": ["erasing", "erased"]},
        "phase": {"type": "string", "enum": [phase.value for phase in Phase]}, "begun_at": WHOLE,
        "next_at": MAYBE_WHOLE, "finished_at": MAYBE_WHOLE, "removed": record(dict.fromkeys(KINDS, WHOLE)),
        "kept": {"type": "array", "items": kept},
    }  # fmt: skip
    counted = record({"queue": TEXT, "messages": WHOLE})
    return taken | {
        "Account": record(
            {
                "object": {"const": "account"}, "owner": TEXT, "metered": {"type": "boolean"},
                "prepaid": {"type": "boolean"}, "balance": TEXT, "open_tasks": WHOLE, "month": TEXT,
                "spent_this_month": TEXT, "monthly_budget": MAYBE_TEXT,
            }
        ),
        **{
            name: record(
                {"object": {"const": "list"}, "data": {"type": "array", "items": each}, "next_cursor": MAYBE_TEXT}
            )
            for name, each in pages.items()
        },
        "WebhookSecret": record({"object": {"const": "webhook.secret"}, "secret": TEXT}),
        "Key": record(key),
        "MadeKey": record({**key, "api_key": TEXT}),
        "KeyList": record(
            {"object": {"const": "list"}, "data": {"type": "array", "items": record(key)}, "next_cursor": MAYBE_TEXT}
        ),
        "OwnerErasure": record(erasure),
        "DeadLetters": record({"object": {"const": "list"}, "data": {"type": "array", "items": counted}}),
        "Redriven": record({"queue": TEXT, "sent": WHOLE}),
    }  # fmt: skip
