"""What an owner may know and change of its own account: credits, ledger and webhook secret."""

from typing import Any

from darkroom.api import accounts
from darkroom.api.http import Response, answer, authenticate, new_app, respond
from darkroom.clock import now
from darkroom.container import Container
from darkroom.observability import logger, observed
from darkroom.settings import Settings

container = Container(Settings.from_environment())
app = new_app()


@app.get("/v1/account")
def get_account() -> Response[str]:
    """The caller's account."""
    return answer(200, accounts.show_account(container, authenticate(app, container).owner))


@app.get("/v1/account/ledger")
def get_ledger() -> Response[str]:
    """The caller's ledger."""
    caller = authenticate(app, container)
    return answer(200, accounts.show_ledger(container, caller.owner, app.current_event.query_string_parameters))


@app.get("/v1/account/webhook-secret")
def get_webhook_secret() -> Response[str]:
    """The secret that the caller's webhooks are signed with."""
    owner = authenticate(app, container).owner
    return answer(200, {"object": "webhook.secret", "secret": container.webhook_secrets_of(owner)[0]})


@app.post("/v1/account/webhook-secret")
def rotate_webhook_secret() -> Response[str]:
    """Give the caller a new secret for its webhooks; the one before signs beside it for a day."""
    owner = authenticate(app, container).owner
    # Receivers that go by a secret of the deployment have a day to change, too.
    before = [container.keys().webhook(owner), *container.keys().shared_webhook()]
    secret = container.webhook_secrets().rotate(owner, now(), first=before[1] if len(before) > 1 else before[0])
    logger.info("webhook secret rotated")
    return answer(201, {"object": "webhook.secret", "secret": secret})


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request of API Gateway."""
    return respond(app, event, context)
