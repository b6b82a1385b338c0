"""Everything that can be looked up: tasks, lists, deliveries, models, usage, health and the OpenAPI document."""

from typing import Any

from darkroom.api.errors import not_found
from darkroom.api.headers import matches_etag, wait_seconds
from darkroom.api.http import Response, answer, authenticate, new_app, respond
from darkroom.api.rendering import render_delivery
from darkroom.api.tasks import entity_tag, owned_task, task_answer
from darkroom.clock import now
from darkroom.container import Container
from darkroom.observability import follow, observed
from darkroom.runtime.priming import prime
from darkroom.settings import Settings
from darkroom.tasks.long_polling import wait_for_end

container = Container(Settings.from_environment())
app = new_app()


@app.get("/v1/tasks/<task_id>")
def get_task(task_id: str) -> Response[str]:
    """One task, now or (`Prefer: wait=N`) as soon as it has ended."""
    caller = authenticate(app, container)
    headers = app.current_event.headers
    wait = wait_seconds(headers)
    task = owned_task(container.tasks(), caller.owner, task_id)
    task = wait_for_end(container.tasks(), task, wait) if wait else task
    follow(task.task_id, task.correlation_id)
    etag = entity_tag(task, container.links(), now())
    if matches_etag(headers, etag):
        return answer(304, etag=etag, cache_control="private, no-cache")
    return task_answer(200, task, container.links(), now())


@app.get("/v1/tasks")
def get_tasks() -> Response[str]:
    """A page of the caller's tasks, newest first."""
    from darkroom.api.listing import list_tasks

    caller = authenticate(app, container)
    return answer(200, list_tasks(container, caller.owner, app.current_event.query_string_parameters))


@app.get("/v1/tasks/<task_id>/webhook")
def get_webhook(task_id: str) -> Response[str]:
    """The attempts to deliver a task's webhook."""
    task = owned_task(container.tasks(), authenticate(app, container).owner, task_id)
    if not task.request.callback_url:
        raise not_found("The task was posted without a callback_url.")
    return answer(200, render_delivery(container.delivery_log(task)))


@app.get("/v1/tasks/<task_id>/events")
def get_events(task_id: str) -> Response[str]:
    """What happened to a task."""
    from darkroom.api.history import task_events

    task = owned_task(container.tasks(), authenticate(app, container).owner, task_id)
    return answer(200, task_events(container, task))


@app.get("/v1/tasks/<task_id>/dispute")
def get_dispute(task_id: str) -> Response[str]:
    """What a provider may be shown about a task."""
    from darkroom.api.history import dispute_bundle

    task = owned_task(container.tasks(), authenticate(app, container).owner, task_id)
    return answer(200, dispute_bundle(container, task))


@app.get("/v1/models")
def get_models() -> Response[str]:
    """The catalog."""
    from darkroom.api.models import render_catalog

    caller = authenticate(app, container)
    return answer(200, render_catalog(container.catalog_in_force(), container.scorecard(), caller.owner))


@app.get("/v1/usage")
def get_usage() -> Response[str]:
    """The caller's usage in a month, or for an admin anybody's (`owner`), with what it cost."""
    from darkroom.api.listing import show_usage, usage_as_csv

    caller = authenticate(app, container)
    query = app.current_event.query_string_parameters
    owner = query.get("owner") or caller.owner if caller.admin else caller.owner
    usage = show_usage(container.accounts(), owner, query, now(), with_cost=caller.admin)
    if query.get("format") == "csv":
        return Response(200, "text/csv; charset=utf-8", usage_as_csv(usage))
    return answer(200, usage)


@app.get("/")
@app.get("/docs")
def get_console() -> Response[str]:
    """The console; at `/docs` it shows the API's reference, to read and to try."""
    from darkroom.api.pages import page

    return page("index.html")


@app.get("/console/<name>")
def get_console_file(name: str) -> Response[str]:
    """What the console's page is made of."""
    from darkroom.api.pages import page

    return page(name)


@app.get("/health")
def get_health() -> Response[str]:
    """That we are here, and which release of us."""
    return answer(200, {"status": "ok"}, x_darkroom_release=container.settings.release)


@app.get("/openapi.json")
def get_openapi() -> Response[str]:
    """The description of this API."""
    from darkroom.api.document import openapi_document

    return Response(200, "application/json", openapi_document())


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request of API Gateway."""
    return respond(app, event, context)


prime(lambda: (container.accounts(), container.tasks(), container.links()))
