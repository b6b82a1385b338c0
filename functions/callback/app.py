"""Takes the providers' completion callbacks, and reads kept ones again for an admin."""

from typing import Any

from darkroom.api.errors import ApiError, forbidden, not_found
from darkroom.api.http import Response, answer, authenticate, new_app, raw_body, respond
from darkroom.callbacks.receiver import Verdict
from darkroom.catalog.provider import PROVIDER_NAME
from darkroom.container import Container
from darkroom.observability import count, follow, logger, observed
from darkroom.runtime.priming import prime
from darkroom.settings import Settings
from darkroom.tasks.ids import well_formed

container = Container(Settings.from_environment())
app = new_app()


@app.post("/callbacks/<provider>/<task_id>/<token>")
@app.post("/callbacks/<provider>/<task_id>/<token>/")
def receive(provider: str, task_id: str, token: str) -> Response[str]:
    """Take one callback. Whatever it says, a genuine one is answered 200, so that it is not sent for ever."""
    if not PROVIDER_NAME.fullmatch(provider) or not well_formed(task_id):
        raise not_found("There is nothing here.")
    follow(task_id)
    headers = dict(app.current_event.headers)
    verdict = container.callbacks().receive(provider, task_id, token, headers, raw_body(app))
    count("CallbackReceived", verdict=verdict.value)
    if verdict is Verdict.FORGED:
        if not _is_known(provider):
            raise not_found("There is nothing here.")
        logger.warning("provider trouble", extra={"trouble": "a forged callback", "provider": provider})
        count("ProviderTrouble")
        raise forbidden("This callback address is not one that was given out.")
    return answer(200, {"status": "ok"})


def _is_known(provider: str) -> bool:
    from darkroom.catalog.shipped import shipped_rows  # for those alone who have no address of ours

    return provider in container.settings.demo_providers or provider in shipped_rows()["providers"]


@app.post("/v1/tasks/<task_id>/callbacks/replay")
def replay(task_id: str) -> Response[str]:
    """Read a task's kept callbacks again with today's parser (admin)."""
    authenticate(app, container, admin=True)
    task = container.tasks().get(task_id) if well_formed(task_id) else None
    if task is None:
        raise not_found()
    verdicts = container.callbacks().replay(task)
    if not verdicts:
        raise ApiError(404, "not_found", "No callback of this task is kept.", task_id=task_id)
    return answer(200, {"task_id": task_id, "callbacks": [verdict.value for verdict in verdicts]})


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request of API Gateway."""
    return respond(app, event, context)


prime(container.callbacks)
