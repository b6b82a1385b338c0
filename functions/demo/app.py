"""Plays two providers and a receiver of webhooks, so that a deployment can be proven before any key is bought."""

from typing import Any

from darkroom.api.errors import not_found
from darkroom.api.http import Response, answer, authenticate, new_app, raw_body, respond
from darkroom.container import Container
from darkroom.demo.inbox import MOST_BYTES, Inboxes, NoSuchInbox
from darkroom.demo.provider import DemoProvider
from darkroom.observability import observed
from darkroom.settings import Settings

container = Container(Settings.from_environment())
app = new_app()
demo, inboxes = DemoProvider(container), Inboxes(container)


@app.post("/demo/inbox")
def open_inbox() -> Response[str]:
    """Open an inbox for webhooks, for whoever has a key."""
    authenticate(app, container)
    return answer(201, inboxes.open())


@app.post("/demo/inbox/<inbox_id>")
def take_webhook(inbox_id: str) -> Response[str]:
    """Keep a webhook."""
    try:
        inboxes.take(inbox_id, app.current_event.headers, raw_body(app, limit=MOST_BYTES))
    except NoSuchInbox as problem:
        raise not_found(f"{str(problem).capitalize()}.") from problem
    return answer(200, {"status": "ok"})


@app.get("/demo/inbox/<inbox_id>")
def show_inbox(inbox_id: str) -> Response[str]:
    """Show what came last."""
    try:
        return answer(200, inboxes.read(inbox_id))
    except NoSuchInbox as problem:
        raise not_found(f"{str(problem).capitalize()}.") from problem


@app.get("/demo/pictures/<job_id>/<name>")
def get_picture(job_id: str, name: str) -> Response[Any]:
    """Draw a picture of a job that is done."""
    drawn = demo.picture(job_id, name)
    if drawn is None:
        raise not_found("There is no such picture (yet).")
    return Response(200, "image/png", drawn)


@app.post("/demo/<provider>/v1/images/generations")
def submit(provider: str) -> Response[str]:
    """Take a submission."""
    _check(provider)
    return answer(*demo.submit(provider, raw_body(app), app.lambda_context.function_name))


@app.get("/demo/<provider>/v1/tasks/<job_id>")
def query(provider: str, job_id: str) -> Response[str]:
    """Tell how a job stands."""
    _check(provider)
    return answer(*demo.query(job_id))


def _check(provider: str) -> None:
    if provider not in container.settings.demo_providers:
        raise not_found("There is no such provider here.")


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request of API Gateway, or send the callback that an earlier one has left behind."""
    if "demo_callback" in event:
        return {"delivered": demo.call_back(**event["demo_callback"])}
    return respond(app, event, context)
