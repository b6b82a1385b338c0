"""The routes of the catalog: providers, models, offers, and who changed what."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver, Router

from darkroom.api import catalog_admin
from darkroom.api.http import Response, answer, authenticate, json_object, raw_body

if TYPE_CHECKING:
    from darkroom.api.parts import CatalogRouteParts

Tagged = tuple[dict[str, Any], str]


def catalog_routes(app: APIGatewayHttpResolver, container: "CatalogRouteParts") -> Router:
    """The routes, for the admin function's app."""
    router = Router()  # type: ignore[no-untyped-call]  # Powertools has no types for it

    def admin() -> Any:
        return authenticate(app, container, admin=True)

    def body() -> dict[str, Any]:
        return json_object(raw_body(app))

    def if_match() -> str | None:
        return app.current_event.headers.get("if-match")

    def query(name: str) -> str:
        return app.current_event.query_string_parameters.get(name) or ""

    def tagged(found: Tagged | None) -> Response[str]:
        return answer(204) if found is None else answer(200, found[0], etag=found[1])

    def removed(kind: str, name: str) -> Response[str]:
        reset = query("reset") == "true"
        return tagged(catalog_admin.remove_row(container, admin(), kind, name, if_match(), reset=reset))

    def listed(kind: str) -> Callable[[], Response[str]]:
        def list_kind() -> Response[str]:
            admin()
            return answer(200, catalog_admin.list_rows(container, kind))

        return list_kind

    for kind in ("providers", "models", "offers"):
        router.get(f"/v1/admin/{kind}")(listed(kind))

    @router.get("/v1/admin/providers/<name>")
    def get_provider(name: str) -> Response[str]:
        admin()
        return tagged(catalog_admin.show_row(container, "providers", name))

    @router.put("/v1/admin/providers/<name>")
    def put_provider(name: str) -> Response[str]:
        return tagged(catalog_admin.put_provider(container, admin(), name, body(), if_match()))

    @router.delete("/v1/admin/providers/<name>")
    def delete_provider(name: str) -> Response[str]:
        return removed("providers", name)

    @router.post("/v1/admin/providers/<name>/disable")
    def disable_provider(name: str) -> Response[str]:
        return tagged(catalog_admin.switch_provider(container, admin(), name, on=False))

    @router.post("/v1/admin/providers/<name>/enable")
    def enable_provider(name: str) -> Response[str]:
        return tagged(catalog_admin.switch_provider(container, admin(), name, on=True))

    @router.get("/v1/admin/models/<name>")
    def get_model(name: str) -> Response[str]:
        admin()
        return tagged(catalog_admin.show_row(container, "models", name))

    @router.put("/v1/admin/models/<name>")
    def put_model(name: str) -> Response[str]:
        return tagged(catalog_admin.put_model(container, admin(), name, body(), if_match()))

    @router.delete("/v1/admin/models/<name>")
    def delete_model(name: str) -> Response[str]:
        return removed("models", name)

    @router.get("/v1/admin/offers/<model>/<provider>")
    def get_offer(model: str, provider: str) -> Response[str]:
        admin()
        key = catalog_admin.offer_named(container, model, provider, query("upstream_model"))
        return tagged(catalog_admin.show_row(container, "offers", key))

    @router.put("/v1/admin/offers/<model>/<provider>")
    def put_offer(model: str, provider: str) -> Response[str]:
        return tagged(catalog_admin.put_offer(container, admin(), model, provider, body(), if_match()))

    @router.delete("/v1/admin/offers/<model>/<provider>")
    def delete_offer(model: str, provider: str) -> Response[str]:
        admin()
        return removed("offers", catalog_admin.offer_named(container, model, provider, query("upstream_model")))

    @router.get("/v1/admin/catalog")
    def get_catalog() -> Response[str]:
        admin()
        return tagged(catalog_admin.show_catalog(container))

    @router.put("/v1/admin/catalog")
    def put_catalog() -> Response[str]:
        return tagged(catalog_admin.put_catalog(container, admin(), body(), if_match()))

    @router.get("/v1/admin/catalog/history")
    def get_history() -> Response[str]:
        admin()
        return answer(200, catalog_admin.show_history(container, app.current_event.query_string_parameters))

    return router
