"""Takes the providers' completion callbacks, and reads kept ones again for an admin."""

from typing import Any

from darkroom.adapters.registry import PROVIDERS
from darkroom.api.errors import ApiError, forbidden, not_found
from darkroom.api.http import Response, answer, authenticate, new_app, raw_body, respond
from darkroom.domain.identifiers import well_formed
from darkroom.observation import count, follow, logger, observed
from darkroom.priming import prime
from darkroom.services.assembly import Assembly
from darkroom.services.callbacks import Verdict
from darkroom.settings import Settings

assembly = Assembly(Settings.from_environment())
app = new_app()


@app.post("/callbacks/<provider>/<task_id>/<token>")
@app.post("/callbacks/<provider>/<task_id>/<token>/")
def receive(provider: str, task_id: str, token: str) -> Response[str]:
    """Take one callback. Whatever it says, a genuine one is answered 200, so that it is not sent for ever."""
    known = provider in PROVIDERS or provider in assembly.settings.demo_providers
    if not known or not well_formed(task_id):
        raise not_found("There is nothing here.")
    follow(task_id)
    headers = dict(app.current_event.headers)
    verdict = assembly.callbacks().receive(provider, task_id, token, headers, raw_body(app))
    count("CallbackReceived", verdict=verdict.value)
    if verdict is Verdict.FORGED:
        logger.warning("provider trouble", extra={"trouble": "a forged callback", "provider": provider})
        count("ProviderTrouble")
        raise forbidden("This callback address is not one that was given out.")
    return answer(200, {"status": "ok"})


@app.post("/v1/tasks/<task_id>/callbacks/replay")
def replay(task_id: str) -> Response[str]:
    """Read a task's kept callbacks again with today's parser (admin)."""
    authenticate(app, assembly, admin=True)
    task = assembly.tasks().get(task_id) if well_formed(task_id) else None
    if task is None:
        raise not_found()
    verdicts = assembly.callbacks().replay(task)
    if not verdicts:
        raise ApiError(404, "not_found", "No callback of this task is kept.", task_id=task_id)
    return answer(200, {"task_id": task_id, "callbacks": [verdict.value for verdict in verdicts]})


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request of API Gateway."""
    return respond(app, event, context)


prime(assembly.callbacks)
