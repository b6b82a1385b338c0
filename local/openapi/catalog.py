"""The calls about the catalog, as the OpenAPI document has them."""

from darkroom.api.catalog_rows import ModelRow, OfferRow, ProviderRow
from local.openapi.parts import MAYBE_TEXT, TEXT, WHOLE, Json, answer, call, record

_READ = (401, 403, 404)
_WRITE = (400, 401, 403, 404, 412, 413, 422)
_KINDS = {"provider": "Provider", "model": "Model", "offer": "Offer"}


def catalog_paths() -> Json:
    """What an admin sees and changes."""
    return {**_of_providers(), **_of_models(), **_of_offers(), **_as_a_whole()}


def _of_providers() -> Json:
    one = {200: answer("The provider.", "CatalogProvider")}
    name = [{"$ref": "#/components/parameters/row_name"}]
    return {
        "/v1/admin/providers": {"get": _listed("listProviders", "provider")},
        "/v1/admin/providers/{name}": {"parameters": name, **_calls("Provider", one, "NewProvider")},
        "/v1/admin/providers/{name}/disable": {
            "parameters": name,
            "post": call("disableProvider", "Send no new tasks to a provider (admin)", one, errors=_READ),
        },
        "/v1/admin/providers/{name}/enable": {
            "parameters": name,
            "post": call("enableProvider", "Send new tasks to a provider again (admin)", one, errors=_READ),
        },
    }


def _of_models() -> Json:
    one = {200: answer("The model.", "CatalogModel")}
    return {
        "/v1/admin/models": {"get": _listed("listCatalogModels", "model")},
        "/v1/admin/models/{name}": {
            "parameters": [{"$ref": "#/components/parameters/row_name"}],
            **_calls("Model", one, "ModelRow"),
        },
    }


def _of_offers() -> Json:
    one = {200: answer("The offer.", "CatalogOffer")}
    calls = _calls("Offer", one, "NewOffer")
    for method in ("get", "delete"):
        calls[method]["parameters"] = [
            *calls[method].get("parameters", []), {"$ref": "#/components/parameters/upstream_model"},
        ]  # fmt: skip
        calls[method]["responses"]["409"] = {"$ref": "#/components/responses/Error"}
    return {
        "/v1/admin/offers": {"get": _listed("listOffers", "offer")},
        "/v1/admin/offers/{model}/{provider}": {
            "parameters": [
                {"$ref": "#/components/parameters/offer_model"}, {"$ref": "#/components/parameters/offer_provider"},
            ],
            **calls,
        },
    }  # fmt: skip


def _as_a_whole() -> Json:
    whole = {200: answer("The deployment's own rows.", "Catalog")}
    return {
        "/v1/admin/catalog": {
            "get": call("getCatalog", "Read all of the deployment's own rows (admin)", whole, errors=(401, 403)),
            "put": call(
                "putCatalog", "Put other rows in the place of all the deployment's own (admin)", whole,
                body="NewCatalog", parameters=["If-Match"], errors=(400, 401, 403, 412, 413, 422),
            ),
        },
        "/v1/admin/catalog/history": {
            "get": call(
                "listCatalogChanges", "See who changed the catalog (admin)",
                {200: answer("A page of changes, newest first.", "CatalogHistory")},
                parameters=["limit", "cursor"], errors=(400, 401, 403),
            )
        },
    }  # fmt: skip


def _listed(operation: str, kind: str) -> Json:
    shown = {200: answer("All that are in force.", f"{_KINDS[kind]}Rows")}
    return call(operation, f"List the catalog's {kind}s (admin)", shown, errors=(401, 403))


def _calls(kind: str, one: dict[int, Json], body: str) -> Json:
    low = kind.lower()
    gone = {204: {"description": "It is out of force."}, **one}
    return {
        "get": call(f"getCatalog{kind}", f"See a {low} of the catalog (admin)", one, errors=_READ),
        "put": call(
            f"putCatalog{kind}", f"Put a {low} in force (admin)", one, body=body, parameters=["If-Match"],
            errors=_WRITE,
        ),
        "delete": call(
            f"deleteCatalog{kind}", f"Take a {low} out of force, or have the shipped one again (admin)", gone,
            parameters=["If-Match", "reset"], errors=(401, 403, 404, 412, 422),
        ),
    }  # fmt: skip


def catalog_parameters() -> Json:
    """What stands in paths, queries and headers."""
    name = {"type": "string", "pattern": "^[a-z0-9][a-z0-9.-]{0,39}$"}
    said = {
        "row_name": ("name", "path", name, "What it is called."),
        "offer_model": ("model", "path", name, "The model."),
        "offer_provider": ("provider", "path", name, "The provider."),
        "upstream_model": ("upstream_model", "query", TEXT, "Which, where a provider has several for a model."),
        "reset": ("reset", "query", {"type": "string", "enum": ["true"]}, "Puts the shipped row in force again."),
        "If-Match": ("If-Match", "header", TEXT, "The etag of what you read: 412 where it was changed since."),
    }  # fmt: skip
    return {
        key: {"name": called, "in": place, "required": place == "path", "schema": schema, "description": words}
        for key, (called, place, schema, words) in said.items()
    }


def catalog_schemas() -> Json:
    """What is taken and shown."""
    schemas: Json = {}
    for model in (ProviderRow, ModelRow, OfferRow):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    provider, model_row, offer = schemas["ProviderRow"], schemas["ModelRow"], schemas["OfferRow"]
    credential = {"type": "object", "additionalProperties": TEXT, "description": "Kept in the secret, and never shown."}
    schemas["NewProvider"] = {**provider, "properties": {**provider["properties"], "credential": credential}}
    of_the_row = {name: value for name, value in offer["properties"].items() if name not in {"model", "provider"}}
    required = [name for name in offer["required"] if name in of_the_row]
    schemas["NewOffer"] = {**offer, "properties": of_the_row, "required": required, "title": "NewOffer"}
    for kind, row in (("Provider", provider), ("Model", model_row), ("Offer", offer)):
        extra = {"object": {"const": f"catalog.{kind.lower()}"}, "shipped": {"type": "boolean"}}
        named = {} if kind == "Offer" else {"name": TEXT}
        shown = {"type": "object", "properties": {**extra, **named, **row["properties"]}}
        schemas[f"Catalog{kind}"] = {**shown, "required": [*extra, *named, *row.get("required", [])]}
        items = {"type": "array", "items": {"$ref": f"#/components/schemas/Catalog{kind}"}}
        schemas[f"{kind}Rows"] = record({"object": {"const": "list"}, "data": items})
    rows = {name: {"type": "object"} for name in ("providers", "models", "offers")}
    change = record({"at": WHOLE, "by": TEXT, "kind": TEXT, "name": TEXT, "before": {}, "after": {}})
    schemas["NewCatalog"] = {"type": "object", "properties": rows, "additionalProperties": False}
    schemas["Catalog"] = record({"object": {"const": "catalog"}, "version": WHOLE, **rows})
    schemas["CatalogHistory"] = record(
        {"object": {"const": "list"}, "data": {"type": "array", "items": change}, "next_cursor": MAYBE_TEXT}
    )
    return schemas
